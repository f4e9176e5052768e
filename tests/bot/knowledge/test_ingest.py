"""Only what changed is taken in, what cannot be is named, and a crash leaves the former index."""

from pathlib import Path

import pytest

from bot.errors import OperatorError
from bot.knowledge import ingest
from bot.knowledge.index import Index
from models.minilm import MiniLM


def test_every_format_is_read(folder: Path, tmp_path: Path, encoder: MiniLM) -> None:
    report = ingest(folder, tmp_path / "index", encoder)

    assert len(report.added) == 6
    assert report.articles == 7  # the table holds two
    assert not report.skipped
    index = Index.load(tmp_path / "index")
    declined = next(p for p in index.passages if p.article == "payments.declined-51")
    assert (declined.title, declined.url, declined.language) == (
        "Payment declined: code 51",
        "/help/51",
        "en",
    )
    refund = next(p for p in index.passages if p.headings == ("Refund",))
    assert refund.title == "Returning goods"
    assert "Home" not in refund.text


def test_only_what_changed_is_encoded(folder: Path, tmp_path: Path, encoder: MiniLM) -> None:
    ingest(folder, tmp_path / "index", encoder)
    (folder / "returns.html").unlink()
    (folder / "delivery" / "norway.md").write_text("# Delivery to Norway\n\nIt takes 3 days.\n")
    (folder / "delivery" / "sweden.md").write_text("# Delivery to Sweden\n\nIt takes 2 days.\n")

    steps: list[tuple[str, int, int]] = []
    report = ingest(
        folder, tmp_path / "index", encoder, lambda step, done, of: steps.append((step, done, of))
    )

    assert report.added == ["delivery/sweden.md"]
    assert report.changed == ["delivery/norway.md"]
    assert report.removed == ["returns.html"]
    assert report.unchanged == 4
    assert 0 < report.encoded <= 6
    assert steps[-1] == ("encode", report.encoded, report.encoded)
    again = ingest(folder, tmp_path / "index", encoder)
    assert (again.unchanged, again.encoded, again.articles) == (6, 0, report.articles)


def test_links_and_strange_files_are_refused_by_name(
    folder: Path, tmp_path: Path, encoder: MiniLM
) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("# Secret\n\nNever to be read.\n")
    (folder / "link.md").symlink_to(secret)
    (folder / "up").symlink_to(folder / "..")
    (folder / "latin.md").write_bytes("# Café\n".encode("latin-1"))
    (folder / "empty.md").write_text("")
    (folder / "sheet.xlsx").write_bytes(b"PK")
    (folder / "returns.md").write_text("# Returns again\n\nText.\n")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")

    report = ingest(folder, tmp_path / "index", encoder)

    reasons = {skipped.path: skipped.reason for skipped in report.skipped}
    assert "symbolic link" in reasons["link.md"]
    assert "symbolic link" in reasons["up"]
    assert "UTF-8" in reasons["latin.md"]
    assert "no text" in reasons["empty.md"]
    assert ".md" in reasons["sheet.xlsx"]
    assert "returns.html" in reasons["returns.md"]
    assert "broken.pdf" in reasons
    texts = [p.text for p in Index.load(tmp_path / "index").passages]
    assert not any("Never" in text for text in texts)


def test_folder_that_leads_upwards_is_refused(
    folder: Path, tmp_path: Path, encoder: MiniLM
) -> None:
    with pytest.raises(OperatorError, match=r"`\.\.`"):
        ingest(folder / ".." / "knowledge", tmp_path / "index", encoder)
    with pytest.raises(OperatorError, match="not there"):
        ingest(tmp_path / "nowhere", tmp_path / "index", encoder)


def test_crash_while_writing_leaves_the_former_index(
    folder: Path, tmp_path: Path, encoder: MiniLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(folder, tmp_path / "index", encoder)
    before = len(Index.load(tmp_path / "index").passages)
    (folder / "new.md").write_text("# New\n\nAn article.\n")

    def crash(*args: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("bot.knowledge.index.os.replace", crash)
        with pytest.raises(OSError, match="disk full"):
            ingest(folder, tmp_path / "index", encoder)
    assert len(Index.load(tmp_path / "index").passages) == before
    ingest(folder, tmp_path / "index", encoder)
    assert len(Index.load(tmp_path / "index").passages) == before + 1


def test_damaged_or_missing_index_says_what_to_do(
    folder: Path, tmp_path: Path, encoder: MiniLM
) -> None:
    with pytest.raises(OperatorError, match="frontdesk ingest"):
        Index.load(tmp_path / "index")
    ingest(folder, tmp_path / "index", encoder)
    contents = next((tmp_path / "index").glob("generation-*/contents.msgpack"))
    contents.write_bytes(contents.read_bytes()[:100])
    with pytest.raises(OperatorError, match="remove"):
        Index.load(tmp_path / "index")


def test_customers_own_words_find_an_article_and_are_not_quoted(
    folder: Path, tmp_path: Path, encoder: MiniLM
) -> None:
    (folder / "asked.csv").write_text(
        "article,question\n"
        "delivery/norway.md,when does my box cross the fjord\n"
        "questions.is-there-a-student-discount,cheaper for pupils?\n"
        "delivery/atlantis.md,do you ship under water\n"
    )

    report = ingest(folder, tmp_path / "index", encoder)

    index = Index.load(tmp_path / "index")
    assert [(a.article, a.question) for a in index.asked] == [
        ("delivery.norway", "when does my box cross the fjord"),
        ("questions.is-there-a-student-discount", "cheaper for pupils?"),
    ]
    assert index.vectors.asked.shape == (2, encoder.dimensions)
    assert not any("fjord" in passage.text for passage in index.passages)
    (skipped,) = report.skipped
    assert skipped.path == "asked.csv"
    assert "delivery/atlantis.md" in skipped.reason
    again = ingest(folder, tmp_path / "index", encoder)
    assert (again.encoded, again.unchanged) == (0, 7)
    assert again.skipped == report.skipped

    (folder / "delivery" / "norway.md").unlink()
    ingest(folder, tmp_path / "index", encoder)
    assert len(Index.load(tmp_path / "index").asked) == 1
