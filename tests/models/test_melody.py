"""How the voice ends."""

import numpy as np
from numpy.typing import NDArray

from models.melody import melody_of

RATE_HZ = 16_000


def voice(*hertz: float) -> NDArray[np.float32]:
    """A buzz whose pitch goes from one frequency to the next, half a second each."""
    frequency = np.interp(np.linspace(0, len(hertz) - 1, RATE_HZ), np.arange(len(hertz)), hertz)
    phase = 2 * np.pi * np.cumsum(frequency) / RATE_HZ
    return sum(np.sin(n * phase) / n for n in range(1, 8)).astype(np.float32) * 0.2


def test_a_fall_is_told_from_a_rise() -> None:
    fallen, level, raised = melody_of(voice(150, 150, 90)), melody_of(voice(150, 150)), None
    raised = melody_of(voice(120, 120, 200))
    assert fallen is not None
    assert level is not None
    assert raised is not None
    assert fallen.above < -2.7 < -0.5 < level.above < 0.5 < raised.above
    assert fallen.slope < -5 < 5 < raised.slope


def test_what_has_no_pitch_has_no_melody() -> None:
    assert melody_of(np.zeros(RATE_HZ, np.float32)) is None
    assert melody_of(np.zeros(10, np.float32)) is None
