"""A long answer as several messages: within the limit, complete, and cut where a reader would."""

import html
import re

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from connectors.messaging.capabilities import Unit
from connectors.messaging.dialects import (
    EMAIL_HTML,
    MARKDOWN,
    PLAIN,
    SLACK,
    TELEGRAM_HTML,
    VIBER,
    WHATSAPP,
    Dialect,
)
from connectors.messaging.document import Block, Kind, Run, read_markdown
from connectors.messaging.split import split
from tests.connectors.messaging.markdown import documents
from tests.connectors.messaging.test_dialects import Tags

DIALECTS = (PLAIN, TELEGRAM_HTML, WHATSAPP, SLACK, MARKDOWN, VIBER, EMAIL_HTML)
LONGEST_CHARACTER = 40
"""Units of the longest character of what the tests write, escaped."""

limits = st.integers(LONGEST_CHARACTER, 300)


def pieces(markdown: str, limit: int, dialect: Dialect = PLAIN) -> tuple[str, ...]:
    return split(read_markdown(markdown), dialect, limit)


def close(text: str) -> str:
    return "".join(text.replace("\u200b", "").split())


@given(documents, st.sampled_from(DIALECTS), st.sampled_from(Unit), limits)
def test_every_piece_is_within_the_limit(
    source: str, dialect: Dialect, unit: Unit, limit: int
) -> None:
    for piece in split(read_markdown(source), dialect, limit, unit.length):
        longest = max(map(unit.length, regex.findall(r"\X", piece)), default=0)
        assert unit.length(piece) <= max(limit, longest)
        assert piece.strip()


@given(documents, st.sampled_from(Unit), st.integers(1, 300))
def test_nothing_is_lost_but_white_space(source: str, unit: Unit, limit: int) -> None:
    """However small the limit is."""
    blocks = [Block(Kind.PARAGRAPH, (Run(block.text),)) for block in read_markdown(source)]
    told = split(blocks, PLAIN, limit, unit.length)
    assert close("".join(told)) == close("".join(block.text for block in blocks))


@given(documents, st.sampled_from([TELEGRAM_HTML, EMAIL_HTML]), st.sampled_from(Unit), limits)
def test_what_a_cut_goes_through_is_closed_and_opened_again(
    source: str, dialect: Dialect, unit: Unit, limit: int
) -> None:
    blocks = [block for block in read_markdown(source) if block.kind is not Kind.ITEM]
    words = ""
    for piece in split(blocks, dialect, limit, unit.length):
        page = Tags()
        page.feed(piece)
        page.close()
        assert not page.open
        words += page.words
    assert close(words) == close("".join(block.text for block in blocks))


@given(documents, st.sampled_from(Unit), limits)
def test_no_character_is_cut_in_two(source: str, unit: Unit, limit: int) -> None:
    text = " ".join("".join(block.text for block in read_markdown(source)).split())
    blocks = [Block(Kind.PARAGRAPH, (Run(text),))] if text else []
    whole = set(regex.findall(r"\X", text))
    for piece in split(blocks, PLAIN, limit, unit.length):
        if all(unit.length(each) <= limit for each in whole):
            assert set(regex.findall(r"\X", piece)) <= whole
        piece.encode("utf-16-le")  # raises for half a pair


@given(documents, st.sampled_from(DIALECTS), st.integers(1, 30))
def test_a_limit_below_every_mark_still_ends(source: str, dialect: Dialect, limit: int) -> None:
    written = split(read_markdown(source), dialect, limit)
    blocks = read_markdown(source)
    assert bool(written) == bool(blocks)
    assert len(written) <= sum(len(f"{block.marker}{block.text}") for block in blocks)


@pytest.mark.parametrize("character", ["👩‍👩‍👧‍👦", "🇳🇴", "👍🏽", "नि", "각", "é", "1️⃣", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"])
def test_what_readers_see_as_one_character_stays_one(character: str) -> None:
    assert "".join(pieces(character * 40, 50)) == character * 40
    for piece in pieces(character * 40, 50):
        assert piece == character * (len(piece) // len(character))


def test_an_emoji_is_two_units_in_utf_16() -> None:
    told = split(read_markdown("😀" * 30), PLAIN, 20, Unit.UTF16.length)
    assert told == ("😀" * 10,) * 3


def test_a_cut_is_at_the_end_of_a_sentence_and_else_between_words() -> None:
    assert pieces("It is here. It is late. It is red.", 25) == (
        "It is here. It is late.",
        "It is red.",
    )
    assert pieces("one two three four", 10) == ("one two", "three four")
    assert pieces("这是第一句。这是第二句。", 8) == ("这是第一句。", "这是第二句。")


def test_blocks_stay_together_where_they_fit() -> None:
    assert pieces("First.\n\nSecond.\n\nThird is longer.", 16) == (
        "First.\n\nSecond.",
        "Third is longer.",
    )


def test_a_list_goes_on_in_the_next_message_without_repeating_its_marker() -> None:
    assert pieces("1. one two three\n2. four", 12) == ("1. one two", "   three", "2. four")


def test_code_is_not_cut_where_it_fits_into_a_message() -> None:
    told = pieces("Please enter `sudo systemctl restart` now", 30, MARKDOWN)
    assert told == ("Please enter", "`sudo systemctl restart` now")


def test_code_longer_than_a_message_is_closed_and_opened_again() -> None:
    told = pieces(f"`{'x' * 50}`", 20, MARKDOWN)
    assert all(re.fullmatch(r"`x+`", piece) for piece in told)
    assert close("".join(told)).replace("`", "") == "x" * 50


def test_a_piece_of_code_is_cut_between_lines_and_keeps_its_indentation() -> None:
    told = pieces("```\nif a:\n    b = 1\n    c = 2\n```", 24, MARKDOWN)
    assert told == ("```\nif a:\n    b = 1\n```", "```\n    c = 2\n```")


def test_a_quote_is_closed_in_each_piece() -> None:
    told = pieces("> " + "Some words. " * 10, 60, TELEGRAM_HTML)
    assert len(told) > 1
    assert all(re.fullmatch(r"<blockquote>[^<]+</blockquote>", piece) for piece in told)


def test_an_address_is_whole_where_it_fits_and_one_message_at_least_has_it() -> None:
    address = "https://shop.example/return/policy?of=2026"
    told = pieces(f"Our rules are at {address} for all.", len(address) + 1)
    assert sum(address in piece for piece in told) == 1
    linked = pieces(f"Our rules are at {address} for all.", len(address) + 20, TELEGRAM_HTML)
    assert sum(address in html.unescape(piece) for piece in linked) == 1


def test_a_link_longer_than_the_limit_leaves_its_words() -> None:
    told = pieces(f"See [the rules](https://a.example/{'x' * 90}) now", 60, PLAIN)
    assert told == ("See", "the rules now")


def test_a_whole_book_is_split_in_a_moment() -> None:
    told = pieces(("All work and no play. " * 40 + "\n\n") * 100, 160)
    assert len(told) > 500
