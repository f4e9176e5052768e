"""Which engines there are for each part, by the names that `frontdesk.yaml` calls them.

They are the entry points of installed distributions, ours and others', one group for each part. An
engine that is not chosen is never imported.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, Protocol

from bot.errors import OperatorError
from models.downloads import Weights
from models.errors import EngineMissing

TRANSCRIBERS = "frontdesk.transcribers"
TEXT_READERS = "frontdesk.text_readers"
IMAGE_ENCODERS = "frontdesk.image_encoders"
TEXT_ENCODERS = "frontdesk.text_encoders"
SYNTHESIZERS = "frontdesk.synthesizers"
PARTS = (TRANSCRIBERS, TEXT_READERS, IMAGE_ENCODERS, TEXT_ENCODERS, SYNTHESIZERS)
"""Groups of entry points."""

_OWN = "frontdesk"


class Chosen(Protocol):
    """A section of `bot.config` that chooses an engine."""

    part: ClassVar[str]
    """One of `PARTS`."""

    @property
    def engine(self) -> str:
        """One of its `names`."""

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What the engine's class takes, by name."""


def names(part: str) -> tuple[str, ...]:
    """The engines that there are for a part, in alphabetical order."""
    return tuple(sorted(_offered(part)))


def maker(chosen: Chosen, device: str = "auto") -> Callable[[], Any]:
    """Makes the engine that a section chooses, with what else it says, each time it is called.
    `device` is for those engines that take one.

    Its module is imported now. Raises `OperatorError` as `engine` does, and if the engine does not
    take what the section says, or needs more.
    """
    made = engine(chosen.part, chosen.engine)
    takes = inspect.signature(made).parameters
    arguments = dict(chosen.arguments)
    for name in arguments:
        if name not in takes:
            others = ", ".join(f"`{other}`" for other in takes if other != "device")
            raise OperatorError(
                f"the engine {chosen.engine!r} does not take `{name}`",
                remedy=f"what it takes: {others}" if others else "leave it out",
            )
    if "device" in takes:
        arguments.setdefault("device", device)
    for name, parameter in takes.items():
        if parameter.default is parameter.empty and name not in arguments:
            raise OperatorError(
                f"the engine {chosen.engine!r} needs `{name}`", remedy=f"add `{name}:` beside it"
            )
    return partial(made, **arguments)


def weights_of(chosen: Chosen) -> tuple[Weights, ...]:
    """What the engine that a section chooses loads, as far as it says so; see
    `models.downloads.Downloading`.

    Raises `OperatorError` as `engine` does, and if there can be no such weights.
    """
    made = engine(chosen.part, chosen.engine)
    if not hasattr(made, "weights"):
        return ()
    deciding = inspect.signature(made.weights).parameters
    arguments = {name: given for name, given in chosen.arguments.items() if name in deciding}
    try:
        found: Weights | Sequence[Weights] = made.weights(**arguments)
    except EngineMissing as error:
        raise OperatorError(str(error).partition("\n")[0], remedy=error.remedy) from error
    return (found,) if isinstance(found, Weights) else tuple(found)


def engine(part: str, name: str) -> Any:
    """The class of the engine `name`, imported now.

    Raises `OperatorError` for a name that nobody offers, or if its packages are missing.
    """
    try:
        point = _offered(part)[name]
    except KeyError:
        raise OperatorError(
            f"there is no engine {name!r}", remedy=f"choose one of: {', '.join(names(part))}"
        ) from None
    try:
        return point.load()
    except ImportError as error:
        raise OperatorError(
            f"the engine {name!r} needs a package that is missing: {error}",
            remedy=f"install it: `{install_command(point)}`",
        ) from error


def install_command(point: EntryPoint) -> str:
    """Installs what an engine needs: its distribution, with its entry point's extra."""
    distribution = point.dist.name if point.dist else _OWN
    extras = f"[{','.join(point.extras)}]" if point.extras else ""
    return f"pip install '{distribution}{extras}'"


@cache
def _offered(part: str) -> Mapping[str, EntryPoint]:
    # What comes last stays: nobody takes the place of one of the desk's own engines.
    found = sorted(
        entry_points(group=part), key=lambda point: point.dist is None or point.dist.name == _OWN
    )
    return {point.name: point for point in found}
