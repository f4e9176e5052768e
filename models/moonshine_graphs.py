"""The onnx graphs of Moonshine's models, in both layouts that they are published in.

The older ones have one encoder and one decoder. The streaming ones are in five pieces; here they
hear a stretch of sound at once like the others, for `models.growing` brings what is still to come.
Names and shapes are those of https://github.com/moonshine-ai/moonshine.
"""

import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.errors import EngineMissing, first_line
from models.published import open_session

Samples = NDArray[np.float32]
Values = NDArray[np.generic]

WHOLE = ("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin")
STREAMING = (
    "adapter.ort",
    "cross_kv.ort",
    "decoder_kv.ort",
    "encoder.ort",
    "frontend.model.ort|frontend.ort",
    "streaming_config.json",
    "tokenizer.bin",
)
"""Files of a model; one of `a|b` must be there. `frontend.model.ort` has its weights beside it."""
AGAIN = "copy or download the model again"
_SAMPLES_KEPT = 79
_FRAMES_KEPT = 4
"""What the streaming layout's front end keeps of the sound before, in samples and in frames."""


class Decoding(Protocol):
    """One stretch of sound that is being written down."""

    def step(self, tokens: list[int]) -> NDArray[np.float32]:
        """Scores of all tokens after each of `tokens`, which follow those before: (tokens,
        vocabulary)."""

    def keep(self, positions: int) -> None:
        """Forget all tokens but so many."""


class Graphs(Protocol):
    """A model. Thread-safe."""

    def begin(self, samples: Samples) -> Decoding:
        """Hear mono sound at 16 kHz."""


def open_graphs(folder: Path, threads: int) -> Graphs:
    """The model in a folder. Raises `EngineMissing` if there is none, or it cannot be loaded."""
    names = STREAMING if (folder / "streaming_config.json").is_file() else WHOLE
    missing = [
        name.replace("|", " or ")
        for name in names
        if not any((folder / each).is_file() for each in name.split("|"))
    ]
    if missing:
        raise EngineMissing(
            f"{folder} holds no Moonshine: it has no {', '.join(missing)}", remedy=AGAIN
        )
    try:
        return (_Streaming if names == STREAMING else _Whole)(folder, threads)
    except Exception as error:
        # Each of onnxruntime's errors is a class of its own.
        problem = f"{folder} cannot be loaded as a Moonshine: {first_line(error)}"
        raise EngineMissing(problem, remedy=AGAIN) from error


class _Whole:
    def __init__(self, folder: Path, threads: int) -> None:
        self.encoder = open_session(folder / "encoder_model.ort", threads)
        self.decoder = open_session(folder / "decoder_model_merged.ort", threads)
        self._masked = len(self.encoder.get_inputs()) > 1
        inputs = self.decoder.get_inputs()
        self._decoder_masked = any(each.name == "encoder_attention_mask" for each in inputs)
        self.empty_past = {
            each.name: np.zeros((1, each.shape[1], 0, each.shape[3]), np.float32)
            for each in inputs
            if each.name.startswith("past_")
        }
        self.outputs = [each.name for each in self.decoder.get_outputs()]
        # What it knows of the encoder's side stays; asked for, it would be copied for each token.
        self.changing = [name for name in self.outputs if ".encoder." not in name]

    def begin(self, samples: Samples) -> Decoding:
        mask = np.ones((1, len(samples)), np.int64)
        inputs: dict[str, Values] = {"input_values": samples[np.newaxis]}
        if self._masked:
            inputs["attention_mask"] = mask
        (encoded,) = self.encoder.run(None, inputs)
        state: dict[str, Values] = {"encoder_hidden_states": encoded, **self.empty_past}
        if self._decoder_masked:
            state["encoder_attention_mask"] = mask
        return _WholeDecoding(self, state)


class _WholeDecoding:
    def __init__(self, graphs: _Whole, state: dict[str, Values]) -> None:
        self._graphs = graphs
        self._state = state
        self._begun = False

    def step(self, tokens: list[int]) -> NDArray[np.float32]:
        state = self._state
        state["input_ids"] = np.array([tokens], np.int64)
        state["use_cache_branch"] = np.array([self._begun])
        names = self._graphs.changing if self._begun else self._graphs.outputs
        logits, *present = self._graphs.decoder.run(names, state)
        for name, value in zip(names[1:], present, strict=True):
            state[name.replace("present", "past_key_values")] = value
        self._begun = True
        return np.asarray(logits[0], np.float32)

    def keep(self, positions: int) -> None:
        for name in self._graphs.empty_past:
            if ".decoder." in name:
                self._state[name] = np.ascontiguousarray(self._state[name][:, :, :positions])


class _Streaming:
    def __init__(self, folder: Path, threads: int) -> None:
        about = json.loads((folder / "streaming_config.json").read_text("utf-8"))
        self._given: dict[str, Values] = {
            "sample_buffer": np.zeros((1, _SAMPLES_KEPT), np.float32),
            "sample_len": np.zeros(1, np.int64),
            "conv1_buffer": np.zeros((1, about["d_model_frontend"], _FRAMES_KEPT), np.float32),
            "conv2_buffer": np.zeros((1, about["c1"], _FRAMES_KEPT), np.float32),
            "frame_count": np.zeros(1, np.int64),
        }
        self.empty = np.zeros((about["depth"], 1, about["nheads"], 0, about["head_dim"]), "f4")
        frontend = folder / "frontend.model.ort"
        if frontend.is_file():
            # They are a graph that wants nothing: stored in it, they would be four times as large.
            weights = open_session(folder / "frontend.weights.ort", threads)
            names = [each.name for each in weights.get_outputs()]
            self._given |= zip(names, weights.run(names, {}), strict=True)
        else:
            frontend = folder / "frontend.ort"
        self._frontend = open_session(frontend, threads)
        given = self._given.keys()
        self._sound = next(
            each.name for each in self._frontend.get_inputs() if each.name not in given
        )
        self._encoder = open_session(folder / "encoder.ort", threads)
        self._adapter = open_session(folder / "adapter.ort", threads)
        self._cross = open_session(folder / "cross_kv.ort", threads)
        self.decoder: onnxruntime.InferenceSession = open_session(
            folder / "decoder_kv.ort", threads
        )

    def begin(self, samples: Samples) -> Decoding:
        given = {self._sound: samples[np.newaxis], **self._given}
        (features,) = self._frontend.run(["features"], given)
        (encoded,) = self._encoder.run(["encoded"], {"features": features})
        place = np.zeros(1, np.int64)
        (memory,) = self._adapter.run(["memory"], {"encoded": encoded, "pos_offset": place})
        keys, values = self._cross.run(["k_cross", "v_cross"], {"memory": memory})
        return _StreamingDecoding(self, {"out_k_cross": keys, "out_v_cross": values})


class _StreamingDecoding:
    def __init__(self, graphs: _Streaming, heard: dict[str, Any]) -> None:
        self._graphs = graphs
        self._state: dict[str, Any] = {**heard, "k_self": graphs.empty, "v_self": graphs.empty}

    def step(self, tokens: list[int]) -> NDArray[np.float32]:
        self._state["token"] = np.array([tokens], np.int64)
        logits, self._state["k_self"], self._state["v_self"] = self._graphs.decoder.run(
            ["logits", "out_k_self", "out_v_self"], self._state
        )
        return np.asarray(logits[0], np.float32)

    def keep(self, positions: int) -> None:
        for name in ("k_self", "v_self"):
            self._state[name] = np.ascontiguousarray(self._state[name][:, :, :, :positions])
