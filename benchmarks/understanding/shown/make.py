"""Renders the screens of one half, and has them read and looked at as the desk does."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import yaml
from PIL import Image

from bot.config import Config
from bot.engines import maker
from bot.intents.intent import WrittenExample
from bot.intents.lessons import observer_of
from bot.intents.media import MediaFolder
from models.synthesis.screens import ScreenRenderer, draw_look
from models.synthesis.sending import as_sent, draw_way
from models.synthesis.template import fill
from models.understanding.observation import Example, Labels

Half = Literal["train", "test"]
HERE = Path(__file__).parent
THINGS = (
    "order", "subscription", "invoice", "return", "appointment",
    "parcel", "voucher", "router", "account", "booking",
)  # fmt: skip
WISHES = ("stop", "change", "status", "cost")
ERROR = "broken"
OF_AN_INTENT = {"train": 16, "test": 6}
MOST_SCALE = 1.5
"""Pixels for each of a window's: more are no easier to read, and take longer."""
_MOST_BYTES = 400_000
_SHOPS = ("Nordlicht", "Casa Verde", "Hallwyl & Sons", "Pinetree", "Oru", "Blue Harbour")
_SLOTS = ("title", "line1", "line2", "line3", "line4", "button1", "button2")


@dataclass(frozen=True)
class _Half:
    screens: Mapping[str, list[dict[str, str | list[str]]]]
    sentences: Mapping[str, list[str]]
    layouts: tuple[str, ...]

    @classmethod
    def read(cls, half: Half) -> "_Half":
        folder = HERE / half
        return cls(
            yaml.safe_load((folder / "screens.yaml").read_text("utf-8")),
            yaml.safe_load((folder / "sentences.yaml").read_text("utf-8")),
            tuple(file.read_text("utf-8") for file in sorted(folder.glob("layout-*.html"))),
        )


def intents() -> Iterator[tuple[str, str, str]]:
    """(intent, screen, kind of sentence) of each."""
    for thing in THINGS:
        for wish in WISHES:
            yield f"{thing}.{wish}", thing, wish
    for screen in _Half.read("train").screens:
        if screen not in THINGS:
            yield screen, screen, ERROR


def examples(half: Half, folder: Path) -> list[Example]:
    """Those of one half; the pictures are kept in `folder`."""
    written = _written(half, folder / half)
    config = Config.model_validate({"name": "Bench"}, context={"root": folder})
    image_encoder = maker(config.image_encoder, config.device)()
    return list(observer_of(config, lambda: image_encoder).observe(written).examples)


def _written(half: Half, folder: Path) -> list[WrittenExample]:
    folder.mkdir(parents=True, exist_ok=True)
    data, media, found = _Half.read(half), MediaFolder(folder), []
    with ScreenRenderer() as renderer:
        for number, (intent, screen, kind) in enumerate(intents()):
            for at in range(OF_AN_INTENT[half]):
                rng = random.Random(f"{half}/{intent}/{at}")
                text = rng.choice(data.sentences[kind])
                name = f"{intent}-{at:02d}"
                path = next(iter(folder.glob(f"{name}.*")), None)
                if path is None:
                    layout = data.layouts[(number + at) % len(data.layouts)]
                    wording = data.screens[screen][at % len(data.screens[screen])]
                    picture = _picture(renderer, layout, wording, rng)
                    content, suffix = as_sent(picture, draw_way(rng), rng, _MOST_BYTES)
                    path = folder / f"{name}{suffix}"
                    path.write_bytes(content)
                image = media.medium(path.name, folder, "image")
                place = f"{half}/{path.name}"
                found.append(WrittenExample(text, Labels((intent,)), image, place=place))
    return found


def _picture(
    renderer: ScreenRenderer,
    layout: str,
    wording: Mapping[str, str | list[str]],
    rng: random.Random,
) -> Image.Image:
    texts = dict.fromkeys(_SLOTS, "")
    texts["title"] = str(wording["title"])
    for name in ("lines", "buttons"):
        for number, text in enumerate(wording[name], 1):
            texts[f"{name[:-1]}{number}"] = str(text)
    chosen = {"code": "".join(rng.choices("ABCDEFGHKLMNPRSTUVWXYZ23456789", k=8))}
    filled = {name: fill(text, rng, chosen, markup=False) for name, text in texts.items()}
    filled["shop"] = rng.choice(_SHOPS)
    look = draw_look(rng)
    return renderer.render(
        fill(layout, rng, {**chosen, **filled}, markup=True),
        replace(look, scale=min(look.scale, MOST_SCALE)),
        kind="html",
    )
