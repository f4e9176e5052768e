"""How far each channel is: told from `frontdesk.yaml` even where it cannot be read as a whole."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from bot.channels import CHANNELS, section_model
from bot.config import CONFIG_FILE
from bot.config_file import VARIABLE, environment_of
from bot.errors import OperatorError

if TYPE_CHECKING:
    from bot.config import Config


class State(msgspec.Struct, frozen=True):
    on: bool
    word: str
    missing: str = ""


def states(project: Path, config: "Config | None") -> dict[str, State]:
    """Of every known channel. `config`: None where it could not be read."""
    sections = _sections(project / CONFIG_FILE if project.is_dir() else project)
    return {name: _state(name, config, sections.get(name)) for name in CHANNELS}


def _state(name: str, config: "Config | None", section: Any) -> State:
    if config is None:
        if section is None:
            return State(False, "off")
        return State(True, "incomplete" if section else "in the file", ", ".join(section))
    if section_model(name):
        on = getattr(config.channels, name) is not None
        needs = "server.url, for webhooks" if on and not config.server.url else ""
        return State(on, "configured, not tried here" if on else "off", needs)
    if name == "http":
        keys = len(config.channels.http.keys)
        return State(bool(keys), f"on, {keys} keys" if keys else "off")
    on = bool(config.channels.webchat.enabled)
    return State(on, "on" if on else "off")


def _sections(file: Path) -> dict[str, list[str]]:
    """Each section below `channels` in the file → the variables that it names and that are not
    set."""
    try:
        loaded = yaml.safe_load(file.read_text("utf-8"))
        environment = environment_of(file)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, OperatorError):
        return {}
    below = loaded.get("channels") if isinstance(loaded, dict) else None
    if not isinstance(below, dict):
        return {}
    return {
        str(name): [
            variable
            for variable in dict.fromkeys(VARIABLE.findall(json.dumps(section, default=str)))
            if variable not in environment
        ]
        for name, section in below.items()
    }
