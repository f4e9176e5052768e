"""Reads a YAML file into a typed model, and tells mistakes by file, line, key and what is allowed.

`${NAME}` in a text is replaced by an environment variable. Beside the file, each setting can be
given by a variable of its own: `FRONTDESK_REDIS`, `FRONTDESK_SERVER__PORT` (two underscores between
a section and its key). Variables may also stand in a `.env` beside the file (`bot/env_file.py`).
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from rapidfuzz.process import extractOne

from bot.env_file import ENV_FILE, read_env
from bot.errors import OperatorError

Model = TypeVar("Model", bound=BaseModel)
Keys = tuple[str | int, ...]

PREFIX = "FRONTDESK_"
LARGEST_BYTES = 1024 * 1024
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PASSWORD = re.compile(r"//[^/@]*@")
_DEEPEST = 20
_WANTED = {
    "byte_size": "must be a number of bytes, or a size such as `25 MiB`",
    "byte_size_unit": "must be a number of bytes, or a size such as `25 MiB`",
    "dict_type": "must be a section of `key: value` lines",
    "model_type": "must be a section of `key: value` lines",
    "list_type": "must be a list: `[one, two]`",
    "int_parsing": "must be a whole number",
    "bool_parsing": "must be true or false",
}


def read_config(model: type[Model], file: Path) -> Model:
    """The model, filled from `file` and the environment; relative paths are beside the file.

    Raises `OperatorError`.
    """
    environment = environment_of(file)
    source = _Source(file, environment)
    settings = source.settings()
    for keys, value in _from_environment(model, environment):
        _put(settings, keys, value)
    try:
        return model.model_validate(settings, context={"root": file.absolute().parent})
    except ValidationError as error:
        raise OperatorError(
            "\n".join(source.problems(error, model)),
            remedy="all settings are in docs/configuration.md",
        ) from error


def environment_of(file: Path) -> dict[str, str]:
    """The variables that a configuration is read with: the process's own, and before them those of
    the `.env` beside the file. Raises `OperatorError`."""
    return {**read_env(file.parent / ENV_FILE), **os.environ}


class _Source:
    """One file: its values, and the line that each came from."""

    def __init__(self, file: Path, environment: Mapping[str, str]) -> None:
        self._file = file
        self._environment = environment
        self._lines: dict[Keys, int] = {}

    def settings(self) -> dict[str, Any]:
        try:
            if self._file.stat().st_size > LARGEST_BYTES:
                raise OperatorError(f"{self._file} is larger than 1 MB; no configuration is")
            root = yaml.compose(self._file.read_text("utf-8"), Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            raise self._not_yaml(error) from error
        except (UnicodeDecodeError, yaml.YAMLError) as error:
            raise OperatorError(
                f"{self._file} is not text in UTF-8: {error}", remedy="save it as UTF-8"
            ) from error
        except OSError as error:
            raise OperatorError(f"{self._file} cannot be read: {error.strerror}") from error
        if root is None:
            return {}
        if not isinstance(root, yaml.MappingNode):
            raise OperatorError(
                f"{self._at(root)} the file must hold `key: value` lines", remedy="name: My shop"
            )
        settings: dict[str, Any] = self._value(root, ())
        return settings

    def problems(self, error: ValidationError, model: type[BaseModel]) -> list[str]:
        """The validator's errors as sentences, in the order of their lines."""
        details = error.errors()
        details.sort(key=lambda detail: self._lines.get(self._known(detail["loc"]), 0))
        return list(dict.fromkeys(self._problem(detail, model) for detail in details))

    def _problem(self, detail: ErrorDetails, model: type[BaseModel]) -> str:
        keys = self._known(detail["loc"])
        name = f"`{_dotted(keys)}`" if keys else "the file"
        place = self._place(keys)
        if detail["type"] == "extra_forbidden":
            return f"{place}{_unknown_key(keys, model)}"
        if detail["type"] == "missing":
            missing = _dotted((*keys, *detail["loc"][len(keys) :]))
            return f"{self._file}: the key `{missing}` is missing"
        return f"{place}{name}{_given(detail['input'])} {wanted(detail)}"

    def _known(self, loc: Keys) -> Keys:
        """The longest part of an error's path that is a place in the file or the environment: what
        follows are names of the validator's own."""
        for length in range(len(loc), 0, -1):
            if loc[:length] in self._lines or variable_of(loc[:length]) in self._environment:
                return loc[:length]
        return ()

    def _place(self, keys: Keys) -> str:
        variable = variable_of(keys)
        if keys and variable in self._environment:
            return f"the environment variable {variable}: "
        line = self._lines.get(keys)
        return f"{self._file}, line {line}: " if line else f"{self._file}: "

    def _value(self, node: yaml.Node, keys: Keys) -> Any:
        """A node as a plain value; notes the line of everything in it."""
        self._lines.setdefault(keys, node.start_mark.line + 1)
        if len(keys) > _DEEPEST:
            raise OperatorError(f"{self._at(node)} this is nested too deeply")
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, keys))
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*keys, place)) for place, item in enumerate(node.value)]
        value = yaml.SafeLoader("").construct_object(node)
        return self._expanded(value, node) if isinstance(value, str) else value

    def _pairs(self, node: yaml.MappingNode, keys: Keys) -> Iterator[tuple[str, Any]]:
        for key_node, value_node in node.value:
            key = str(key_node.value)
            path = (*keys, key)
            if path in self._lines:
                raise OperatorError(
                    f"{self._at(key_node)} `{_dotted(path)}` is there twice, first in line "
                    f"{self._lines[path]}",
                    remedy="keep one of them",
                )
            self._lines[path] = key_node.start_mark.line + 1
            yield key, self._value(value_node, path)

    def _expanded(self, text: str, node: yaml.Node) -> str:
        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name not in self._environment:
                raise OperatorError(
                    f"{self._at(node)} the environment variable {name} is not set",
                    remedy=f"export {name}=…",
                )
            return self._environment[name]

        return VARIABLE.sub(value, text)

    def _at(self, node: yaml.Node) -> str:
        return f"{self._file}, line {node.start_mark.line + 1}:"

    def _not_yaml(self, error: yaml.MarkedYAMLError) -> OperatorError:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        return OperatorError(
            f"{self._file}{where}: this is not YAML: {error.problem}",
            remedy="indent with spaces, and put texts with `: ` or `#` into quotes",
        )


def _from_environment(
    model: type[BaseModel], environment: Mapping[str, str]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The settings that variables give: (their keys, their value). Lists and mappings are written
    as in YAML: `[https://a.example, https://b.example]`."""
    for keys in settings_of(model):
        value = environment.get(variable_of(keys))
        if value is None:
            continue
        try:
            yield keys, yaml.safe_load(value) if value.startswith(("[", "{")) else value
        except yaml.YAMLError as error:
            raise OperatorError(
                f"the environment variable {variable_of(keys)} is not YAML: {error}"
            ) from error


def settings_of(model: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The keys of every setting, sections included."""
    for name, field in model.model_fields.items():
        yield (*above, name)
        if section := section_of(field.annotation):
            yield from settings_of(section, (*above, name))


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The model that a setting is a section of, whether it must be there (`Section`) or may
    (`Section | None`); None for a plain value."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def variable_of(keys: Keys) -> str:
    """The environment variable that gives a setting."""
    return PREFIX + "__".join(str(key) for key in keys).upper()


def _put(settings: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    *sections, last = keys
    for section in sections:
        inner = settings.get(section)
        if not isinstance(inner, dict):
            inner = settings[section] = {}
        settings = inner
    settings[last] = value


def _dotted(keys: Keys) -> str:
    return ".".join(str(key) for key in keys)


def _given(value: object) -> str:
    if not isinstance(value, str | int | float | bool):
        return ""
    return f" is {_PASSWORD.sub('//…@', repr(value))}; it"


def wanted(detail: ErrorDetails) -> str:
    """What a value must be, as the end of a sentence that began with the key."""
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    if detail["type"] == "string_type" and isinstance(detail["input"], int | float | bool):
        return "must be a text; put it into quotes"
    own = _WANTED.get(detail["type"])
    return own or re.sub(r"^Input should (?:be )?", "must be ", detail["msg"])


def _unknown_key(keys: Keys, model: type[BaseModel]) -> str:
    *above, key = keys
    allowed = [found[-1] for found in settings_of(model) if found[:-1] == tuple(above)]
    close = extractOne(str(key), allowed, score_cutoff=60)
    meant = f"did you mean `{close[0]}`? " if close else ""
    return f"there is no setting `{_dotted(keys)}`; {meant}Allowed here: {', '.join(allowed)}"
