"""The weights that engines need: brought here before the desk opens, never at the first customer.
See `models.downloads`."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from bot import engines
from bot.config import Config
from bot.config_file import wanted
from bot.engine_settings import EngineSection
from bot.engines import weights_of
from bot.errors import OperatorError
from models.downloads import Progress, Weights, pulled


class Named(NamedTuple):
    """An engine that somebody names."""

    part: str
    """The setting that would choose it: `transcriber`."""
    section: EngineSection

    @property
    def line(self) -> str:
        """As it is written in frontdesk.yaml."""
        model = self.section.arguments.get("model")
        return f"{self.section.engine}:{model}" if isinstance(model, str) else self.section.engine


def needed(config: Config) -> Mapping[str, tuple[Weights, ...]]:
    """By part of the configuration, what its engine loads. Raises `OperatorError`."""
    return {part: weights_of(section) for part, section in config.engines.items()}


def fetch(config: Config, progress: Progress = lambda name, done, of: None) -> None:
    """Have all of it here. Blocks. Raises `OperatorError` and `EngineMissing`."""
    for each in needed(config).values():
        for weights in each:
            pulled(weights, progress)


def named(name: str, config: Config | None, root: Path) -> list[Named]:
    """The engines that a name means: `PART`, which stands for the one that is configured;
    `ENGINE`, `ENGINE:MODEL`, and with `PART:` before it, where several parts have such an engine.

    `root`: what the path of a model's folder begins at. Raises `OperatorError` for a name that
    means none.
    """
    parts = Config(name="any").engines
    first, _, line = name.partition(":")
    if first not in parts:
        found = [part for part, section in parts.items() if _offers(section, first)]
        line = name
    elif line:
        found = [first]
    else:
        return [Named(first, (config.engines if config else parts)[first])]
    if not found:
        offered = {each for section in parts.values() for each in engines.names(section.part)}
        raise OperatorError(
            f"there is no engine {first!r}",
            remedy=f"name one of {', '.join(sorted(offered))}; with a model: `ENGINE:MODEL`",
        )
    return [Named(part, _section(part, line, root)) for part in found]


def _offers(section: EngineSection, engine: str) -> bool:
    return engine in engines.names(section.part)


def _section(part: str, line: str, root: Path) -> EngineSection:
    try:
        config = Config.model_validate({"name": "any", part: line}, context={"root": root})
    except ValidationError as error:
        raise OperatorError(f"`{part}: {line}` {wanted(error.errors()[0])}") from error
    return config.engines[part]
