"""What all commands share: help, and how errors are told."""

import subprocess
import sys

import pytest
from typer.main import get_command

from bot.cli.app import app
from tests.bot.cli.conftest import Frontdesk

COMMANDS = sorted(get_command(app).commands)


def test_help_names_every_command(frontdesk: Frontdesk) -> None:
    said = frontdesk("--help").stdout
    assert [name for name in COMMANDS if name not in said] == []
    assert {"init", "serve", "chat", "ask", "ingest", "explain", "doctor"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example(frontdesk: Frontdesk, command: str) -> None:
    said = frontdesk(command, "--help").stdout
    assert "Example" in said
    assert f"frontdesk {command}" in said


def test_help_loads_no_models_and_no_web_server() -> None:
    script = (
        "import sys; from bot.cli.app import app; "
        "heavy = {'numpy', 'onnxruntime', 'torch', 'fastapi', 'pydantic', 'redis', 'av'}; "
        "print(*heavy & sys.modules.keys())"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert loaded.stdout.split() == [], loaded.stderr


def test_an_operators_mistake_is_a_sentence_and_exit_code_2(frontdesk: Frontdesk) -> None:
    ended = frontdesk("ingest", "--project", "nowhere")
    assert ended.returncode == 2
    assert "there is no nowhere" in ended.stderr
    assert "→ run `frontdesk init FOLDER`" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_bad_configuration_is_told_with_its_line(frontdesk: Frontdesk, project: object) -> None:
    ended = frontdesk("ingest", "--project", project, FRONTDESK_SERVER__PORT="many")
    assert ended.returncode == 2
    assert "FRONTDESK_SERVER__PORT" in ended.stderr


def test_the_version_is_printed(frontdesk: Frontdesk) -> None:
    assert frontdesk("--version").stdout.startswith("frontdesk 0.")
