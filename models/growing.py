"""Hears sound while it comes, by hearing the growing part again and again; a `Listener`.

How often is a matter of cost: each time, the part costs `GROWTH` times what it cost before. Parts
that are complete are heard no more. What two passes agree on is called stable, after Liu et al.,
"local agreement": https://arxiv.org/abs/2005.11185
"""

import re
from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.speech_parts import (
    QUIET_PEAK,
    SILENT_LEVEL,
    HearsParts,
    Part,
    Samples,
    cleaned,
    gain_for,
    judged,
    parts_to_hear,
    peak_of,
)
from models.transcriber import Partial, Transcript
from models.voice_activity import (
    PIECE,
    SAMPLE_RATE_HZ,
    SpeechDetector,
    Stretch,
    speech_probabilities,
    speech_stretches,
)

Heard = TypeVar("Heard")

FIRST_S = 0.45
"""Speech that is heard for the first time when it is this long."""
RETRY = 0.3
"""As long as nothing has been understood, the next pass comes when this share more is spoken."""
SCAN = 2 * PIECE
SCAN_LATER = 16 * PIECE
"""Samples in which speech is looked for at once, before and after something has been understood:
the first words are waited for, and the more at once the less it costs."""
GROWTH = 8.0
"""Between two passes, the cost of one grows to this many times as much. All of them together then
cost a fifth of a pass over the whole, on average over how long somebody speaks
(`make bench-engines`); with 2 it was nine tenths."""
SPEAKS = 0.5
"""The voice detector's probability from which on it is speech."""

_WORDS = re.compile(
    r"\s*(?:[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|"
    r"[^\s\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]+)"
)
"""A word with the space before it; a character, of scripts that have no spaces."""


class GrowingListener(Generic[Heard]):
    """Hears with any engine that `HearsParts`. Keeps all the sound: 64 kB for a second."""

    def __init__(self, engine: HearsParts[Heard]) -> None:
        self._engine = engine
        self._sound: list[Samples] = []
        self._waiting: list[Samples] = []
        """The end of it, in which no speech has been looked for yet."""
        self._waiting_length = 0
        self._peak = 0.0
        self._detector = SpeechDetector()
        self._probabilities: list[NDArray[np.float32]] = []
        self._new = 0
        """Pieces of speech since the last pass."""
        self._wanted = round(FIRST_S * SAMPLE_RATE_HZ / PIECE)
        """So many make the next pass."""
        self._heard: dict[tuple[Stretch, bool], Heard] = {}
        """What the last pass made of each part; True for a final one."""
        self._partial = Partial()

    def hear(self, samples: NDArray[np.float32]) -> Partial:
        """The next piece, mono at 16 kHz; what has been understood so far."""
        self._waiting.append(np.asarray(samples, np.float32))
        self._waiting_length += len(samples)
        if self._waiting_length >= (SCAN_LATER if self._partial.text else SCAN):
            self._scan()
            if self._new >= self._wanted:
                self._pass()
        return self._partial

    def finish(self) -> Transcript:
        """The transcript of all that came up to now, as if it had been heard in one go."""
        self._scan()
        samples = self._whole()
        lifted, probabilities = samples, np.concatenate([*self._all(), self._detector.rest()])
        if SILENT_LEVEL < self._peak < QUIET_PEAK:
            # Only now is it known how much it is to be amplified.
            lifted = samples * gain_for(self._peak)
            probabilities = speech_probabilities(lifted)
        parts = self._hear(lifted, self._parts(probabilities), final=True)
        self._show(parts)
        return judged(self._engine, parts, samples, probabilities)

    def _scan(self) -> None:
        """Look for speech in what waits."""
        samples = cleaned(np.concatenate([np.empty(0, np.float32), *self._waiting]))
        self._sound.append(samples)
        self._waiting.clear()
        self._waiting_length = 0
        before, self._peak = self._peak, max(self._peak, peak_of(samples))
        if SILENT_LEVEL < before < QUIET_PEAK <= self._peak:
            # It was amplified and is to be no more.
            self._detector, samples = SpeechDetector(), self._whole()
            self._probabilities = []
        found = self._detector.hear(samples * gain_for(self._peak))
        self._probabilities.append(found)
        self._new += int((found >= SPEAKS).sum())

    def _pass(self) -> None:
        """Hear the part that grows, and say what has been understood."""
        samples = self._whole()
        (probabilities,) = self._all()
        stretches = self._parts(probabilities)
        parts = self._hear(samples * gain_for(self._peak), stretches, final=False)
        self._show(parts)
        cost_s = (stretches[-1].seconds if stretches else 0.0) + self._engine.overhead_s
        self._new = 0
        wanted_s = (GROWTH - 1) * cost_s if self._partial.text else RETRY * cost_s
        self._wanted = round(wanted_s * SAMPLE_RATE_HZ / PIECE)

    def _show(self, parts: Sequence[Part[Heard]]) -> None:
        texts = [self._engine.text_of(part.heard) for part in parts]
        if any(texts):
            self._partial = _grown(self._partial, " ".join(text for text in texts if text))

    def _hear(
        self, samples: Samples, stretches: Sequence[Stretch], *, final: bool
    ) -> list[Part[Heard]]:
        """Each part; those that have not changed are not heard again. The last one grows, unless
        it is all `final`."""
        before = {stretch.start: heard for (stretch, _), heard in self._heard.items()}
        parts: list[Part[Heard]] = []
        now: dict[tuple[Stretch, bool], Heard] = {}
        for at, stretch in enumerate(stretches):
            settled = final or at < len(stretches) - 1
            heard = self._heard.get((stretch, settled))
            if heard is None:
                piece = samples[stretch.start : stretch.end]
                draft = before.get(stretch.start)
                heard = self._engine.hear_part(piece, draft, final=settled)
            now[stretch, settled] = heard
            parts.append(Part(stretch, heard))
        self._heard = now
        return parts

    def _parts(self, probabilities: NDArray[np.float32]) -> list[Stretch]:
        engine = self._engine
        stretches = speech_stretches(probabilities)
        return parts_to_hear(stretches, probabilities, engine.longest_s, engine.shortest_cut_s)

    def _whole(self) -> Samples:
        self._sound = [np.concatenate([np.empty(0, np.float32), *self._sound])]
        return self._sound[0]

    def _all(self) -> list[NDArray[np.float32]]:
        """The probabilities, in one array."""
        self._probabilities = [np.concatenate([np.empty(0, np.float32), *self._probabilities])]
        return self._probabilities


def _grown(before: Partial, text: str) -> Partial:
    """What is shown once `text` has been heard after `before`."""
    stable = _WORDS.findall(before.stable)
    shown = stable + _WORDS.findall(before.tentative)
    words = _WORDS.findall(text)
    agreed = len(stable)
    for old, new in zip(shown[agreed:], words[agreed:], strict=False):
        if _bare(old) != _bare(new):
            break
        agreed += 1
    stable += words[len(stable) : agreed]
    return Partial("".join(stable), "".join(words[agreed:]))


def _bare(word: str) -> str:
    """A word without what a later pass may well put otherwise."""
    return re.sub(r"[\W_]", "", word).casefold()
