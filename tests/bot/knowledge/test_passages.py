"""Articles are cut along their headings; a quotation keeps steps and tables in one piece."""

from pathlib import PurePosixPath

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bot.knowledge.documents import read_document
from bot.knowledge.passages import LIMIT_WORDS, count_words, passages_of, plain, sentences
from bot.knowledge.quote import choose, unit_texts, units_of


def _passages(markdown: str) -> list[str]:
    (article,) = read_document(PurePosixPath("a.md"), markdown.encode()).articles
    return [passage.text for passage in passages_of(article)]


def test_heading_path_is_kept() -> None:
    text = "# Returns\n\nIntro.\n\n## Abroad\n\n### Norway\n\nBy post.\n"
    (article,) = read_document(PurePosixPath("x/returns.md"), text.encode()).articles
    first, second = passages_of(article)
    assert (first.title, first.headings) == ("Returns", ())
    assert second.headings == ("Abroad", "Norway")
    assert second.context == "Returns > Abroad > Norway"


@given(st.lists(st.integers(1, 120), min_size=1, max_size=12))
def test_long_sections_are_cut_without_loss(lengths: list[int]) -> None:
    paragraphs = [
        " ".join(f"w{n}x{i}" for i in range(size)) + "." for n, size in enumerate(lengths)
    ]
    texts = _passages("# T\n\n" + "\n\n".join(paragraphs))
    assert " ".join(texts).split() == " ".join(paragraphs).split()
    assert all(count_words(text) <= LIMIT_WORDS for text in texts)


def test_long_table_keeps_its_head() -> None:
    rows = "\n".join(f"| {n} | {'word ' * 10}|" for n in range(60))
    texts = _passages(f"# T\n\n| code | meaning |\n| --- | --- |\n{rows}\n")
    assert len(texts) > 1
    assert all(text.startswith("| code | meaning |") for text in texts)


def test_steps_are_one_unit_with_what_introduces_them() -> None:
    units = units_of("First a word.\n\nDo this:\n\n1. One.\n2. Two.\n3. Three.")
    assert [unit.text for unit in units] == ["First a word.", "1. One.\n2. Two.\n3. Three."]
    assert units[1].head.strip() == "Do this:"


def test_row_of_a_table_is_quoted_with_the_head() -> None:
    rows = "\n".join(f"| {n} | {'filler ' * 6}|" for n in range(20))
    text = f"| code | meaning |\n| --- | --- |\n| 51 | no money |\n{rows}"
    units = units_of(text)
    vectors = np.zeros((len(units), 3), np.float32)
    vectors[0, 0] = 1
    quoted = choose(text, vectors, np.eye(1, 3, dtype=np.float32), {"51": 1.0}, "en")
    assert quoted == "| code | meaning |\n| --- | --- |\n| 51 | no money |"


def test_short_passage_is_quoted_whole() -> None:
    (article,) = read_document(PurePosixPath("a.md"), b"# T\n\nOne. Two.\n").articles
    (passage,) = passages_of(article)
    assert unit_texts(passage) == []


def test_sentences_and_plain_text() -> None:
    assert sentences("It costs €3.50. Is it late? Call us.") == [
        "It costs €3.50.",
        "Is it late?",
        "Call us.",
    ]
    assert plain("**Bold** [link](http://x) `code`\n- item") == "Bold link code\nitem"
