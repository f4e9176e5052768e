"""Writes docs/cli.md from what each command says of itself: `make docs`."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from bot.cli.app import app

DOCUMENT = Path(__file__).parent.parent / "docs" / "cli.md"

_OPENING = """\
# The command line

<!-- Made by `make docs` from bot/cli/: change the texts there. -->

`make setup` puts the command into `.venv/bin`; `source .venv/bin/activate` makes it a plain
`frontdesk`. It is about the project in the current folder, or in the one that `--project` or
`FRONTDESK_PROJECT` names. A command ends with 0 where it succeeded, with 1 where what it was asked
cannot be done (the desk refused a message, the doctor found something), and with 2 where something
must be mended first: it says what, and how.

`ask`, `chat`, `explain` and `outbox` may be used beside a running `frontdesk serve` of the same
project: the desk that is open answers then.
"""


def document() -> str:
    """The whole page."""
    sections = [_section(" ".join(words), words) for words in command_words(get_command(app))]
    return "\n".join([_OPENING, _section("All commands", []), *sections])


def command_words(command: Any) -> Iterator[list[str]]:
    """The words of each command, and below it those of its own."""
    for name, below in getattr(command, "commands", {}).items():
        yield [name]
        yield from ([name, *words] for words in command_words(below))


def _section(title: str, words: list[str]) -> str:
    heading = f"## {title}" if not words else f"## `frontdesk {title}`"
    command = " ".join(["frontdesk", *words, "--help"])
    return f"{heading}\n\n```console\n$ {command}\n{_said(words)}\n```\n"


def _said(words: list[str]) -> str:
    ended = subprocess.run(  # noqa: S603 - this interpreter, on words of our own
        [sys.executable, "-c", "from bot.cli import main; main()", *words, "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=DOCUMENT.parent.parent,
        env={**os.environ, "COLUMNS": "96", "NO_COLOR": "1", "TERM": "dumb"},
    )
    lines = [
        line.rstrip() for line in ended.stdout.replace("Usage: -c", "Usage: frontdesk").split("\n")
    ]
    return re.sub(r"\n{2,}", "\n\n", "\n".join(lines)).strip("\n")


def main() -> None:
    """Write the page."""
    DOCUMENT.write_text(document(), "utf-8")


if __name__ == "__main__":
    main()
