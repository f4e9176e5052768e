"""Runs a Moonshine speech model: sound in, tokens and their probabilities out.

The graphs (`models.moonshine_graphs`) are run by onnxruntime and not by the library that their
authors publish, because it splits sentences at short pauses, keeps the probabilities of the words
to itself, and takes every core.
Model: Jeffries et al., https://arxiv.org/abs/2410.15608 (MIT).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import EngineMissing
from models.moonshine_graphs import AGAIN, open_graphs

Samples = NDArray[np.float32]

START, END = 1, 2
TOKENS_PER_SECOND = 6.5
"""Nobody speaks English faster; a decoder that writes more has begun to invent. Other languages
take up to twice as many: their letters are often no tokens, but several."""
SPARE_TOKENS = 6
AGREED = 2
"""Tokens that find the place in a draft again."""
UNSURE = 0.5
"""A draft ends before the first token that is less likely: what is cut off in the middle of a word
is a guess, and guesses cost as much as words."""
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
    """One for each token, and one for what came next: the end, or the token that a draft stopped
    before."""
    looped: bool
    """The decoder repeated itself and was stopped; `text` has the phrase once."""


class MoonshineDecoder:
    """The graphs and tokens of a model's folder; thread-safe.

    Raises `EngineMissing` if the folder holds no Moonshine, or a damaged one.
    """

    def __init__(self, folder: Path, threads: int, *, english: bool = True) -> None:
        self._graphs = open_graphs(folder, threads)
        self._tokens = _read_tokens(folder / "tokenizer.bin")
        self._per_second = TOKENS_PER_SECOND * (1 if english else 2)

    def hear(self, samples: Samples, draft: Sequence[int] = (), *, final: bool = True) -> Hearing:
        """Mono sound at 16 kHz, best between 1 and 30 seconds, always taking the likeliest
        token. What is not `final` ends where it becomes unsure.

        `draft`: tokens that were heard in the beginning of this sound. They are all checked in one
        step; what they save are the steps for those that still are the likeliest. The result is the
        one without them, but where two tokens are all but equally likely: these weights are
        quantized, and round a little otherwise for several tokens than for one. Known as
        speculative decoding: https://arxiv.org/abs/2211.17192
        """
        written: list[int] = []
        chances: list[float] = []
        looped = cut = False
        decoding = self._graphs.begin(samples)
        proposed = list(draft)
        scores = decoding.step([START, *proposed])
        for _ in range(round(len(samples) / 16_000 * self._per_second) + SPARE_TOKENS):
            logits = scores[0].astype(np.float64)
            token = int(logits.argmax())
            chances.append(-float(np.log(np.exp(logits - logits[token]).sum())))
            if token == END:
                break
            if not final and chances[-1] < np.log(UNSURE):
                cut = self._goes_on(token)
                break
            written.append(token)
            if again := _repeated(written):
                looped = True
                del written[-again:], chances[-again:]
                break
            if proposed and proposed[0] == token:
                del proposed[0]
                scores = scores[1:]
                continue
            if proposed:
                # From here on it is wrong, and forgotten.
                decoding.keep(len(written))
            proposed = _continued(written, draft)
            scores = decoding.step([token, *proposed])
        text = self._spell(written, whole_words=cut)
        return Hearing(text, tuple(written), np.array(chances, np.float32), looped)

    def _goes_on(self, token: int) -> bool:
        """Whether it is the middle of a word."""
        return self._tokens[token].decode("utf-8", "replace")[:1].isalnum()

    def _spell(self, tokens: Sequence[int], *, whole_words: bool) -> str:
        """`whole_words`: without the last one, which has only begun."""
        spelled = [self._tokens[token] for token in tokens]
        spoken = b"".join(each for each in spelled if not _is_mark(each))
        text = spoken.decode("utf-8", "ignore").replace("▁", " ")
        return (text.rpartition(" ")[0] if whole_words else text).strip()


def _is_mark(token: bytes) -> bool:
    """One that stands for no text, such as `</s>`."""
    return len(token) > 2 and token.startswith(b"<") and token.endswith(b">")


def _continued(written: Sequence[int], draft: Sequence[int]) -> list[int]:
    """What follows in the draft where it says what was written last: a draft is often wrong in one
    word, and right after it."""
    last = list(written[-AGREED:])
    for at in range(len(draft) - AGREED):
        if list(draft[at : at + AGREED]) == last:
            return list(draft[at + AGREED :])
    return []


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
        if length >= 128 and position < len(data):
            length = data[position] * 128 + length - 128
            position += 1
        tokens.append(data[position : position + length])
        position += length
    if position > len(data) or len(tokens) <= END:
        raise EngineMissing(f"{path} holds no vocabulary, or half of one", remedy=AGAIN)
    return tokens
