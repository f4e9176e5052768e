"""What `frontdesk channels add` asks, and how it writes a channel into `frontdesk.yaml`."""

import getpass
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import typer
import yaml
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from bot.config import load
from bot.errors import OperatorError


class Setup:
    """What the operator decided about a channel."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self.values: dict[str, Any] = {}
        """Setting → its value, secrets included."""
        self.secrets: dict[str, str] = {}
        """Environment variable → the secret that was typed in."""
        self._written: dict[str, str] = {}

    @property
    def lines(self) -> list[str]:
        """The section, without secrets."""
        return [f"{self._channel}:", *(f"  {key}: {to}" for key, to in self._written.items())]

    @property
    def flow(self) -> str:
        """The section in one line."""
        inside = ", ".join(
            f'{key}: "{to}"' if to.startswith("$") else f"{key}: {to}"
            for key, to in self._written.items()
        )
        return f"{self._channel}: {{{inside}}}"

    def set(self, model: type[BaseModel], given: Sequence[str]) -> None:
        """Take settings that stand on the command line. Raises `OperatorError`."""
        for each in given:
            name, equals, value = each.partition("=")
            field = model.model_fields.get(name)
            if field is None or not equals:
                raise OperatorError(
                    f"`{each}` is not KEY=VALUE of {self._channel}",
                    remedy=f"its settings: {', '.join(model.model_fields)}",
                )
            if is_secret(field):
                raise OperatorError(
                    f"`{name}` is a secret, and command lines are remembered",
                    remedy="leave it out: it is asked for",
                )
            self._take(name, value)

    def ask(self, model: type[BaseModel], environment: Mapping[str, str]) -> None:
        """Ask for what must be there, and for secrets that may be. What the environment has is
        taken from there."""
        for name, field in model.model_fields.items():
            secret = is_secret(field)
            if name in self.values or not (secret or field.is_required()):
                continue
            variable = f"{self._channel}_{name}".upper()
            if secret and variable in environment:
                typer.echo(f"{variable} is taken from the environment")
                self._keep(name, environment[variable], f"${{{variable}}}")
                continue
            value = _answer(name, field, secret=secret)
            if not value:
                continue
            if secret:
                self.secrets[variable] = value
                self._keep(name, value, f"${{{variable}}}")
            else:
                self._take(name, value)

    def section(self, model: type[BaseModel], root: Path) -> BaseModel:
        """The section as the desk will read it. Raises `OperatorError`, with no secret in it."""
        try:
            return model.model_validate(self.values, context={"root": root})
        except ValidationError as error:
            found = error.errors(include_input=False, include_context=False, include_url=False)
            problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found]
            raise OperatorError(
                "\n".join(problems), remedy="nothing was changed; begin again"
            ) from None

    def _take(self, name: str, value: str) -> None:
        """Lists and mappings are typed as YAML writes them in a line."""
        if value.startswith(("[", "{")):
            self._keep(name, yaml.safe_load(value), value)
        else:
            self._keep(name, value, _scalar(value))

    def _keep(self, name: str, value: Any, written: str) -> None:
        self.values[name] = value
        self._written[name] = written


def is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *get_args(field.annotation))


def insert(file: Path, setup: Setup) -> None:
    """Write the section below `channels`, and leave every other line as it is. The file changes
    only if the desk can read the new one. Raises `OperatorError`."""
    file = file.resolve()
    new = file.with_name(f".{file.name}.new")
    with file.open(encoding="utf-8", newline="") as stream:
        text = stream.read()
    try:
        with new.open("w", encoding="utf-8", newline="") as stream:
            stream.write(with_section(text, setup))
        shutil.copymode(file, new)
        load(new)
        new.replace(file)
    except (OperatorError, OSError) as error:
        lines = "\n".join(f"  {line}" for line in setup.lines)
        raise OperatorError(
            f"{file} could not be changed: {error}", remedy=f"write into it:\nchannels:\n{lines}"
        ) from error
    finally:
        new.unlink(missing_ok=True)


def with_section(text: str, setup: Setup) -> str:
    """A configuration's text with one more channel. Raises `OperatorError` where it is none."""
    end = "\r\n" if "\r\n" in text else "\n"
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise OperatorError("the file holds no settings")
    place = next((pair for pair in root.value if pair[0].value == "channels"), None)
    if place is None:
        block = ["channels:", *(f"  {line}" for line in setup.lines)]
        gap = "" if text.endswith("\n") else end
        return f"{text}{gap}{end}{end.join(block)}{end}"
    key, value = place
    if isinstance(value, yaml.MappingNode) and value.flow_style:
        at = value.end_mark.index - 1
        comma = ", " if value.value else ""
        return f"{text[:at].rstrip()}{comma}{setup.flow}{text[at:]}"
    indent = value.value[0][0].start_mark.column if isinstance(value, yaml.MappingNode) else 2
    lines = text.splitlines(keepends=True)
    after = key.end_mark.line
    if not lines[after].endswith("\n"):
        lines[after] += end
    section = [f"{' ' * indent}{line}{end}" for line in setup.lines]
    return "".join([*lines[: after + 1], *section, *lines[after + 1 :]])


def _answer(name: str, field: FieldInfo, *, secret: bool) -> str:
    """What the operator types; empty where they leave out what may be left out."""
    meaning = " ".join((field.description or "").split())
    typer.echo(f"\n{name}: {meaning}")
    may = "" if field.is_required() else " (Enter leaves it out)"
    while True:
        value = _read(f"{name}{may}: ", secret=secret).strip()
        if value or not field.is_required():
            return value
        typer.echo("It must be there.")


def _read(prompt: str, *, secret: bool) -> str:
    """A line from the terminal, a secret without echo; from a pipe as it comes."""
    if secret and sys.stdin.isatty():
        return getpass.getpass(prompt)
    typer.echo(prompt, nl=False)
    line = sys.stdin.readline()
    if not line:
        raise typer.Abort
    if not sys.stdin.isatty():
        typer.echo()
    return line.rstrip("\r\n")


def _scalar(value: str) -> str:
    """A text as YAML writes it in a line."""
    return yaml.safe_dump(value, allow_unicode=True, width=10_000).removesuffix("...\n").strip()
