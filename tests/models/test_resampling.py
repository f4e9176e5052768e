"""Resampling piece by piece is resampling the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.resampling import Resampler, resample


@pytest.mark.parametrize(("from_hz", "to_hz"), [(8000, 16000), (48000, 16000), (22050, 8000)])
@given(cuts=st.lists(st.integers(1, 4000), min_size=1, max_size=12))
def test_pieces_together_are_the_whole(from_hz: int, to_hz: int, cuts: list[int]) -> None:
    seconds = np.arange(12_000) / from_hz
    whole = (0.5 * np.sin(2 * np.pi * 440 * seconds)).astype(np.float32)
    stream = Resampler(from_hz, to_hz)
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(stream.feed(whole[at : at + cut]))
        at += cut
    pieces.append(stream.feed(whole[at:], last=True))
    assert np.abs(np.concatenate(pieces) - resample(whole, from_hz, to_hz)).max() < 1e-5


def test_the_same_rate_changes_nothing() -> None:
    samples = np.linspace(-1, 1, 100, dtype=np.float32)
    assert np.array_equal(resample(samples, 16000, 16000), samples)
