"""Resampling piece by piece is resampling the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.audio import resampled
from models.resampling import Resampler


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
    assert np.abs(np.concatenate(pieces) - resampled(whole, from_hz, to_hz)).max() < 1e-5


def test_the_same_rate_changes_nothing() -> None:
    samples = np.linspace(-1, 1, 100, dtype=np.float32)
    assert np.array_equal(Resampler(16000, 16000).feed(samples, last=True), samples)


@pytest.mark.parametrize("from_hz", [8000, 24000, 48000])
def test_nobody_waits_for_what_is_held_back(from_hz: int) -> None:
    stream, frame = Resampler(from_hz, 16000), np.zeros(from_hz // 50, np.float32)
    heard = 0
    for count in range(1, 51):
        heard += len(stream.feed(frame))
        assert count * 0.02 - heard / 16000 <= 0.005


def test_pieces_may_be_empty() -> None:
    stream = Resampler(8000, 16000)
    assert len(stream.feed(np.zeros(0, np.float32))) == 0
    stream.feed(np.ones(160, np.float32))
    assert len(stream.feed(np.zeros(0, np.float32), last=True)) > 0
