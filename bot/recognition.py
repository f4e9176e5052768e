"""Which intent a turn has, how urgent it is, and in what mood: the served model, followed.

Comes after `bot.understanding`. The model is of `models/understanding`; `frontdesk train` writes
its versions, and a running desk takes up each as soon as it is the one to be served.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import msgspec
import numpy as np

from bot.history import Past
from bot.intents.observing import lines_in
from bot.messages import AttachmentId, AttachmentKind, Message
from bot.perception import Perceived
from models.batching import Batcher
from models.errors import ModelError
from models.text_encoder import TextEncoder
from models.understanding.attribution import modality_shares
from models.understanding.features import Floats
from models.understanding.observation import Line, Observation, Prosody
from models.understanding.prediction import Ranked
from models.understanding.predictor import Predictor
from models.understanding.versions import Versions

log = logging.getLogger(__name__)

TOLD = 5
"""Intents that a trace names."""
INLINE_TEXTS = 4
"""Up to this many a prediction by a small version takes about a millisecond, less than to hand it
to a thread; a screen, or a version that is not small, is worked on in one."""
_LOOK_EVERY_S = 1.0
_BATCH_TEXTS = 16


class Picture(msgspec.Struct, frozen=True):
    """A picture of a turn, and what of the turn's observation is of it."""

    attachment: AttachmentId
    first_line: int
    lines: int
    """Its lines are `observation.lines[first_line : first_line + lines]`."""
    encoded: bool
    """Whether `observation.image` is its vector."""


class Recognised(msgspec.Struct, frozen=True):
    """What the model says of a turn. Kept with the turn's trace as JSON."""

    version: str
    intents: tuple[Ranked, ...]
    """The likeliest, at most `TOLD`."""
    out_of_scope: float
    several: tuple[Ranked, ...]
    urgency: float
    """0 (whenever) to 1 (at once)."""
    sentiment: float
    """-1 (angry) to 1 (happy)."""
    wants_person: float
    shares: dict[str, float]
    """What each modality did for the probability of the best: exact Shapley values."""
    observation: Observation
    """What it was made from, so that it can be explained later."""
    pictures: tuple[Picture, ...] = ()
    """Those that it was made from."""

    @property
    def best(self) -> Ranked:
        return self.intents[0]


class Recogniser:
    """Belongs to one event loop; close it with `close()`."""

    def __init__(
        self,
        versions: Versions,
        encoder: TextEncoder,
        languages: Sequence[str],
        image_encoder: Callable[[], str] | None = None,
    ) -> None:
        """`languages`: those that the examples are in. `image_encoder`: gives the name of what has
        made the vectors of pictures; without it, they are taken to be the version's."""
        self._versions = versions
        self._image_encoder = image_encoder
        self._told_of: str | None = None
        self._languages = frozenset(languages)
        self._encoder = encoder
        self._predictor: Predictor | None = None
        self._refused: str | None = None
        self._batcher: Batcher[str, Floats] = Batcher(
            encoder.encode_queries, max_batch=_BATCH_TEXTS, name="intent-encoder"
        )

    @property
    def version(self) -> str | None:
        """The one in use; None where nothing was trained."""
        return self._predictor.card.version if self._predictor else None

    async def renew(self) -> None:
        """Take up the version that is to be served, if it is another. One that cannot be read is
        logged once, and the one in use stays."""
        wanted = self._versions.current
        if wanted in (self.version, self._refused):
            return
        if wanted is None:
            self._predictor = None
            return
        try:
            path = self._versions.path(wanted)
            self._predictor = await asyncio.to_thread(Predictor, path, self._encoder)
        except ModelError as error:
            self._refused = wanted
            log.warning("intents.not_renewed", extra={"version": wanted, "reason": str(error)})
        else:
            log.info("intents.renewed", extra={"version": wanted})

    async def follow(self) -> None:
        """`renew`, again and again, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            await self.renew()

    async def close(self) -> None:
        await self._batcher.close()

    async def recognise(self, seen: Observation, language: str) -> Recognised | None:
        """None where nothing was trained, the turn holds nothing, or its `language` is none that
        the examples are in: in another, a sure answer would be a guess."""
        predictor = self._predictor
        if predictor is None or seen.empty or language not in self._languages:
            return None
        seen = self._fitting(seen, predictor)
        texts = predictor.texts([seen])
        rows = await asyncio.gather(*(self._batcher.run(text) for text in texts))
        vectors = dict(zip(texts, rows, strict=True))
        if len(texts) <= INLINE_TEXTS and predictor.small:
            return _recognise(predictor, seen, vectors)
        return await asyncio.to_thread(_recognise, predictor, seen, vectors)

    def _fitting(self, seen: Observation, predictor: Predictor) -> Observation:
        """Without the vector of a picture that another image encoder has made than the one that
        the version was trained with: its numbers mean something else."""
        if not seen.image or self._image_encoder is None:
            return seen
        card, now = predictor.card, self._image_encoder()
        if now == card.image_encoder:
            return seen
        if self._told_of != card.version:
            self._told_of = card.version
            facts = {"version": card.version, "trained_with": card.image_encoder, "now": now}
            log.warning("intents.image_encoder_changed", extra=facts)
        return replace(seen, image=())

    def serving(self, version: str) -> Predictor | None:
        """The model of that version; None if another is in use by now."""
        predictor = self._predictor
        return predictor if predictor and predictor.card.version == version else None


def _recognise(
    predictor: Predictor, seen: Observation, vectors: Mapping[str, Floats]
) -> Recognised:
    (found,) = predictor.predict(predictor.inputs([seen], vectors))
    shares = modality_shares(predictor, seen, vectors)
    return Recognised(
        version=predictor.card.version,
        intents=found.intents[:TOLD],
        out_of_scope=found.out_of_scope,
        several=found.several,
        urgency=found.urgency,
        sentiment=found.sentiment,
        wants_person=found.wants_person,
        shares={share.name: round(share.value, 4) for share in shares.modalities},
        observation=seen,
    )


def observation_of(
    messages: Sequence[Message], perceived: Mapping[AttachmentId, Perceived], past: Past
) -> Observation:
    """A turn as the model sees it."""
    seen = _perceived_in(messages, perceived)
    pictures = [what for what in seen if what.embedding]
    return Observation(
        text=_words(messages, perceived),
        lines=tuple(line for what in seen for line in _lines(what)),
        image=_vector(pictures[0].embedding) if pictures else (),
        prosody=next((Prosody(*what.prosody) for what in seen if what.prosody), None),
        history=tuple(
            words
            for entry in past.entries
            if isinstance(entry.item, Message)
            if (words := _words([entry.item], past.perceived))
        )[-3:],
    )


def pictures_of(
    messages: Sequence[Message], perceived: Mapping[AttachmentId, Perceived]
) -> tuple[Picture, ...]:
    """Which parts of `observation_of` are of which picture. A document or a video is none."""
    found: list[Picture] = []
    first_line = 0
    seen = _perceived_in(messages, perceived)
    encoded = next((what.attachment for what in seen if what.embedding), None)
    for what in seen:
        lines = len(_lines(what))
        if what.kind is AttachmentKind.IMAGE and what.embedding:
            picture = Picture(what.attachment, first_line, lines, what.attachment == encoded)
            found.append(picture)
        first_line += lines
    return tuple(found)


def _perceived_in(
    messages: Sequence[Message], perceived: Mapping[AttachmentId, Perceived]
) -> list[Perceived]:
    """In the order in which they were sent."""
    return [perceived[a.id] for m in messages for a in m.attachments if a.id in perceived]


def _lines(what: Perceived) -> tuple[Line, ...]:
    """The lines of a picture. Those of what is none (a document, a video) as if they stood below
    one another."""
    if what.boxes:
        return lines_in(what.boxes, what.size)
    texts = [text for text in what.shown.splitlines() if text.strip()]
    return tuple(
        Line(text, 0.0, at / len(texts), 1.0, (at + 1) / len(texts))
        for at, text in enumerate(texts)
    )


def _words(messages: Sequence[Message], perceived: Mapping[AttachmentId, Perceived]) -> str:
    """What was typed, and below it what was said."""
    typed = [message.text.strip() for message in messages]
    said = [perceived[a.id].said for m in messages for a in m.attachments if a.id in perceived]
    return "\n".join(part for part in (*typed, *said) if part)


def _vector(embedding: bytes) -> tuple[float, ...]:
    return tuple(np.frombuffer(embedding, "<f2").astype(float).tolist())
