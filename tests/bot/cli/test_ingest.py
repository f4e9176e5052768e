"""`frontdesk ingest`."""

from pathlib import Path

from tests.bot.cli.conftest import Frontdesk


def test_only_what_changed_is_read(frontdesk: Frontdesk, project: Path) -> None:
    first = frontdesk("ingest", "-p", project)
    assert first.returncode == 0, first.stderr
    assert "1 new" in first.stdout
    (project / "articles" / "returns.md").write_text("# Returns\n\nThirty days.\n", "utf-8")
    second = frontdesk("ingest", "-p", project, "--verbose")
    assert "1 new: returns.md" in second.stdout
    assert "1 unchanged" in second.stdout
    assert "2 articles" in second.stdout


def test_what_cannot_be_read_is_named_with_the_reason(frontdesk: Frontdesk, project: Path) -> None:
    (project / "articles" / "elsewhere.md").symlink_to("/etc/hostname")
    (project / "articles" / "prices.xlsx").write_bytes(b"PK")
    said = frontdesk("ingest", "-p", project).stdout
    assert "skipped elsewhere.md: a symbolic link" in said
    assert "skipped prices.xlsx: only" in said
