"""Runs the Moonshine speech model: sound in, tokens and their probabilities out.

The encoder and decoder of Moonshine tiny come in the `moonshine-voice` wheel. They are run here by
onnxruntime and not by that wheel's own library, because it splits sentences at short pauses, keeps
the probabilities of the words to itself, and takes every core.
Model: Jeffries et al., https://arxiv.org/abs/2410.15608 (MIT).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.published import open_session, published_file

Samples = NDArray[np.float32]

PACKAGE = "moonshine_voice"
MODEL = "assets/tiny-en"
REMEDY = "pip install moonshine-voice==0.0.73"

START, END = 1, 2
TOKENS_PER_SECOND = 6.5
"""Nobody speaks English faster; a decoder that writes more has begun to invent."""
SPARE_TOKENS = 6
LONGEST_LOOP = 24
LOOPS = 3
"""A phrase of up to `LONGEST_LOOP` tokens that comes this often in a row is a decoder gone round
in a circle."""


@dataclass(frozen=True)
class Hearing:
    """What the decoder wrote for one piece of sound."""

    text: str
    tokens: tuple[int, ...]
    log_probabilities: NDArray[np.float32]
    """One for each token, the end included."""
    looped: bool
    """The decoder repeated itself and was stopped; `text` has the phrase once."""


class MoonshineDecoder:
    """One encoder and decoder; thread-safe.

    Raises `EngineMissing` if the wheel has no model in it, as its releases from 0.1 on.
    """

    def __init__(self, threads: int) -> None:
        folder = published_file(PACKAGE, f"{MODEL}/decoder_model_merged.ort", remedy=REMEDY).parent
        self._encoder = open_session(folder / "encoder_model.ort", threads)
        self._decoder = open_session(folder / "decoder_model_merged.ort", threads)
        self._tokens = _read_tokens(folder / "tokenizer.bin")
        past = [each for each in self._decoder.get_inputs() if each.name.startswith("past_")]
        self._empty_past = {
            each.name: np.zeros((1, each.shape[1], 0, each.shape[3]), np.float32) for each in past
        }
        self._outputs = [each.name for each in self._decoder.get_outputs()]

    def hear(self, samples: Samples, draft: Sequence[int] = ()) -> Hearing:
        """Mono sound at 16 kHz, best between 1 and 30 seconds, always taking the likeliest
        token.

        `draft`: tokens that were heard in the beginning of this sound. They are all checked in one
        step; what they save are the steps for those that still are the likeliest. The result is the
        one without them, but where two tokens are all but equally likely: these weights are
        quantized, and round a little otherwise for several tokens than for one. Known as
        speculative decoding: https://arxiv.org/abs/2211.17192
        """
        mask = np.ones((1, len(samples)), np.int64)
        inputs = {"input_values": samples[np.newaxis], "attention_mask": mask}
        (encoded,) = self._encoder.run(None, inputs)
        state: dict[str, NDArray[np.generic]] = {
            "encoder_hidden_states": encoded,
            "encoder_attention_mask": mask,
            **self._empty_past,
        }
        written: list[int] = []
        chances: list[float] = []
        looped = False
        drafted = list(draft)
        scores = self._step(state, [START, *drafted], first=True)
        for _ in range(round(len(samples) / 16_000 * TOKENS_PER_SECOND) + SPARE_TOKENS):
            logits = scores[0].astype(np.float64)
            token = int(logits.argmax())
            chances.append(-float(np.log(np.exp(logits - logits[token]).sum())))
            if token == END:
                break
            written.append(token)
            if again := _repeated(written):
                looped = True
                del written[-again:], chances[-again:]
                break
            if drafted and drafted[0] == token:
                del drafted[0]
                scores = scores[1:]
                continue
            if drafted:
                # From here on the draft is wrong: it is forgotten.
                drafted = []
                self._keep(state, positions=len(written))
            scores = self._step(state, [token], first=False)
        return Hearing(self._spell(written), tuple(written), np.array(chances, np.float32), looped)

    def _step(
        self, state: dict[str, NDArray[np.generic]], tokens: list[int], *, first: bool
    ) -> NDArray[np.float32]:
        """Scores of all tokens after each of `tokens`; `state` is brought up to date."""
        state["input_ids"] = np.array([tokens], np.int64)
        state["use_cache_branch"] = np.array([not first])
        logits, *present = self._decoder.run(None, state)
        for name, value in zip(self._outputs[1:], present, strict=True):
            # What it knows of the encoder's side is computed in the first step only.
            if first or ".decoder." in name:
                state[name.replace("present", "past_key_values")] = value
        return np.asarray(logits[0], np.float32)

    def _keep(self, state: dict[str, NDArray[np.generic]], *, positions: int) -> None:
        """Forget what the decoder wrote after so many tokens."""
        for name in self._empty_past:
            if ".decoder." in name:
                state[name] = np.ascontiguousarray(state[name][:, :, :positions])

    def _spell(self, tokens: list[int]) -> str:
        spelled = b"".join(self._tokens[token] for token in tokens)
        return spelled.decode("utf-8", "ignore").replace("▁", " ").strip()


def _repeated(tokens: list[int]) -> int:
    """How many tokens at the end only repeat the phrase before them; 0 until that is a loop.

    One or two tokens may come more often than a longer phrase: digits do ("0 0 0").
    """
    for length in range(1, LONGEST_LOOP + 1):
        times = LOOPS if length > 2 else 2 * LOOPS
        phrase = tokens[-length:]
        if len(tokens) >= length * times and tokens[-length * times :] == phrase * times:
            return length * (times - 1)
    return 0


def _read_tokens(path: Path) -> list[bytes]:
    """The vocabulary: each entry a length, in one byte or from 128 on in two, and its bytes."""
    data = path.read_bytes()
    tokens: list[bytes] = []
    position = 0
    while position < len(data):
        length = data[position]
        position += 1
        if length >= 128:
            length = data[position] * 128 + length - 128
            position += 1
        tokens.append(data[position : position + length])
        position += length
    return tokens
