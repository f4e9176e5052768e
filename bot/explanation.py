"""Why a turn was recognised as it was, with the places in the customer's pictures that mattered.

For `frontdesk explain` and the developer's drawer. What counts is worked out by
`models/understanding/attribution.py` and `regions.py`; here it is brought back to the attachments.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

import msgspec
from PIL.Image import Image

from bot.errors import Unavailable
from bot.messages import AttachmentId
from bot.recognition import Picture, Recognised
from models.errors import EngineMissing, MediaError
from models.understanding.attribution import Attribution, LineShare, Share, attribute
from models.understanding.features import Floats
from models.understanding.observation import Line
from models.understanding.predictor import Predictor
from models.understanding.regions import GRID, RegionShare, occluded, region_shares

log = logging.getLogger(__name__)

LEAST_SHARE = 0.02
"""A picture that did less than this is not looked at region by region."""
_ROWS = ("top", "upper", "lower", "bottom")
_COLUMNS = ("left", "centre left", "centre right", "right")


class Pictures(Protocol):
    """Where pictures are opened and encoded; `bot.perception.Perception` is one."""

    async def open_picture(self, attachment: AttachmentId) -> Image:
        """Raises `KeyError`, `MediaError`, `Unavailable`."""

    async def encode(self, images: Sequence[Image]) -> list[Floats]:
        """Raises `EngineMissing`."""


class ExplainedLine(msgspec.Struct, frozen=True):
    """What a line of a screen did."""

    line: Line
    value: float
    picture: AttachmentId | None
    """Where it stands; None where that is no single picture: a document, a video."""
    where: str
    """The place in the picture, in words; empty without a picture."""


class ExplainedRegion(msgspec.Struct, frozen=True):
    """What a part of a picture did, through the image encoder; edges as shares of the picture."""

    left: float
    top: float
    right: float
    bottom: float
    value: float
    where: str


class ExplainedPicture(msgspec.Struct, frozen=True):
    """A picture that the customer sent in this turn."""

    attachment: AttachmentId
    regions: tuple[ExplainedRegion, ...]
    """Row by row; none where the picture as such did not matter, or cannot be read any more."""


class Explanation(msgspec.Struct, frozen=True):
    """An `Attribution` whose lines know their picture. Shown as JSON."""

    intent: str
    probability: float
    nothing: float
    modalities: tuple[Share, ...]
    words: tuple[Share, ...]
    lines: tuple[ExplainedLine, ...]
    pictures: tuple[ExplainedPicture, ...]


async def explain(predictor: Predictor, recognised: Recognised, pictures: Pictures) -> Explanation:
    """`predictor`: of `recognised.version`. Whatever keeps a picture from being read again is
    logged, and the rest is explained without its regions."""
    found = await asyncio.to_thread(attribute, predictor, recognised.observation)
    explained = [
        ExplainedPicture(
            picture.attachment, await _regions(predictor, recognised, found, picture, pictures)
        )
        for picture in recognised.pictures
    ]
    return Explanation(
        intent=found.intent,
        probability=found.probability,
        nothing=found.nothing,
        modalities=found.modalities,
        words=found.words,
        lines=tuple(
            _line(share, _picture_of(number, recognised.pictures))
            for number, share in enumerate(found.lines)
        ),
        pictures=tuple(explained),
    )


async def _regions(
    predictor: Predictor,
    recognised: Recognised,
    found: Attribution,
    picture: Picture,
    pictures: Pictures,
) -> tuple[ExplainedRegion, ...]:
    share = next((each.value for each in found.modalities if each.name == "image"), 0.0)
    if not picture.encoded or abs(share) < LEAST_SHARE:
        return ()
    try:
        image = await pictures.open_picture(picture.attachment)
        vectors = await pictures.encode(await asyncio.to_thread(occluded, image))
    except (KeyError, MediaError, Unavailable, EngineMissing) as error:
        log.info(
            "explanation.no_picture",
            extra={"attachment": picture.attachment, "reason": str(error)},
        )
        return ()
    shares = await asyncio.to_thread(
        region_shares, predictor, recognised.observation, found.intent, vectors
    )
    return tuple(_region(each) for each in shares)


def _picture_of(line: int, pictures: Sequence[Picture]) -> Picture | None:
    return next((each for each in pictures if 0 <= line - each.first_line < each.lines), None)


def _line(share: LineShare, picture: Picture | None) -> ExplainedLine:
    if picture is None:
        return ExplainedLine(share.line, share.value, None, "")
    return ExplainedLine(share.line, share.value, picture.attachment, place_of(share.line))


def _region(share: RegionShare) -> ExplainedRegion:
    row = _ROWS[int((share.top + share.bottom) / 2 * GRID)]
    column = _COLUMNS[int((share.left + share.right) / 2 * GRID)]
    return ExplainedRegion(
        share.left, share.top, share.right, share.bottom, share.value, f"{row} {column}"
    )


def place_of(line: Line) -> str:
    """In which ninth of its picture the middle of a line stands, in words."""
    across, down = (line.left + line.right) / 2, (line.top + line.bottom) / 2
    row = ("top", "middle", "bottom")[min(int(down * 3), 2)]
    column = ("left", "middle", "right")[min(int(across * 3), 2)]
    if row == column:
        return row
    return " ".join(part for part in (row, column) if part != "middle")
