"""What examples are made of: texts and screens with slots, read and checked before any is made.

Every text goes with every screen, so that each pair of them must know the slots of both.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.errors import OperatorError
from bot.intents.intent import IntentSet, meant
from bot.intents.synthesized import FOLDER
from models.synthesis.screens import Kind
from models.synthesis.template import TemplateError, check_together, defined_in
from models.understanding.observation import OUT_OF_SCOPE, Labels

LARGEST_BYTES = 1_000_000
_KINDS: dict[str, Kind] = {".html": "html", ".htm": "html", ".svg": "svg"}
_SLOT = "{{"
REMEDY = "slots are explained in docs/synth.md"


@dataclass(frozen=True)
class Saying:
    """What a customer writes or says, perhaps with slots."""

    text: str
    labels: Labels
    place: str
    """For messages: `returns.yaml:12`, or the option that it was given with."""


@dataclass(frozen=True)
class Screen:
    """A page or a drawing with slots."""

    path: Path
    kind: Kind
    markup: str


def sayings_of(intents: IntentSet, name: str, folder: Path, texts: Sequence[str]) -> list[Saying]:
    """`texts`, or where there are none, what the intent's own examples say, with their labels;
    those that mean something only with a picture, a recording or what was said before are left out.

    Raises `OperatorError` if there is no such intent, or if nothing is left.
    """
    if name != OUT_OF_SCOPE and name not in intents.by_name:
        raise OperatorError(
            f"there is no intent `{name}` in {folder}{meant(name, [*intents.names, OUT_OF_SCOPE])}",
            remedy="declare it with two or more examples in a YAML file: docs/intents.md says how",
        )
    if texts:
        labels = Labels(intents=(name,))
        return [Saying(text, labels, f"--text {number}") for number, text in enumerate(texts, 1)]
    examples = intents.out_of_scope if name == OUT_OF_SCOPE else intents.by_name[name].examples
    found = [
        Saying(each.text, each.labels, each.place)
        for each in examples
        if each.text
        and not (each.image or each.recording or each.history)
        and not each.place.startswith(f"{FOLDER}/")
    ]
    if not found:
        raise OperatorError(
            f"`{name}` has no examples that are only text", remedy='add --text "what they write"'
        )
    return found


def read_screen(path: Path) -> Screen:
    """Raises `OperatorError` for what is no template of a screen."""
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise OperatorError(
            f"--screen {path}: a screen is one of {', '.join(_KINDS)}",
            remedy="docs/synth.md shows one",
        )
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise OperatorError(
                f"--screen {path} has {size / 1e6:.1f} MB; at most 1 MB is allowed",
                remedy="put its pictures into files beside it",
            )
        return Screen(path, kind, path.read_text("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise OperatorError(
            f"--screen {path} is not text in UTF-8", remedy="save it in that encoding"
        ) from error
    except OSError as error:
        raise OperatorError(f"--screen {path} cannot be read: {error.strerror}") from error


def check(sayings: Sequence[Saying], screens: Sequence[Screen]) -> None:
    """Raises `OperatorError` if a text cannot be filled with one of the screens."""
    for saying in sayings:
        try:
            saying.text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise OperatorError(f"{saying.place} is not text in UTF-8") from error
    for place, template in (
        *((each.place, each.text) for each in sayings),
        *((str(each.path), each.markup) for each in screens),
    ):
        with told(place):
            defined_in(template)
    for saying in _each_kind(sayings):
        if not screens:
            with told(saying.place):
                check_together([saying.text])
        for screen in screens:
            with told(saying.place):
                check_together([saying.text], defined_in(screen.markup))
            with told(str(screen.path)):
                check_together([screen.markup], defined_in(saying.text))
            with told(f"{saying.place} beside {screen.path}"):
                check_together([saying.text, screen.markup])


def _each_kind(sayings: Sequence[Saying]) -> Iterator[Saying]:
    """Those with slots, and one of all the others, which the screens see as alike."""
    yield from (each for each in sayings if _SLOT in each.text)
    yield from [each for each in sayings if _SLOT not in each.text][:1]


@contextmanager
def told(place: str) -> Iterator[None]:
    """Tells an operator what `models` say of a template."""
    try:
        yield
    except TemplateError as error:
        raise OperatorError(f"{place}: {error}", remedy=REMEDY) from error
