"""The weights that engines need: brought here before the desk opens, never at the first customer.
See `models.downloads`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from bot import engines
from bot.assistant_settings import IN_PROCESS, AssistantSection
from bot.config import Config
from bot.config_file import wanted
from bot.engine_settings import EngineSection
from bot.engines import weights_of
from bot.errors import OperatorError
from models.downloads import Progress, Weights, pulled
from models.errors import EngineMissing
from models.transformers_folder import transformers_weights

ASSISTANT = "assistant"


class Named(NamedTuple):
    """An engine that somebody names."""

    part: str
    """The setting that would choose it: `transcriber`."""
    section: EngineSection | AssistantSection

    @property
    def weights(self) -> tuple[Weights, ...]:
        """What it loads. Raises `OperatorError`."""
        if isinstance(self.section, AssistantSection):
            return weights_of_assistant(self.section)
        return weights_of(self.section)

    @property
    def settings(self) -> dict[str, Any]:
        """What its section says, secrets too."""
        if isinstance(self.section, AssistantSection):
            said = self.section.model_dump(exclude_unset=True)
            return said | {"api_key": self.section.api_key.get_secret_value()}
        given = self.section.arguments
        named = self.section.model_fields_set - {"engine", "options"}
        said = {name: given[name] for name in named if name not in self.section.options}
        return {**said, "engine": self.section.engine, "options": self.section.options}

    @property
    def line(self) -> str:
        """As it is written in frontdesk.yaml."""
        if isinstance(self.section, AssistantSection):
            return self.section.model
        model = self.section.arguments.get("model")
        return f"{self.section.engine}:{model}" if isinstance(model, str) else self.section.engine


def needed(config: Config) -> Mapping[str, tuple[Weights, ...]]:
    """By part of the configuration, what its engine loads. Raises `OperatorError`."""
    return {each.part: each.weights for each in chosen(config)}


def chosen(config: Config) -> list[Named]:
    """The engines of a configuration, and its language model where there is one."""
    found = [Named(part, section) for part, section in config.engines.items()]
    return [*found, Named(ASSISTANT, config.assistant)] if config.assistant else found


def weights_of_assistant(settings: AssistantSection) -> tuple[Weights, ...]:
    """None but of a model that runs in the desk's own process. Raises `OperatorError`."""
    if settings.provider != IN_PROCESS:
        return ()
    try:
        return (transformers_weights(settings.model.partition(":")[2]),)
    except EngineMissing as error:
        raise OperatorError(str(error).partition("\n")[0], remedy=error.remedy) from error


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
    if first == ASSISTANT:
        return [Named(ASSISTANT, _assistant(line, config, root))]
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


def _assistant(line: str, config: Config | None, root: Path) -> AssistantSection:
    if line:
        try:
            context = {"root": root}
            return AssistantSection.model_validate({"model": line}, context=context)
        except ValidationError as error:
            raise OperatorError(f"`{ASSISTANT}: {line}` {wanted(error.errors()[0])}") from error
    if config is None or config.assistant is None:
        raise OperatorError(
            "no assistant is configured", remedy="name one: `assistant:transformers:FOLDER`"
        )
    return config.assistant


def _offers(section: EngineSection, engine: str) -> bool:
    return engine in engines.names(section.part)


def _section(part: str, line: str, root: Path) -> EngineSection:
    try:
        config = Config.model_validate({"name": "any", part: line}, context={"root": root})
    except ValidationError as error:
        raise OperatorError(f"`{part}: {line}` {wanted(error.errors()[0])}") from error
    return config.engines[part]
