"""`frontdesk init`."""

from pathlib import Path

from bot.config import load
from tests.bot.cli.conftest import Frontdesk


def test_a_new_project_can_be_read(frontdesk: Frontdesk, tmp_path: Path) -> None:
    assert frontdesk("init", "my-desk").returncode == 0
    config = load(tmp_path / "my-desk")
    assert config.name == "My Desk"
    assert list(config.knowledge.folder.glob("*.md"))
    assert ".frontdesk/" in (tmp_path / "my-desk" / ".gitignore").read_text("utf-8")


def test_a_name_with_yaml_in_it_is_kept(frontdesk: Frontdesk, tmp_path: Path) -> None:
    name = 'Möbel: "Ecke" #1 {$NAME}'
    assert frontdesk("init", "desk", "--name", name).returncode == 0
    assert load(tmp_path / "desk").name == name


def test_nothing_is_overwritten(frontdesk: Frontdesk, tmp_path: Path) -> None:
    frontdesk("init", "desk")
    file = tmp_path / "desk" / "frontdesk.yaml"
    file.write_text("name: Mine", "utf-8")
    ended = frontdesk("init", "desk")
    assert ended.returncode == 2
    assert "already" in ended.stderr
    assert file.read_text("utf-8") == "name: Mine"


def test_a_folder_with_other_files_may_become_a_project(
    frontdesk: Frontdesk, tmp_path: Path
) -> None:
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "notes.txt").write_text("mine", "utf-8")
    assert frontdesk("init", "desk").returncode == 0
    assert (tmp_path / "desk" / "notes.txt").read_text("utf-8") == "mine"
