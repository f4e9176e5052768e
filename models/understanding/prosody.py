"""How something was said: pace, loudness, pitch and pauses of a recording, by numpy alone.

Pitch is the autocorrelation of windowed pieces divided by that of the window (Boersma, 1993),
syllables are counted as peaks of intensity with a dip before each (de Jong and Wempe, 2009).
"""

import re

import numpy as np
from numpy.typing import NDArray

from models.understanding.observation import Prosody

Samples = NDArray[np.float32]
Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

SAMPLE_RATE_HZ = 16_000
HOP = 160
"""Samples between frames: 10 ms."""
FRAMES_PER_S = SAMPLE_RATE_HZ // HOP
LEVEL_WINDOW = 400
"""Samples that a frame's level is the mean of: 25 ms."""
LEAST_SPEECH_S = 0.2
SILENT_DB = -48.0
"""What stays below this but for `LEAST_SPEECH_S` holds nothing that could be measured."""
BELOW_SPEECH_DB = 28.0
"""A frame that is softer than the loudest speech by more than this is silent."""
SHORTEST_PAUSE_S = 0.15
"""A shorter gap is a consonant's closure."""
SHORTEST_SOUND_S = 0.04
"""A shorter sound between two pauses is a click."""

LOWEST_HZ, HIGHEST_HZ = 60.0, 400.0
PITCH_RATE_HZ = SAMPLE_RATE_HZ // 2
PITCH_WINDOW = 400
"""Samples at `PITCH_RATE_HZ`: 50 ms, three periods of the lowest pitch."""
PITCH_FRAMES = 4096
"""Looked at together, which bounds the memory."""
LEAST_VOICED = 0.5
"""Autocorrelation of a voiced frame, for its best period; 1 for a pure tone."""
OCTAVE_COST = 0.03
"""By how much a period must be better than half of it, so that it isn't taken twice too long."""
WITHIN_SEMITONES = 9.0
"""What is farther from the median is taken for an octave error."""

NUCLEUS_WINDOW = 960
"""Samples, 60 ms: over it, syllables are smoothed to one peak each."""
NUCLEUS_BELOW_DB = 25.0
"""A softer peak, compared with the loudest, is no syllable."""
DIP_DB = 2.0
_FLOOR = 1e-12
_VOWELS = re.compile(r"[aeiouyà-æè-ïò-öù-ýœ]+|\d", re.IGNORECASE)
_BOUND = 0.6
"""Share of the words' syllables by which the counted nuclei may differ from them."""


def prosody_of(samples: Samples, words: str = "") -> Prosody | None:
    """How it was said; None where hardly anything is to be heard.

    `samples`: mono at 16 kHz, -1 to 1. `words`: what was said, as far as it is known. Noise hides
    syllables and makes up others, so the words bound their number.
    """
    if len(samples) < LEAST_SPEECH_S * SAMPLE_RATE_HZ:
        return None
    levels = levels_of(samples, LEVEL_WINDOW)
    loud = _exceeded_for(levels, LEAST_SPEECH_S)
    if loud < SILENT_DB:
        return None
    speaks = _speech(levels, loud)
    if not speaks.any():
        return None
    first, last = np.flatnonzero(speaks)[[0, -1]]
    spoken = int(speaks.sum())
    pitch = pitches(samples, np.flatnonzero(speaks), len(levels))
    voiced = pitch > 0
    heard = levels >= loud - BELOW_SPEECH_DB
    measured = levels[(voiced if (voiced & heard).any() else speaks) & heard]
    median, spread = _pitch_figures(pitch[voiced])
    nuclei = _nuclei(samples, voiced, speaks)
    return Prosody(
        pace=_bounded(nuclei, words) / (spoken / FRAMES_PER_S),
        loudness_db=float(measured.mean()),
        loudness_range_db=float(measured.std()),
        pitch_hz=median,
        pitch_range=spread,
        pauses=1 - spoken / int(last - first + 1),
    )


def levels_of(samples: Samples, window: int) -> Floats:
    """Level of each frame in dB below full scale: the mean of `window` samples around it."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    middles = np.arange(len(samples) // HOP) * HOP + HOP // 2
    start = np.maximum(middles - window // 2, 0)
    end = np.minimum(middles + window // 2, len(samples))
    mean = (energy[end] - energy[start]) / (end - start)
    return np.asarray(10 * np.log10(np.maximum(mean, _FLOOR)), np.float32)


def _exceeded_for(levels: Floats, seconds: float) -> float:
    """The level that frames of so many seconds together exceed."""
    count = min(len(levels), round(seconds * FRAMES_PER_S))
    return float(np.partition(levels, -count)[-count])


def _speech(levels: Floats, loud: float) -> Flags:
    """Which frames belong to speech; gaps that are no pauses are filled, clicks taken out."""
    floor = float(np.percentile(levels, 5))
    # In noise, silence is as loud as the noise. A recording without any silence has no floor.
    least = min(max(loud - BELOW_SPEECH_DB, floor + 0.4 * (loud - floor)), loud - 6)
    speaks = _without_short(levels >= least, False, SHORTEST_PAUSE_S)
    return _without_short(speaks, True, SHORTEST_SOUND_S)


def _without_short(flags: Flags, value: bool, shortest_s: float) -> Flags:
    """Runs of `value` that are shorter are turned over; those at the ends only if they are True."""
    edges = np.flatnonzero(np.diff(flags)) + 1
    starts, ends = np.append(0, edges), np.append(edges, len(flags))
    kept = flags.copy()
    for start, end in zip(starts, ends, strict=True):
        inner = start > 0 and end < len(flags)
        short = end - start < shortest_s * FRAMES_PER_S
        if flags[start] == value and short and (inner or value):
            kept[start:end] = not value
    return kept


def pitches(samples: Samples, frames: NDArray[np.intp], count: int) -> Floats:
    """Fundamental frequency in Hz of each of `count` frames; 0 where it is not voiced or not
    among `frames`."""
    half = samples[: len(samples) // 2 * 2].reshape(-1, 2).mean(1)
    views = np.lib.stride_tricks.sliding_window_view(np.pad(half, PITCH_WINDOW), PITCH_WINDOW)
    # The middle of a frame lies in the middle of its piece.
    starts = (frames * HOP + HOP // 2) // 2 - PITCH_WINDOW // 2 + PITCH_WINDOW
    found = np.zeros(count, np.float32)
    for at in range(0, len(frames), PITCH_FRAMES):
        pieces = views[starts[at : at + PITCH_FRAMES]]
        found[frames[at : at + PITCH_FRAMES]] = _pitch_of(pieces)
    return found


def _pitch_of(pieces: Floats) -> Floats:
    """Of each piece, shape (n, `PITCH_WINDOW`); 0 where it is not voiced."""
    likeness = _autocorrelation(pieces - pieces.mean(1, keepdims=True))
    shortest = int(PITCH_RATE_HZ / HIGHEST_HZ) - 1
    lags = np.arange(shortest, likeness.shape[1] - 1)
    before, inner, after = (likeness[:, lags + step] for step in (-1, 0, 1))
    peak = (inner >= before) & (inner > after)
    # A parabola through the peak and its neighbours finds its top between two samples.
    shift = 0.5 * (before - after) / np.minimum(before - 2 * inner + after, -1e-9)
    top = inner - 0.25 * (before - after) * shift
    best = np.where(peak, top - OCTAVE_COST * np.log2(lags / shortest), -np.inf).argmax(1)
    rows = np.arange(len(pieces))
    hz = PITCH_RATE_HZ / (lags[best] + shift[rows, best])
    voiced = peak[rows, best] & (top[rows, best] >= LEAST_VOICED)
    voiced &= (hz >= LOWEST_HZ) & (hz <= HIGHEST_HZ)
    return np.where(voiced, hz, 0).astype(np.float32)


def _autocorrelation(pieces: Floats) -> Floats:
    """Normalised for each lag up to the lowest pitch's period, shape (n, lags); 1 at lag 0."""
    longest = int(PITCH_RATE_HZ / LOWEST_HZ) + 3
    size = PITCH_WINDOW + longest + 3
    window = np.hanning(PITCH_WINDOW).astype(np.float32)

    def correlated(rows: Floats) -> Floats:
        spectrum = np.fft.rfft(rows, size, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        return np.asarray(np.fft.irfft(power, size, axis=1)[:, :longest], np.float32)

    raw = correlated(pieces * window)
    own = correlated(window[None])
    energy = np.maximum(raw[:, :1], _FLOOR)
    return np.asarray(raw / energy / (own / own[:, :1]), np.float32)


def _pitch_figures(hz: Floats) -> tuple[float, float]:
    """Median in Hz and standard deviation in semitones of the voiced frames; 0, 0 without any."""
    if not len(hz):
        return 0.0, 0.0
    away = 12 * np.log2(hz / np.median(hz))
    kept = np.abs(away) <= WITHIN_SEMITONES
    return float(np.median(hz[kept])), float(away[kept].std())


def _nuclei(samples: Samples, voiced: Flags, speaks: Flags) -> int:
    """Voiced peaks of intensity that stand out from the dip before them."""
    smooth = np.convolve(levels_of(samples, NUCLEUS_WINDOW), [0.25, 0.5, 0.25], "same")
    levels = smooth.astype(np.float32)
    least = float(np.percentile(levels[speaks], 99)) - NUCLEUS_BELOW_DB
    peaks = np.flatnonzero((levels[1:-1] >= levels[:-2]) & (levels[1:-1] > levels[2:])) + 1
    near = np.convolve(voiced, np.ones(3), "same") > 0
    count, last = 0, -1
    for at in peaks[(levels[peaks] >= least) & near[peaks]]:
        if last < 0 or _dips(levels, last, int(at)):
            count, last = count + 1, int(at)
        elif levels[at] > levels[last]:
            # The same syllable, which has only now reached its top.
            last = int(at)
    return count


def _dips(levels: Floats, one: int, other: int) -> bool:
    """Whether it gets softer between two peaks than at both."""
    softest = float(levels[one : other + 1].min())
    return min(float(levels[one]), float(levels[other])) - softest >= DIP_DB


def _bounded(nuclei: int, words: str) -> float:
    syllables = len(_VOWELS.findall(words))
    if not syllables:
        return float(nuclei)
    return min(max(nuclei, (1 - _BOUND) * syllables), (1 + _BOUND) * syllables)
