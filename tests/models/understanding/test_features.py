from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.understanding.features import extract, modalities
from models.understanding.observation import Line, Observation, Prosody

WAYS = modalities(text_dimensions=4, image_dimensions=3)


def _encode(texts: Sequence[str]) -> NDArray[np.float32]:
    return np.stack([np.full(4, len(text), np.float32) for text in texts])


def test_each_modality_has_its_tokens_and_says_which_are_there() -> None:
    seen = [
        Observation(text="hello", lines=(Line("a"), Line("bb", 0.0, 0.5, 0.5, 1.0))),
        Observation(image=(1.0, 2.0, 3.0), history=("x", "yy", "zzz", "wwww")),
        Observation(prosody=Prosody(4.0, -26.0, 6.0, 150.0, 3.0, 0.15)),
    ]
    batch = extract(WAYS, seen, _encode).batch([0, 1, 2])
    assert {name: rows.sum(1).tolist() for name, rows in batch.present.items()} == {
        "text": [1, 0, 0],
        "screen": [2, 0, 0],
        "image": [0, 1, 0],
        "prosody": [0, 0, 1],
        "history": [0, 3, 0],
    }
    assert batch.tokens["screen"][0, 1].tolist() == [2, 2, 2, 2, 0.25, 0.75, 0.5, 0.5]
    assert np.abs(batch.tokens["prosody"][2]).max() < 1e-6  # ordinary speech is the middle


def test_the_newest_turns_before_are_kept() -> None:
    found = extract(WAYS, [Observation(history=("x", "yy", "zzz", "wwww"))], _encode)
    assert found.tokens["history"][:, 0].tolist() == [2, 3, 4]
    assert found.tokens["history"][:, -1].argmin() == 2  # the last is the least long ago


def test_a_batch_is_padded_to_what_it_holds() -> None:
    seen = [Observation(lines=tuple(Line(str(n)) for n in range(5))), Observation(text="x")]
    found = extract(WAYS, seen, _encode)
    assert found.batch([1]).tokens["screen"].shape == (1, 1, 8)
    assert found.batch([1, 0]).tokens["screen"].shape == (2, 5, 8)


def test_pooled_is_the_mean_of_what_is_there() -> None:
    seen = [Observation(lines=(Line("a"), Line("bbb"))), Observation()]
    pooled = extract(WAYS, seen, _encode).pooled()
    assert pooled[0, 4:8].tolist() == [2, 2, 2, 2]
    assert not pooled[1].any()


def test_no_text_is_encoded_twice() -> None:
    asked: list[str] = []

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        asked.extend(texts)
        return _encode(texts)

    extract(WAYS, [Observation(text="a", history=("a",)), Observation(text="a")], encode)
    assert asked == ["a"]
