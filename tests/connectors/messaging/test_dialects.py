"""Each app's marks: what is bold there, and that no words become marks which are none."""

import html
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hypothesis import given

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
from tests.connectors.messaging.markdown import documents, sentences

DIALECTS = {
    "plain": PLAIN,
    "telegram": TELEGRAM_HTML,
    "whatsapp": WHATSAPP,
    "slack": SLACK,
    "markdown": MARKDOWN,
    "viber": VIBER,
    "email": EMAIL_HTML,
}
TELEGRAM_TAGS = {"b", "i", "s", "code", "pre", "blockquote", "a"}
"""Those of https://core.telegram.org/bots/api#html-style that are used."""
LINK_OF_SLACK = re.compile(r"<(?:https?:|mailto:|tel:)[^<>|\s]*(?:\|[^<>|\n]*)?>")
INVISIBLE = "\u200b"


def written(markdown: str, dialect: Dialect) -> str:
    return "\n\n".join(map(dialect.write, read_markdown(markdown)))


def paragraph(text: str) -> Block:
    return Block(Kind.PARAGRAPH, (Run(text),))


def close(text: str) -> str:
    """The text without white space and what has no width."""
    return "".join(text.replace(INVISIBLE, "").split())


class Tags(HTMLParser):
    """Fails at a tag that is not allowed, or not closed where it must be."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in TELEGRAM_TAGS | {"strong", "em"}, tag
        assert [name for name, _ in attributes] == (["href"] if tag == "a" else [])
        assert tag not in self.open, f"{tag} within itself"
        assert not {"code", "pre"} & set(self.open), "code holds no other marks"
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)


EXPECTED = {
    "plain": ("Bold and more: see (https://a.example/x), x_y", "•"),
    "telegram": (
        '<b>Bold</b> <i>and</i> <s>more</s>: <a href="https://a.example/x">see</a>, '
        "<code>x_y</code>",
        "•",
    ),
    "whatsapp": ("*Bold* _and_ ~more~: see (https://a.example/x), `x_y`", "-"),
    "slack": ("*Bold* _and_ ~more~: <https://a.example/x|see>, `x_y`", "•"),
    "markdown": ("**Bold** *and* ~~more~~: [see](<https://a.example/x>), `x_y`", "-"),
    "viber": ("*Bold* _and_ ~more~: see (https://a.example/x), x_y", "•"),
    "email": (
        '<strong>Bold</strong> <em>and</em> <s>more</s>: <a href="https://a.example/x">see</a>, '
        "<code>x_y</code>",
        "•",
    ),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_each_app_has_its_marks(name: str) -> None:
    words, bullet = EXPECTED[name]
    source = "**Bold** _and_ ~~more~~: [see](https://a.example/x), `x_y`"
    assert written(source, DIALECTS[name]) == words
    assert written("- one\n  - two\n\n3. three", DIALECTS[name]) == (
        f"{bullet} one\n\n   {bullet} two\n\n3. three"
    )


class TestHtml:
    @pytest.mark.parametrize("dialect", [TELEGRAM_HTML, EMAIL_HTML], ids=["telegram", "email"])
    @given(source=documents)
    def test_is_well_formed_and_has_only_the_tags_allowed(
        self, dialect: Dialect, source: str
    ) -> None:
        for block in read_markdown(source):
            page = Tags()
            page.feed(dialect.write(block))
            page.close()
            assert not page.open
            if block.kind is not Kind.ITEM:
                assert close(page.words) == close(block.text)

    def test_a_quote_is_closed_once_however_many_paragraphs_it_has(self) -> None:
        assert written("> a\n>\n> b", TELEGRAM_HTML) == "<blockquote>a\n\nb</blockquote>"

    def test_an_address_cannot_leave_its_attribute(self) -> None:
        block = Block(Kind.PARAGRAPH, (Run("x", href='https://a.example/"><script>'),))
        assert "<script>" not in TELEGRAM_HTML.write(block)
        assert 'href="https://a.example/&quot;&gt;&lt;script&gt;"' in TELEGRAM_HTML.write(block)


class TestSlack:
    @given(documents)
    def test_control_characters_are_escaped_but_in_links(self, source: str) -> None:
        for block in read_markdown(source):
            told = re.sub(
                r"<(?:https?:|mailto:|tel:)[^<>|\s]*(?:\|[^<>|\n]*)?>", "", SLACK.write(block)
            )
            assert "<" not in told
            assert re.sub(r"^> ", "", told, flags=re.MULTILINE).count(">") == 0
            assert not re.search(r"&(?!amp;|lt;|gt;)", told)

    def test_nobody_is_called_by_an_article(self) -> None:
        assert written("<!channel> <@U123>", SLACK) == "&lt;!channel&gt; &lt;@U123&gt;"

    def test_a_bold_link_has_its_marks_outside(self) -> None:
        assert written("**[a|b](https://a.example/?x=1&y=2|3)**", SLACK) == (
            "*<https://a.example/?x=1&amp;y=2%7C3|a¦b>*"
        )


class TestMarkdown:
    @given(sentences.filter(lambda text: "://" not in text and "\0" not in text))
    def test_words_stay_words(self, text: str) -> None:
        """Read again by a reader of Markdown, they are what they were."""
        block = paragraph(" ".join(text.split()))
        found = read_markdown(MARKDOWN.write(block))
        assert close("".join(each.text for each in found)) == close(block.text)
        assert all(each.kind is Kind.PARAGRAPH for each in found)
        assert all(run == Run(run.text) for each in found for run in each.runs)

    @pytest.mark.parametrize(
        "text",
        ["1. x", "2024) x", "- x", "+ x", "# x", "> x", "--- x", "=== x", "a\n- b", "[a](https://e.vil)",
         "`x`", "||secret||", "<@123>", "&lt;", "\\*x\\*", "~~~", "```\nx"],
    )  # fmt: skip
    def test_nothing_in_words_is_a_mark(self, text: str) -> None:
        [block] = read_markdown(MARKDOWN.write(paragraph(text)))
        assert not any(run.bold or run.code or (run.href and not run.bare) for run in block.runs)
        assert block.kind is Kind.PARAGRAPH
        assert close(block.text) == close(text)

    def test_a_style_may_end_within_a_word(self) -> None:
        assert written("re**start**ed *part*s", MARKDOWN) == "re**start**ed *part*s"

    def test_a_bare_address_is_shown_once_and_unchanged(self) -> None:
        assert written("see https://a.example/x_y_z", MARKDOWN) == "see <https://a.example/x_y_z>"

    def test_an_address_cannot_leave_its_brackets(self) -> None:
        block = Block(Kind.PARAGRAPH, (Run("x", href="https://a.example/>) [y](https://e.vil"),))
        [found] = read_markdown(MARKDOWN.write(block))
        assert [run.text for run in found.runs] == ["x"]


# As WhatsApp's own clients and its bridges read it: a mark opens after a space, another mark or
# nothing, and closes before what is no letter or digit.
_READ_AS_STYLE = [
    re.compile(rf"(?:^|[\s>~_*]){re.escape(mark)}(?!\s)(.+?){re.escape(mark)}(?:[^a-zA-Z\d]|$)")
    for mark in "*_~"
]


@pytest.mark.parametrize("dialect", [WHATSAPP, SLACK, VIBER], ids=["whatsapp", "slack", "viber"])
class TestWithoutEscapes:
    @given(text=sentences.filter(lambda text: "&" not in text))
    def test_words_between_marks_are_not_styled(self, dialect: Dialect, text: str) -> None:
        block = paragraph(" ".join(text.split()))
        told = dialect.write(block)
        for style in _READ_AS_STYLE:
            assert not style.search(told), told
        assert html.unescape(told.replace(INVISIBLE, "")) == block.text.replace(INVISIBLE, "")

    def test_marks_within_words_are_left_alone(self, dialect: Dialect) -> None:
        assert dialect.write(paragraph("VT_48_2137 2*3*4")) == "VT_48_2137 2*3*4"

    def test_a_bare_address_is_unchanged(self, dialect: Dialect) -> None:
        assert "https://a.example/_x_/*y*~" in written("see <https://a.example/_x_/*y*~>", dialect)


def code_of(dialect: Dialect) -> Callable[[str], str]:
    return lambda text: dialect.write(Block(Kind.PARAGRAPH, (Run(text, code=True),)))


@pytest.mark.parametrize("name", DIALECTS)
class TestCode:
    def test_a_backtick_in_code_does_not_end_it(self, name: str) -> None:
        told = code_of(DIALECTS[name])("a`b")
        assert told.replace("\\`", "`").replace("<code>", "").replace("</code>", "") in (
            "a`b", f"a{INVISIBLE}`{INVISIBLE}b",
        )  # fmt: skip

    def test_a_fence_in_code_does_not_end_it(self, name: str) -> None:
        dialect = DIALECTS[name]
        told = dialect.write(Block(Kind.CODE, (Run("x\n```\ny", code=True),)))
        opening, closing = dialect.code_block
        inside = told.removeprefix(opening).removesuffix(closing)
        assert "```" not in inside or "```" not in closing
        assert close(inside) == "x```y"

    def test_marks_in_code_are_shown(self, name: str) -> None:
        dialect = DIALECTS[name]
        if any(dialect.code):
            opening, closing = dialect.code
            assert code_of(dialect)("*a_b*") == f"{opening}*a_b*{closing}"


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("address", ["javascript:steal()", "/page", "data:text/html,x", "//e.vil"])
def test_an_address_that_no_app_may_open_is_not_linked(dialect: Dialect, address: str) -> None:
    block = Block(Kind.PARAGRAPH, (Run("press", href=address),))
    assert dialect.write(block) == "press"
