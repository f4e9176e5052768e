import numpy as np

from models.understanding.observation import Line, Observation
from models.understanding.words import WordFeatures


def _dense(words: WordFeatures, seen: Observation) -> dict[str, float]:
    row = words.of([seen])
    return {words.pieces[c]: float(v) for c, v in zip(row.columns, row.values, strict=True)}


def test_words_and_characters_of_a_text_each_have_length_one() -> None:
    seen = Observation(text="refund my card")
    row = WordFeatures.learn([seen]).of([seen])
    assert np.isclose(np.square(row.values).sum(), 2.0, atol=1e-5)


def test_what_was_never_seen_is_left_out() -> None:
    words = WordFeatures.learn([Observation(text="refund")])
    assert _dense(words, Observation(text="zzz 你好")) == {}


def test_a_rare_word_weighs_more_than_a_common_one() -> None:
    words = WordFeatures.learn([Observation(text=f"my {word}") for word in ("a1", "b2", "c3")])
    found = _dense(words, Observation(text="my b2"))
    assert found["b2"] > found["my"]


def test_a_word_on_a_screen_is_another_feature_than_the_word_said() -> None:
    said, shown = Observation(text="declined"), Observation(lines=(Line("declined"),))
    words = WordFeatures.learn([said, shown])
    assert not _dense(words, said).keys() & _dense(words, shown).keys()


def test_a_typing_error_keeps_most_pieces() -> None:
    words = WordFeatures.learn([Observation(text="refund"), Observation(text="invoice")])
    found = _dense(words, Observation(text="refnud"))
    assert any("ref" in piece for piece in found)


def test_rows_stay_apart() -> None:
    seen = [Observation(text="one"), Observation(), Observation(text="two")]
    rows = WordFeatures.learn(seen).of(seen)
    assert len(rows) == 3
    assert rows.starts[1] == rows.starts[2] > 0
