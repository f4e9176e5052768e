"""How the voice ends: pitch, loudness and length of its last sounds.

In most languages a statement ends at the bottom of the speaker's range, while a pause in the middle
of one leaves the pitch level or raised, and many questions end above it (Pierrehumbert, 1980;
Gussenhoven, 2004). The last syllable before an end is softer and longer too (Klatt, 1976).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.understanding.prosody import HOP, LEVEL_WINDOW, levels_of, pitches

Samples = NDArray[np.float32]

SAMPLE_RATE_HZ = 16_000
LOOKED_AT_S = 3.0
"""Of the sound's end."""
LAST_S, LATE_S = 0.06, 0.1
"""Of voiced sound at the end, whose pitch is compared with the rest."""
_LEAST_VOICED_S = 0.1
_SOFT_DB = 20.0
"""A frame that is softer than most of the voice by more than this is a breath, or the line's."""
_FAR = 14.0
"""Semitones from the median that are no voice's."""
_JUMP = 7.0
"""Semitones upwards from one frame to the next that no voice makes: an octave error."""
_ERROR_S = 0.1
"""How long such an error lasts at most."""
_GAP_S = 0.03
"""Between two stretches of voiced sound."""
_FRAME_S = HOP / SAMPLE_RATE_HZ


@dataclass(frozen=True)
class Melody:
    """Of the end of something spoken: pitch in semitones, loudness in dB."""

    above: float
    """How far the last pitch lies above the speaker's median; negative where it has fallen."""
    slope: float = 0.0
    """Semitones per second over the last quarter of a second."""
    late: float = 0.0
    """As `above`, over the last tenth of a second."""
    early: float = 0.0
    """As `above`, from half a second before the end to a fifth."""
    over_lowest: float = 0.0
    """How far the last pitch lies above the lowest tenth."""
    over_highest: float = 0.0
    """How far above the highest."""
    level: float = 0.0
    """Of the last voiced sound, compared with the rest: negative where it fades."""
    level_quarter: float = 0.0
    level_half: float = 0.0
    """The same over the last quarter of a second, and over half of one."""
    stretch_s: float = 0.0
    """How long the last voiced sound is."""
    after_s: float = 0.0
    """From there to the end of what was looked at."""
    voiced_s: float = 0.0
    """Of voiced sound in all that was looked at."""


def melody_of(samples: Samples) -> Melody | None:
    """`samples`: mono at 16 kHz, the voice's end near its end. None where hardly anything has a
    pitch."""
    tail = samples[-round(LOOKED_AT_S * SAMPLE_RATE_HZ) :]
    count = len(tail) // HOP
    if not count:
        return None
    hz = pitches(tail, np.arange(count), count)
    loud = levels_of(tail, LEVEL_WINDOW)
    voiced = np.flatnonzero(hz)
    if len(voiced) * _FRAME_S < _LEAST_VOICED_S:
        return None
    usual = float(np.percentile(loud[voiced], 75))
    voiced = _plain(voiced, hz, loud >= usual - _SOFT_DB)
    tones = 12 * np.log2(hz[voiced])
    tones -= np.median(tones)
    last = float(np.median(tones[-round(LAST_S / _FRAME_S) :]))
    recent, before = _since(voiced, 0.25), _since(voiced, 0.5) & ~_since(voiced, 0.2)
    gaps = np.flatnonzero(np.diff(voiced) > round(_GAP_S / _FRAME_S))
    began = voiced[gaps[-1] + 1] if len(gaps) else voiced[0]
    return Melody(
        above=last,
        slope=_slope(voiced[recent] * _FRAME_S, tones[recent]),
        late=float(np.median(tones[-round(LATE_S / _FRAME_S) :])),
        early=float(np.median(tones[before])) if before.any() else 0.0,
        over_lowest=last - float(np.percentile(tones, 10)),
        over_highest=last - float(np.percentile(tones, 90)),
        level=float(loud[voiced[-5:]].mean()) - usual,
        level_quarter=float(loud[voiced[recent]].mean()) - usual,
        level_half=float(loud[voiced[_since(voiced, 0.5)]].mean()) - usual,
        stretch_s=float(voiced[-1] - began) * _FRAME_S,
        after_s=float(count - 1 - voiced[-1]) * _FRAME_S,
        voiced_s=len(voiced) * _FRAME_S,
    )


def _plain(
    voiced: NDArray[np.intp], hz: NDArray[np.float32], loud: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """The voiced frames without breaths and octave errors, as long as enough is left."""
    least = round(_LEAST_VOICED_S / _FRAME_S)
    near = voiced[loud[voiced]]
    voiced = near if len(near) >= least else voiced
    voiced = _without_jump(voiced, 12 * np.log2(hz[voiced]))
    tones = 12 * np.log2(hz[voiced])
    near = voiced[np.abs(tones - np.median(tones)) <= _FAR]
    return near if len(near) >= least else voiced


def _since(voiced: NDArray[np.intp], seconds: float) -> NDArray[np.bool_]:
    """Which frames lie in the last `seconds` of the voice."""
    recent: NDArray[np.bool_] = voiced >= voiced[-1] - round(seconds / _FRAME_S)
    return recent


def _slope(seconds: NDArray[np.floating], tones: NDArray[np.floating]) -> float:
    return float(np.polyfit(seconds, tones, 1)[0]) if len(seconds) > 2 else 0.0


def _without_jump(voiced: NDArray[np.intp], tones: NDArray[np.floating]) -> NDArray[np.intp]:
    """The voiced frames without a last few that follow a jump."""
    jumps = (np.diff(tones) > _JUMP) & (np.diff(voiced) <= round(_ERROR_S / _FRAME_S))
    least = len(voiced) - round(_ERROR_S / _FRAME_S)
    first = next((jump + 1 for jump in np.flatnonzero(jumps) if jump + 1 >= least), None)
    return voiced[:first]
