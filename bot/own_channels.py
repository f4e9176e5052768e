"""Channels that the operator brings along: found by file or import path, their settings checked.

The module has `Settings`, a pydantic model, and `provider(settings, services)`, as every messaging
app's has; docs/channels/write-your-own.md builds one.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ValidationError

from bot.config_file import wanted
from bot.errors import OperatorError

_PREFIX = "frontdesk_channel_"
_GUIDE = "docs/channels/write-your-own.md shows a whole one"


def own_channel(name: str, given: Mapping[str, Any]) -> tuple[str, BaseModel]:
    """The import path of a channel's module, and its settings.

    `given`: what stands below `channels.own.NAME`; its `connector` is a file or an import path, all
    else belongs to the module. Raises `OperatorError`.
    """
    where = f"`channels.own.{name}`"
    connector = str(given["connector"])
    module = _from_file(where, name, connector) if connector.endswith(".py") else None
    if module is None:
        module = _imported(where, connector, lambda: import_module(connector))
    model = getattr(module, "Settings", None)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise OperatorError(f"{where}: {connector} has no `class Settings(Section)`", remedy=_GUIDE)
    if not callable(getattr(module, "provider", None)):
        raise OperatorError(
            f"{where}: {connector} has no function `provider(settings, services)`", remedy=_GUIDE
        )
    own = {key: value for key, value in given.items() if key != "connector"}
    try:
        return module.__name__, model.model_validate(own)
    except ValidationError as error:
        problems = [_problem(name, detail, model) for detail in error.errors()]
        raise OperatorError("\n".join(problems), remedy=f"{connector} declares them") from error


def _from_file(where: str, name: str, path: str) -> ModuleType:
    """The module in a file, under a name that no other module has."""
    if not Path(path).is_file():
        raise OperatorError(
            f"{where}: there is no file {path}",
            remedy=f"paths are relative to frontdesk.yaml; {_GUIDE}",
        )
    full_name = f"{_PREFIX}{name}"
    spec = spec_from_file_location(full_name, path)
    assert spec, path
    assert spec.loader, path
    module = module_from_spec(spec)
    loader = spec.loader

    def load() -> ModuleType:
        sys.modules[full_name] = module
        loader.exec_module(module)
        return module

    try:
        return _imported(where, path, load)
    except OperatorError:
        sys.modules.pop(full_name, None)
        raise


def _imported(where: str, connector: str, load: Any) -> ModuleType:
    try:
        module: ModuleType = load()
    except ModuleNotFoundError as error:
        if error.name and (connector == error.name or connector.startswith(f"{error.name}.")):
            raise OperatorError(
                f"{where}: there is no module `{connector}`",
                remedy="install the package that has it, or name a file: `connector: my_app.py`",
            ) from error
        raise OperatorError(
            f"{where}: {connector} needs the module `{error.name}`, which is not installed",
            remedy="install the package that has it",
        ) from error
    except Exception as error:
        # Whatever is wrong in the operator's own file is theirs to mend.
        raise OperatorError(
            f"{where}: {connector} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    return module


def _problem(name: str, detail: Any, model: type[BaseModel]) -> str:
    key = f"`{'.'.join(['channels.own', name, *map(str, detail['loc'])])}`"
    if detail["type"] == "missing":
        return f"the key {key} is missing"
    if detail["type"] == "extra_forbidden":
        return (
            f"there is no setting {key}; Allowed here: connector, {', '.join(model.model_fields)}"
        )
    return f"{key} {wanted(detail)}"
