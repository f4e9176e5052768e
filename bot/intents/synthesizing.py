"""Makes examples of an intent: texts beside rendered screens, and texts spoken.

Everything that chance decides is drawn before anything is rendered, for each example by a generator
of its own: the same seed gives the same, and more examples leave those before as they were.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import yaml

from bot.errors import OperatorError
from bot.intents.source import LARGEST_BYTES, LONGEST_TEXT
from bot.intents.synthesized import Synthesized
from bot.intents.templates import Saying, Screen, told
from models.errors import EngineMissing, ModelError
from models.synthesis.screens import Look, ScreenRenderer, draw_look
from models.synthesis.sending import Way, as_sent, draw_way
from models.synthesis.speech import SpeechLook, draw_speech_look, encoded, recorded
from models.synthesis.template import fill_together
from models.understanding.observation import Labels

MOST_BYTES = 150_000
"""Of a picture or a recording."""

Shape = Literal["shown", "spoken", "both"]

_MIXED: tuple[Shape, ...] = ("shown", "spoken", "shown", "spoken", "both")
"""By turns, where screens and recordings are both wanted."""

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Wish:
    """What is to be made."""

    intent: str
    sayings: Sequence[Saying]
    screens: Sequence[Screen]
    """May be empty; then recordings alone are made."""
    spoken: Sequence[Saying]
    """Those that may be spoken; empty where no recordings are wanted."""
    count: int
    seed: int


@dataclass(frozen=True)
class Draft:
    """One example, drawn but not yet rendered or spoken."""

    number: int
    shape: Shape
    saying: Saying
    text: str
    """With its slots filled."""
    screen: Screen | None
    markup: str
    look: Look
    way: Way
    speech: SpeechLook
    seed: str
    """Of what disturbs the picture and the sound."""


@dataclass(frozen=True)
class Made:
    """What has been made."""

    examples: int
    pictures: int
    recordings: int
    file: Path
    media: Path


def drafts(wish: Wish) -> list[Draft]:
    """All examples. Raises `OperatorError` if one of them would say nothing, or too much."""
    sayings = _deck(wish.sayings, f"{wish.seed}/{wish.intent}/sayings")
    spoken = _deck(wish.spoken, f"{wish.seed}/{wish.intent}/spoken")
    screens = _deck(wish.screens, f"{wish.seed}/{wish.intent}/screens")
    found = []
    for number in range(1, wish.count + 1):
        shape = _shape(wish, number)
        saying = next(sayings if shape == "shown" else spoken)
        # A recording alone is made with a screen, too: the screen may say which values there are.
        screen = next(screens) if wish.screens else None
        found.append(_draft(number, shape, saying, screen, f"{wish.seed}/{wish.intent}/{number}"))
    return found


def synthesize(wish: Wish, intents: Path, progress: Callable[[str, int, int], None]) -> Made:
    """Make them in the place of those that were made before. `intents`: the project's folder.

    `progress` is called with a step's name, and how much of it is done of how much.

    Raises `OperatorError`, and `EngineMissing` without a browser; what was there stays then.
    """
    place = Synthesized(intents, wish.intent)
    drawn = drafts(wish)
    entries = []
    with ExitStack() as stack:
        renderer = None
        if any(draft.shape != "spoken" for draft in drawn):
            renderer = stack.enter_context(ScreenRenderer())
        folder = stack.enter_context(place.building())
        for draft in drawn:
            entries.append(_make(draft, renderer, folder, wish.intent))
            progress("synthesize", len(entries), len(drawn))
        declared = _declared(wish.intent, drawn, entries)
        place.take(declared)
    return Made(
        examples=len(entries),
        pictures=sum("image" in entry for entry in entries),
        recordings=sum("recording" in entry for entry in entries),
        file=place.file,
        media=place.media,
    )


def _deck(items: Sequence[_Item], seed: str) -> Iterator[_Item]:
    """Each of them, then each again in another order."""
    rng = random.Random(seed)
    while items:
        yield from rng.sample(items, len(items))


def _shape(wish: Wish, number: int) -> Shape:
    if wish.screens and wish.spoken:
        return _MIXED[(number - 1) % len(_MIXED)]
    return "shown" if wish.screens else "spoken"


def _draft(number: int, shape: Shape, saying: Saying, screen: Screen | None, seed: str) -> Draft:
    rng = random.Random(seed)
    look, way, speech = draw_look(rng), draw_way(rng), draw_speech_look(rng)
    templates = [(saying.text, False)] + ([(screen.markup, True)] if screen else [])
    with told(f"{saying.place} beside {screen.path}" if screen else saying.place):
        text, *markup = fill_together(templates, rng, {})
    text = text.strip()
    if not text:
        raise OperatorError(
            f"{saying.place}: “{saying.text}” is empty once its slots are filled",
            remedy="leave no choice empty, or write something beside the slot",
        )
    if len(text) > LONGEST_TEXT:
        raise OperatorError(
            f"{saying.place}: the text has {len(text)} characters; at most {LONGEST_TEXT} are "
            "allowed"
        )
    return Draft(
        number, shape, saying, text, screen, "".join(markup), look, way, speech, f"{seed}/media"
    )


def _make(
    draft: Draft, renderer: ScreenRenderer | None, folder: Path, intent: str
) -> dict[str, object]:
    """Its media into `folder`; returns what the YAML says of it."""
    rng = random.Random(draft.seed)
    entry: dict[str, object] = {}
    if draft.shape == "shown":
        entry["text"] = draft.text
    if draft.shape != "spoken":
        assert renderer
        entry["image"] = _written(_picture(draft, renderer, rng), folder, intent, draft.number)
    if draft.shape != "shown":
        entry["recording"] = _written(_recording(draft, rng), folder, intent, draft.number)
    return entry | _labelled(draft.saying.labels)


def _written(file: tuple[bytes, str], folder: Path, intent: str, number: int) -> str:
    """Where it will be, seen from the YAML."""
    data, suffix = file
    name = f"{number:03}{suffix}"
    (folder / name).write_bytes(data)
    return f"{intent}/{name}"


def _picture(draft: Draft, renderer: ScreenRenderer, rng: random.Random) -> tuple[bytes, str]:
    screen = draft.screen
    assert screen
    with told(f"--screen {screen.path}"):
        image = renderer.render(
            draft.markup,
            draft.look,
            kind=screen.kind,
            folder=screen.path.resolve().parent,
        )
    return as_sent(image, draft.way, rng, MOST_BYTES)


def _recording(draft: Draft, rng: random.Random) -> tuple[bytes, str]:
    try:
        sound = recorded(draft.text, draft.speech, rng)
    except EngineMissing:
        raise
    except ModelError as error:
        raise OperatorError(
            f"{draft.saying.place}: {error}", remedy="write it in words, or leave it out"
        ) from error
    return encoded(*sound, draft.speech.codec, MOST_BYTES)


def _labelled(labels: Labels) -> dict[str, object]:
    """What the text's own example says of it, by the keys of an intent's file."""
    found: dict[str, object] = {}
    if labels.intents[1:]:
        found["also"] = list(labels.intents[1:])
    for key, value in (("urgency", labels.urgency), ("sentiment", labels.sentiment)):
        if not math.isnan(value):
            found[key] = value
    if labels.wants_person is not None:
        found["wants_person"] = labels.wants_person
    return found


def _declared(intent: str, drawn: Sequence[Draft], entries: Sequence[dict[str, object]]) -> str:
    """The YAML file. Raises `OperatorError` if it would be too large to be read."""
    lines = [f"examples_of: {intent}\nexamples:\n"]
    for draft, entry in zip(drawn, entries, strict=True):
        if "text" not in entry:
            said = " ".join(draft.text.split())
            # YAML takes no other characters as they are, not even in a comment.
            lines.append(f"# says: {''.join(c for c in said if c.isprintable())}\n")
        lines.append(yaml.safe_dump([entry], allow_unicode=True, sort_keys=False, width=1000))
    declared = "".join(lines)
    if len(declared.encode()) > LARGEST_BYTES * 0.99:
        raise OperatorError(
            f"{len(entries)} such examples are more than an intent's file holds",
            remedy="give a smaller --count, or shorter texts",
        )
    return declared
