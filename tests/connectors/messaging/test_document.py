"""Markdown as blocks: what is kept of it, in which order, and that nothing breaks the reader."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.messaging.document import ROW, Block, Kind, Run, read_markdown
from tests.connectors.messaging.markdown import documents


def only(markdown: str) -> Block:
    [block] = read_markdown(markdown)
    return block


@given(st.one_of(documents, st.text()))
def test_any_text_can_be_read(text: str) -> None:
    for block in read_markdown(text):
        assert block.text.strip()


def test_styles_and_links() -> None:
    assert only("a **b** _c_ ~~d~~ `e` [f](https://f.example)").runs == (
        Run("a "),
        Run("b", bold=True),
        Run(" "),
        Run("c", italic=True),
        Run(" "),
        Run("d", struck=True),
        Run(" "),
        Run("e", code=True),
        Run(" "),
        Run("f", href="https://f.example"),
    )


def test_a_style_within_the_same_style_does_not_end_it() -> None:
    assert only("**a __b__ c**").runs == (Run("a b c", bold=True),)


def test_a_bare_address_leads_to_itself_and_ends_before_its_sentence_does() -> None:
    assert only("See https://shop.example/a_b?x=1. Then").runs == (
        Run("See "),
        Run("https://shop.example/a_b?x=1", href="https://shop.example/a_b?x=1"),
        Run(". Then"),
    )


def test_an_address_in_code_or_in_a_link_is_left_alone() -> None:
    assert only("`https://a.example`").runs == (Run("https://a.example", code=True),)
    assert only("[see https://a.example](https://b.example)").runs == (
        Run("see https://a.example", href="https://b.example"),
    )


def test_html_is_words() -> None:
    assert only("<b>bold</b> <script>x</script>").text == "<b>bold</b> <script>x</script>"


def test_nested_lists_know_their_depth_and_their_numbers() -> None:
    found = read_markdown("3. a\n   - b\n     - c\n4. d\n")
    assert [(block.marker, block.depth, block.text) for block in found] == [
        ("3.", 0, "a"),
        ("-", 1, "b"),
        ("-", 2, "c"),
        ("4.", 0, "d"),
    ]


def test_a_second_paragraph_of_an_entry_has_no_marker() -> None:
    first, second = read_markdown("- a\n\n  b")
    assert (first.marker, second.marker, second.kind) == ("-", "", Kind.ITEM)


def test_a_heading_in_a_list_is_its_entry() -> None:
    first, second = read_markdown("- # a\n- b")
    assert (first.kind, first.marker, second.marker) == (Kind.ITEM, "-", "-")


def test_a_quote_of_several_paragraphs_is_one_and_two_quotes_are_two() -> None:
    first, second = read_markdown("> a\n>\n> b\n\ntext\n\n> c")[::2]
    assert (first.kind, first.text) == (Kind.QUOTE, "a\n\nb")
    assert second.text == "c"
    assert [block.text for block in read_markdown("> a\n\n<!-- -->\n\n> b")] == [
        "a",
        "<!-- -->",
        "b",
    ]


def test_a_table_is_a_line_for_each_row() -> None:
    head, row = read_markdown("| size | price |\n|---|---|\n| S | **5** |\n")
    assert head.runs == (Run("size", bold=True), Run(" · "), Run("price", bold=True))
    assert (row.text, row.marker, row.tight) == ("S · 5", ROW, True)


def test_code_is_kept_to_the_space() -> None:
    block = only("```py\nif x:\n    y = `1`\n```")
    assert (block.kind, block.text) == (Kind.CODE, "if x:\n    y = `1`")


def test_a_line_break_is_kept_where_it_was_meant() -> None:
    assert only("a\nb").text == "a b"
    assert only("a  \nb").text == "a\nb"


def test_a_picture_is_its_description() -> None:
    assert only("![the router](https://a.example/r.png)").runs == (
        Run("the router", href="https://a.example/r.png"),
    )
