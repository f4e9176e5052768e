"""How the voice ends: whether its pitch has fallen, as it does where somebody has finished.

In most languages a statement ends at the bottom of the speaker's range, while a pause in the middle
of one leaves the pitch level or raised, and many questions end above it (Pierrehumbert, 1980;
Gussenhoven, 2004).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.understanding.prosody import HOP, pitch

Samples = NDArray[np.float32]

SAMPLE_RATE_HZ = 16_000
LOOKED_AT_S = 3.0
"""Of the sound's end."""
LAST_S = 0.06
"""Of voiced sound at the end, whose pitch is compared with the rest."""
SLOPE_S = 0.25
_LEAST_VOICED_S = 0.1
_JUMP = 6.0
"""Semitones from one frame to the next that no voice makes: an octave error, or a click."""
_ERROR_S = 0.1
"""How long such an error lasts at most."""
_FRAME_S = HOP / SAMPLE_RATE_HZ


@dataclass(frozen=True)
class Melody:
    """Of the end of something spoken, in semitones."""

    above: float
    """How far the last pitch lies above the speaker's median; negative where it has fallen."""
    slope: float
    """Semitones per second over the last quarter of a second."""


def melody_of(samples: Samples) -> Melody | None:
    """`samples`: mono at 16 kHz, the voice's end near its end. None where hardly anything has a
    pitch."""
    tail = samples[-round(LOOKED_AT_S * SAMPLE_RATE_HZ) :]
    count = len(tail) // HOP
    if not count:
        return None
    hz = pitch(tail, np.arange(count), count)
    voiced = np.flatnonzero(hz)
    if len(voiced) * _FRAME_S < _LEAST_VOICED_S:
        return None
    voiced = _without_jump(voiced, 12 * np.log2(hz[voiced]))
    tones = 12 * np.log2(hz[voiced])
    last = round(LAST_S / _FRAME_S)
    recent = voiced >= voiced[-1] - round(SLOPE_S / _FRAME_S)
    seconds = voiced[recent] * _FRAME_S
    slope = np.polyfit(seconds, tones[recent], 1)[0] if recent.sum() > 1 else 0.0
    return Melody(float(np.median(tones[-last:]) - np.median(tones)), float(slope))


def _without_jump(voiced: NDArray[np.intp], tones: NDArray[np.floating]) -> NDArray[np.intp]:
    """The voiced frames without a last few that follow a jump within one sound."""
    jumps = (np.abs(np.diff(tones)) > _JUMP) & (np.diff(voiced) <= round(_ERROR_S / _FRAME_S))
    least = len(voiced) - round(_ERROR_S / _FRAME_S)
    first = next((jump + 1 for jump in np.flatnonzero(jumps) if jump + 1 >= least), None)
    return voiced[:first]
