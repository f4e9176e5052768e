"""What a line does to sound: no more than its codec must."""

from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from connectors.calls.codecs.codec import Codec, NotThisCodec
from connectors.calls.codecs.g711 import ALaw, MuLaw
from connectors.calls.codecs.l16 import L16

SOUND: Any = arrays(
    np.float32,
    st.integers(0, 500),
    elements=st.floats(-1, 1, width=32),
)
CODECS: list[Codec] = [MuLaw(), ALaw(), L16(16_000, order="big"), L16(8_000, order="little")]


@given(SOUND)
@pytest.mark.parametrize("law", [MuLaw(), ALaw()], ids=["mu", "A"])
def test_g711_is_off_by_half_a_step_at_most(law: Codec, sound: NDArray[np.float32]) -> None:
    heard = law.decode(law.encode(sound))
    # A step is a sixteenth of its segment, and segments double from 1/128 of full scale on.
    step = np.maximum(2.0 ** np.floor(np.log2(np.abs(sound) + 2**-7)) / 16, 2**-12) * 32_768
    error = np.abs(heard - np.clip(sound, -1, 1)) * 32_768
    loudest = np.abs(law.decode(bytes(range(256)))).max() * 32_768
    clipped = np.abs(sound) * 32_768 > loudest
    assert (error[~clipped] <= step[~clipped]).all()
    assert np.allclose(np.abs(heard[clipped]) * 32_768, loudest)


@given(SOUND)
@pytest.mark.parametrize("order", ["big", "little"])
def test_linear_sound_is_off_by_half_a_sample_step(order: Any, sound: NDArray[np.float32]) -> None:
    codec = L16(16_000, order=order)
    assert np.abs(codec.decode(codec.encode(sound)) - sound).max(initial=0) <= 1 / 32_768


@given(st.binary(max_size=400))
@pytest.mark.parametrize("law", [MuLaw(), ALaw()], ids=["mu", "A"])
def test_every_g711_byte_comes_back(law: Codec, data: bytes) -> None:
    # μ-law has two bytes for silence, and sends one of them.
    wanted = data.replace(b"\x7f", b"\xff") if isinstance(law, MuLaw) else data
    assert law.encode(law.decode(data)) == wanted


@given(SOUND, st.integers(1, 499))
@pytest.mark.parametrize("codec", CODECS, ids=["mu", "A", "big", "little"])
def test_pieces_are_the_whole(codec: Codec, sound: NDArray[np.float32], at: int) -> None:
    assert codec.encode(sound[:at]) + codec.encode(sound[at:]) == codec.encode(sound)


@pytest.mark.parametrize(("law", "name"), [(MuLaw(), "pcm_mulaw"), (ALaw(), "pcm_alaw")])
def test_g711_is_what_ffmpeg_makes_of_it(law: Codec, name: str) -> None:
    every = bytes(range(256))
    context = av.CodecContext.create(name, "r")
    context.sample_rate, context.layout = 8_000, "mono"
    [frame] = context.decode(av.Packet(every))
    theirs = frame.to_ndarray().reshape(-1).astype(np.float32) / 32_768
    assert np.array_equal(law.decode(every), theirs)


def test_order_of_bytes_is_told_apart() -> None:
    one = np.array([0.25], np.float32)
    assert L16(8_000, order="big").encode(one) == b"\x20\x00"
    assert L16(8_000, order="little").encode(one) == b"\x00\x20"


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(NotThisCodec, match="3 bytes"):
        L16(8_000, order="little").decode(b"\x00\x01\x02")


def test_too_loud_is_cut_off_and_not_turned_over() -> None:
    for codec in CODECS:
        loud = codec.decode(codec.encode(np.array([3.0, -3.0], np.float32)))
        assert loud[0] > 0.95
        assert loud[1] < -0.95
