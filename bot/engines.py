"""Which engines there are for each part, by the names that `frontdesk.yaml` calls them.

The values are import paths: an engine that is not chosen is never imported.
"""

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any, ClassVar, Protocol

from bot.errors import OperatorError

TRANSCRIBERS: Mapping[str, str] = {"moonshine": "models.moonshine:MoonshineTranscriber"}
TEXT_READERS: Mapping[str, str] = {"ppocr": "models.ppocr:PaddleTextReader"}
IMAGE_ENCODERS: Mapping[str, str] = {
    "small": "models.small_image_encoder:SmallImageEncoder",
    "transformers": "models.transformers_image_encoder:TransformersImageEncoder",
}
TEXT_ENCODERS: Mapping[str, str] = {
    "minilm": "models.minilm:MiniLM",
    "transformers": "models.transformers_text_encoder:TransformersTextEncoder",
}
SYNTHESIZERS: Mapping[str, str] = {"espeak": "models.espeak:Espeak"}


class Chosen(Protocol):
    """A section of `bot.config` that chooses an engine."""

    registry: ClassVar[Mapping[str, str]]
    """Those that it may choose."""

    @property
    def engine(self) -> str:
        """A name in the registry."""

    @property
    def options(self) -> Mapping[str, Any]:
        """What the engine's class takes, by name."""


def maker(chosen: Chosen) -> Callable[[], Any]:
    """Makes the engine that a section chooses, with what else it says, each time it is called.

    Its module is imported now. Raises `OperatorError` as `engine` does.
    """
    return partial(engine(chosen.registry, chosen.engine), **chosen.options)


def engine(registry: Mapping[str, str], name: str) -> Any:
    """The class of the engine `name`, imported now.

    Raises `OperatorError` for a name that is not in the registry, or if its packages are missing.
    """
    try:
        module, _, attribute = registry[name].partition(":")
    except KeyError:
        raise OperatorError(
            f"there is no engine {name!r}", remedy=f"choose one of: {', '.join(sorted(registry))}"
        ) from None
    try:
        return getattr(import_module(module), attribute)
    except ImportError as error:
        raise OperatorError(
            f"the engine {name!r} needs a package that is missing: {error}",
            remedy="install the desk's packages again: `make setup`",
        ) from error
