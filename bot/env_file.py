"""The `.env` beside `frontdesk.yaml`: secrets as `NAME=VALUE`, a line each, for its owner alone.

Shells, systemd's `EnvironmentFile` and Docker Compose read the same lines.
"""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from bot.errors import OperatorError

ENV_FILE = ".env"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MODE = 0o600


def read_env(file: Path) -> dict[str, str]:
    """Its variables; none where there is no such file. Raises `OperatorError`."""
    if not file.is_file():
        return {}
    found = {}
    for number, line in enumerate(_lines(file), 1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            raise OperatorError(
                f"{file}, line {number}: a quote is not closed", remedy="NAME='VALUE'"
            ) from error
        if words[:1] == ["export"]:
            del words[0]
        if not words:
            continue
        name, equals, value = words[0].partition("=")
        if len(words) > 1 or not equals or not _NAME.fullmatch(name):
            raise OperatorError(
                f"{file}, line {number}: this is not NAME=VALUE",
                remedy="put values with spaces into quotes: NAME='VALUE'",
            )
        found[name] = value
    return found


def add_to_env(file: Path, values: Mapping[str, str]) -> None:
    """Put variables into it, in the place of earlier ones of the same name; nobody but its owner
    may read it after that. Raises `OperatorError`."""
    kept = [line for line in (_lines(file) if file.is_file() else []) if _named(line) not in values]
    lines = [*kept, *(f"{name}={shlex.quote(value)}" for name, value in values.items())]
    new = file.with_name(f"{file.name}.new")
    try:
        # Made anew: what was readable for others before may be open in their hands.
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE), "w") as stream:
            os.fchmod(stream.fileno(), _MODE)
            stream.write("\n".join([*lines, ""]))
        new.replace(file)
    except OSError as error:
        raise OperatorError(f"{file} cannot be written: {error.strerror}") from error


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"{file} cannot be read: {error}", remedy="save it as UTF-8") from error


def _named(line: str) -> str:
    """The variable that a line sets; empty where it sets none."""
    return line.removeprefix("export ").partition("=")[0].strip() if "=" in line else ""
