"""Finds the pauses in a caller's turn as a call does, and what is known at each of them."""

from collections.abc import Callable, Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from bot.calls.caller_turns import LEAD_S
from bot.calls.turn_taking import Move, Timing, TurnTaking
from models.melody import Melody, melody_of
from models.transcriber import Transcriber
from models.voice_activity import PIECE, SpeechDetector

Sound = NDArray[np.float32]

RATE_HZ = 16_000
PIECE_S = PIECE / RATE_HZ
_FOR_EVER_S = 1e6
_NEAR_S = 0.15
"""Of the true end: a pause that begins later is the end."""


class Pause(msgspec.Struct, frozen=True):
    """What is known when a pause is noticed, and what it turned out to be."""

    turn: str
    """Which turn, of all."""
    group: str
    """Whose sentences: `banking`, `assistant`, `shop` or `people`."""
    part: int
    """Callers of one part share neither voices nor sentences with those of the other."""
    line: str
    whole: bool
    """The turn has no pause that was put in."""
    text: str
    melody: Melody | None
    complete: float | None
    """By Smart Turn."""
    late_s: float
    """From the true end until the voice detector says so; of an end."""
    lasts_s: float | None
    """Until the caller went on; None: it was the end."""


def pauses(
    sound: Sound,
    transcriber: Transcriber,
    complete: Callable[[Sound], float] | None,
    *,
    ends_s: float | None,
    turn: str,
    group: str,
    part: int,
    line: str,
    whole: bool,
) -> Iterator[Pause]:
    """`sound`: a turn with silence after it, mono at 16 kHz. `ends_s`: where the voice really ends;
    None: with the last pause."""
    spans = _spans(sound)
    for at, (began_s, noticed_s, ended_s, on_s) in enumerate(spans):
        first, last = max(0.0, began_s - LEAD_S), noticed_s
        heard = sound[round(first * RATE_HZ) : round(last * RATE_HZ)]
        over = at == len(spans) - 1 if ends_s is None else ended_s > ends_s - _NEAR_S
        yield Pause(
            turn,
            group,
            part,
            line,
            whole,
            transcriber.transcribe(heard).text,
            melody_of(heard),
            complete(heard) if complete else None,
            ended_s - ends_s if over and ends_s is not None else 0.0,
            None if over else (on_s or noticed_s) - ended_s - PIECE_S,
        )


def _spans(sound: Sound) -> list[tuple[float, float, float, float | None]]:
    """When the voice began, a pause was noticed, the voice had ended, and it went on."""
    taking = TurnTaking(Timing(patient_s=_FOR_EVER_S, idle_s=_FOR_EVER_S, longest_s=_FOR_EVER_S))
    found: list[tuple[float, float, float, float | None]] = []
    began_s = 0.0
    for voice in SpeechDetector().hear(sound):
        for step in taking.hear(float(voice), PIECE_S):
            if step.move is Move.BEGAN:
                began_s = step.at_s
            elif step.move is Move.PAUSED:
                found.append((began_s, taking.now_s, taking.voice_ended_s, None))
            elif step.move is Move.WENT_ON:
                found[-1] = (*found[-1][:3], taking.now_s)
    return found
