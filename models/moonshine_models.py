"""Which Moonshines there are, what they hear, and where their files are to be had.

Tiny English comes in the `moonshine-voice` wheel; the downloader in it knows addresses and no
checksums. Sizes and CRC-32C in `weights/moonshine.yaml` are those that the authors publish beside
their code. A CRC tells a damaged file from a whole one; against a forged one stands HTTPS alone.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from models.downloads import WebFile, Weights
from models.errors import EngineMissing
from models.published import published_file

EMBEDDED = "tiny-en"
PACKAGE = "moonshine_voice"
REMEDY = "pip install moonshine-voice==0.0.73"
ADDRESS = "https://download.moonshine.ai/model"
"""Of all of them."""
_PUBLISHED = Path(__file__).with_name("weights") / "moonshine.yaml"
_NON_COMMERCIAL = "Moonshine Community License, non-commercial"
"""Of all that is neither English nor streaming."""


@dataclass(frozen=True)
class Chosen:
    """A model: what it hears, and where it is."""

    name: str
    language: str
    """ISO 639-1."""
    weights: Weights


def chosen(model: str, language: str = "") -> Chosen:
    """The model of that name, or in that folder; of a folder's, `language` says what it hears.

    Raises `EngineMissing` if there is none, or if it hears another language.
    """
    if model in ("", EMBEDDED):
        hears = _same("en", language, EMBEDDED)
        weights = Weights(f"moonshine:{EMBEDDED}", "MIT", path=embedded_folder())
        return Chosen(f"moonshine-{EMBEDDED}", hears, weights)
    if published := _published().get(model):
        hears = _same(model.rpartition("-")[2], language, model)
        return Chosen(f"moonshine-{model}", hears, _weights(model, hears, published))
    path = Path(model).expanduser()
    if not path.is_dir():
        raise EngineMissing(
            f"there is no Moonshine {model!r}",
            remedy=f"`model` is one of {', '.join((EMBEDDED, *_published()))}; or a folder with "
            "such files",
        )
    return Chosen(f"moonshine-{path.name}", language or "en", Weights(model, path=path.resolve()))


def embedded_folder() -> Path:
    """Where tiny English lies. Raises `EngineMissing` if the wheel has no model in it, as its
    releases from 0.1 on."""
    path = "assets/tiny-en/decoder_model_merged.ort"
    return published_file(PACKAGE, path, remedy=REMEDY).parent


def _weights(model: str, language: str, published: dict[str, Any]) -> Weights:
    files = tuple(
        WebFile(f"{ADDRESS}/{published['folder']}/{name}", checksum, size)
        for name, (size, checksum) in published["files"].items()
    )
    free = language == "en" or "streaming" in model
    return Weights(
        f"moonshine:{model}",
        "MIT" if free else _NON_COMMERCIAL,
        sum(file.size_bytes for file in files),
        files=files,
    )


def _same(hears: str, wanted: str, model: str) -> str:
    if wanted not in ("", hears):
        others = [each for each in (EMBEDDED, *_published()) if each.endswith(f"-{wanted}")]
        raise EngineMissing(
            f"the Moonshine {model!r} hears {hears!r}, and `language` is {wanted!r}",
            remedy=f"set `model` to {' or '.join(others)}"
            if others
            else "leave `language` out, or choose another engine: Whisper hears 99 languages",
        )
    return hears


@cache
def _published() -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = yaml.safe_load(_PUBLISHED.read_text("utf-8"))
    return loaded
