"""Drawn screenshots to train on: what they show tells the intent, whatever is said beside them."""

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from models.minilm import MiniLM
from models.small_image_encoder import DIMENSIONS, SmallImageEncoder
from models.understanding.observation import Example, Labels, Line, Observation
from models.understanding.settings import Settings
from models.understanding.training import train
from models.understanding.versions import Versions
from tests.models.understanding.shop import foreign, said, setup_of

SIZE = (360, 640)
SCREENS = {
    "refund": ("Refund", "Your money is on its way", "#1d7a46"),
    "login": ("Sign in", "Wrong password", "#b3261e"),
    "order_status": ("Your parcel", "Out for delivery today", "#2457d6"),
}
"""By intent: a title, a sentence below the middle, and the colour of the head."""
HALVES = {"red": "#d02020", "blue": "#2040d0"}
"""By intent: the colour of the left half."""
VAGUE = ("what does this mean", "see picture", "look at this please", "it doesn't work")
_TITLE, _SENTENCE = (24, 40), (24, 400)


def screen(title: str, sentence: str, colour: str) -> Image.Image:
    picture = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, SIZE[0], 110), fill=colour)
    draw.text(_TITLE, title, "white", ImageFont.load_default(32))
    draw.text(_SENTENCE, sentence, "black", ImageFont.load_default(26))
    return picture


def halves(left: str, right: str) -> Image.Image:
    """A picture of two colours side by side."""
    picture = Image.new("RGB", (400, 400), left)
    picture.paste(right, (200, 0, 400, 400))
    return picture


def train_on_screens(versions: Versions, minilm: MiniLM) -> None:
    """Serve a version that knows `SCREENS`, beside what the small shop says."""
    encoder = SmallImageEncoder()
    # So fused the look counts beside the words: there are shares of both to show.
    settings = Settings(fusion="concatenation", epochs=15)
    _serve([*said(), *foreign(), *_shown(encoder)], settings, encoder, versions, minilm)


def train_on_left_halves(versions: Versions, minilm: MiniLM) -> None:
    """Serve a version of two intents that only the colour of a picture's left half tells apart."""
    encoder = SmallImageEncoder()
    colours = ("#d02020", "#2040d0", "#20a040", "#e0c020", "#808080", "#f0f0f0")
    examples = [
        Example(
            Observation(text=text, image=_vector(encoder, halves(left, right))),
            Labels(intents=(name,)),
            f"{name}.yaml:1",
        )
        for name, left in HALVES.items()
        for right in colours
        for text in VAGUE
    ]
    _serve(examples, Settings(), encoder, versions, minilm)


def _shown(encoder: SmallImageEncoder) -> Iterator[Example]:
    """Each screen with what is read in it, and without: its look alone has to do then."""
    for name, (title, sentence, colour) in SCREENS.items():
        image = _vector(encoder, screen(title, sentence, colour))
        lines = (
            Line(title, 0.07, 0.06, 0.4, 0.12),
            Line(sentence, 0.07, 0.62, 0.8, 0.68),
        )
        for number, text in enumerate(VAGUE * 2):
            seen = Observation(text=text, lines=lines if number % 2 else (), image=image)
            yield Example(seen, Labels(intents=(name,)), f"{name}.yaml:{20 + number}")


def _vector(encoder: SmallImageEncoder, picture: Image.Image) -> tuple[float, ...]:
    return tuple(encoder.encode([picture])[0].astype(np.float16).astype(float).tolist())


def _serve(
    examples: list[Example],
    settings: Settings,
    encoder: SmallImageEncoder,
    versions: Versions,
    minilm: MiniLM,
) -> None:
    setup = setup_of(
        minilm,
        examples,
        settings=settings,
        image_encoder=encoder.name,
        image_dimensions=DIMENSIONS,
    )
    versions.serve(train(setup, versions).version)
