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
DRAFT_TOKENS_PER_SECOND = 2.5
DRAFT_SPARE_TOKENS = 3
"""A draft is written no further than slow speech would be: what comes after that are mostly guesses
at the word that it has been cut off in, and each costs as much as a word."""
AGREED = 2
"""Tokens that find the place in a draft again."""
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
    """One for each token, and for the end where it was reached."""
    looped: bool
    """The decoder repeated itself and was stopped; `text` has the phrase once."""


class MoonshineDecoder:
    """The graphs and tokens of a model's folder; thread-safe.

    Raises `EngineMissing` if the folder holds no Moonshine, or a damaged one.
    """

    def __init__(self, folder: Path, threads: int, *, english: bool = True) -> None:
        self._graphs = open_graphs(folder, threads)
        self._tokens = _read_tokens(folder / "tokenizer.bin")
        self._tokens_for_one = 1 if english else 2

    def hear(self, samples: Samples, draft: Sequence[int] = (), *, final: bool = True) -> Hearing:
        """Mono sound at 16 kHz, best between 1 and 30 seconds, always taking the likeliest
        token. What is not `final` may end a word or two early.

        `draft`: tokens that were heard in the beginning of this sound. They are all checked in one
        step; what they save are the steps for those that still are the likeliest. The result is the
        one without them, but where two tokens are all but equally likely: these weights are
        quantized, and round a little otherwise for several tokens than for one. Known as
        speculative decoding: https://arxiv.org/abs/2211.17192
        """
        written: list[int] = []
        chances: list[float] = []
        looped = False
        decoding = self._graphs.begin(samples)
        proposed = list(draft)
        scores = decoding.step([START, *proposed])
        for _ in range(self._most_tokens(len(samples) / 16_000, final=final)):
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
            if proposed and proposed[0] == token:
                del proposed[0]
                scores = scores[1:]
                continue
            if proposed:
                # From here on it is wrong, and forgotten.
                decoding.keep(len(written))
            proposed = _continued(written, draft)
            scores = decoding.step([token, *proposed])
        return Hearing(self._spell(written), tuple(written), np.array(chances, np.float32), looped)

    def _most_tokens(self, seconds: float, *, final: bool) -> int:
        if final:
            return round(seconds * TOKENS_PER_SECOND * self._tokens_for_one) + SPARE_TOKENS
        wanted = seconds * DRAFT_TOKENS_PER_SECOND + DRAFT_SPARE_TOKENS
        return round(wanted * self._tokens_for_one)

    def _spell(self, tokens: Sequence[int]) -> str:
        spelled = [self._tokens[token] for token in tokens]
        spoken = b"".join(each for each in spelled if not _is_mark(each))
        return spoken.decode("utf-8", "ignore").replace("▁", " ").strip()


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
