"""The `.env` beside `frontdesk.yaml`."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.config import load
from bot.env_file import add_to_env, read_env
from bot.errors import OperatorError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=50))
def test_what_is_written_is_read(file: Path, value: str) -> None:
    add_to_env(file, {"NAME": value, "OTHER": "x"})
    assert read_env(file) == {"NAME": value, "OTHER": "x"}


def test_only_its_owner_reads_it_whoever_could_before(file: Path) -> None:
    file.write_text("# mine\nOLD=1\nTOKEN=old\n", "utf-8")
    file.chmod(0o644)
    add_to_env(file, {"TOKEN": "new one"})
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text("utf-8") == "# mine\nOLD=1\nTOKEN='new one'\n"


def test_it_is_read_as_shells_read_it(file: Path) -> None:
    file.write_text("export A=1\nB='two words'  # why\n\n#C=3\nD=\"4\"\nE=\n", "utf-8")
    assert read_env(file) == {"A": "1", "B": "two words", "D": "4", "E": ""}


@pytest.mark.parametrize("line", ["A=1 B=2", "no equals", "A='open", "1A=2"])
def test_a_mistake_is_told_with_its_line(file: Path, line: str) -> None:
    file.write_text(f"GOOD=1\n{line}\n", "utf-8")
    with pytest.raises(OperatorError, match="line 2"):
        read_env(file)


def test_the_process_s_own_variables_win(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file.parent / "frontdesk.yaml").write_text("name: ${SHOP_NAME}\n", "utf-8")
    file.write_text("SHOP_NAME='from the file'\nFRONTDESK_LANGUAGE=de\n", "utf-8")
    assert (load(file.parent).name, load(file.parent).language) == ("from the file", "de")
    monkeypatch.setenv("SHOP_NAME", "from the process")
    assert load(file.parent).name == "from the process"
