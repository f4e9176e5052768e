"""What is new in a mail: without what was written before, without who wrote it."""

import time

import pytest

from connectors.email.html_text import read_html
from connectors.email.reply_text import LONGEST_QUOTE_CHARS, new_words
from tests.connectors.email.clients import EARLIER, REPLIES, Reply


class TestPrograms:
    @pytest.mark.parametrize("reply", REPLIES, ids=lambda r: f"{r.program}-{r.language}")
    def test_what_is_new_stays_and_the_rest_is_the_quote(self, reply: Reply) -> None:
        found = new_words(reply.body)
        assert found.text == reply.new
        assert (EARLIER in found.quote) is reply.earlier

    @pytest.mark.parametrize("reply", REPLIES, ids=lambda r: f"{r.program}-{r.language}")
    def test_a_forwarded_mail_stays_whole(self, reply: Reply) -> None:
        found = new_words(reply.body, forwarded=True)
        assert "order 1234" in found.text or not reply.earlier
        assert found.text.startswith(reply.new)

    def test_line_ends_of_all_kinds(self) -> None:
        for reply in REPLIES:
            assert new_words(reply.body.replace("\n", "\r\n")).text == reply.new


class TestPlaces:
    def test_an_answer_below_the_marked_lines(self) -> None:
        body = "On 3/5/24 10:12, Shop Help wrote:\n> Is it red?\n> Or blue?\n\nIt is red.\n-- \nAnn"
        assert new_words(body) == ("It is red.", "Is it red?\nOr blue?")

    def test_answers_between_the_marked_lines(self) -> None:
        body = "On 3/5/24 10:12, Shop wrote:\n> Is it red?\nYes.\n\n> Is it large?\nNo.\n"
        assert new_words(body).text == "Yes.\n\nNo."

    def test_nothing_but_an_earlier_mail(self) -> None:
        assert new_words("> Is it red?\n").text == ""

    def test_a_long_quote_is_cut(self) -> None:
        body = "Yes.\n\nOn 3/5/24 10:12, Shop wrote:\n" + "> and more\n" * 1_000
        assert len(new_words(body).quote) <= LONGEST_QUOTE_CHARS


class TestWordsThatStay:
    @pytest.mark.parametrize(
        "body",
        [
            "From: Oslo\nTo: Bergen\nDate: 5 May\n\nIs there a train?",
            "My order:\n- one lamp\n- two chairs\n\nWhere are they?",
            "Order number: 1234\nSize: 42\nColour: red",
            "I wrote to you on 5 March 2024 at 10:12:\nnobody answered.",
            "On Monday 5/3/24 the driver wrote: not at home. I was!",
            "My address is ann@mail.example, order 1234:\nplease change it.",
            "Subject: my order\nis what I wrote above the first mail",
            "a -- b\n--verbose does not work",
            "He is from: nowhere",
            "一共有两个问题：\n1. 订单 2024 在哪里？",
        ],
    )
    def test_what_only_looks_like_an_earlier_mail(self, body: str) -> None:
        assert new_words(body).text == body

    def test_a_question_after_the_greeting(self) -> None:
        body = "It is broken.\n\nBest regards\nAnn\n\nPS: can I have a new one?"
        assert new_words(body).text == body
        body = "It is broken.\n\nThanks\n\nBest regards,\nAnn\nLee Ltd\n+47 12345678"
        assert new_words(body).text == "It is broken.\n\nThanks"

    def test_a_mail_that_is_a_greeting_alone(self) -> None:
        assert new_words("Best regards\nAnn").text == "Best regards\nAnn"
        assert new_words("-- \nAnn").text == "--\nAnn"

    def test_joined_emoji_and_half_spaces(self) -> None:
        assert new_words("👩‍👧 می‌خواهم").text == "👩‍👧 می‌خواهم"


@pytest.mark.parametrize(
    "hostile",
    [
        "On " * 50_000,
        "From: \n" * 30_000,
        "From: a\nTo: b\n" * 20_000,
        "> " * 100_000,
        "_" * 200_000,
        " " * 200_000 + "x",
        "a\nBest regards" + " \n" * 50_000,
        "1 пишет " * 30_000,
        ":\n" * 100_000,
        "On 3/5/24 10:12\n" * 10_000,
    ],
)
def test_no_mail_keeps_the_desk_busy(hostile: str) -> None:
    started = time.process_time()
    new_words(hostile)
    assert time.process_time() - started < 3


class TestHtml:
    def test_lines_lists_links_and_what_is_hidden(self) -> None:
        found = read_html(
            "<html><head><title>t</title><style>p{}</style></head><body>"
            '<div style="display: none">preview</div><p>Is it <b>red</b>?</p>\n<p>Two<br>lines</p>'
            '<ul><li>one</li><li>two <a href="https://a.example/x">here</a></li></ul>'
            '<a href="https://a.example">a.example</a><img src="cid:pic"><img src="https://x/y.gif">'
            "<table><tr><td>a</td><td>b</td></tr></table><script>x</script></body></html>"
        )
        assert found.text == (
            "Is it red?\n\nTwo\nlines\n\n- one\n- two here (https://a.example/x)\n\na.example"
            "\n\na b"
        )
        assert found.cids == {"pic"}

    @pytest.mark.parametrize(
        "earlier",
        [
            '<div class="gmail_quote gmail_quote_container"><div class="gmail_attr">On … wrote:'
            '</div><blockquote class="gmail_quote">old<img src="cid:old"></blockquote></div>',
            '<blockquote type="cite">old<img src="cid:old"></blockquote>',
            '<div class="moz-cite-prefix">On … :</div><blockquote type="cite">old</blockquote>',
            '<div id="appendonsend"></div><hr><div id="divRplyFwdMsg">From: Shop</div><p>old</p>',
            '<div class="yahoo_quoted"><div>On …, Shop wrote:</div>old</div>',
            '<div id="mail-editor-reference-message-container"><p>old</p></div>',
            '<div class="gmail_signature">old</div>',
        ],
    )
    def test_what_programs_mark_as_earlier_is_left_out(self, earlier: str) -> None:
        found = read_html(f"<body><div>It is red.</div>{earlier}</body>")
        assert found == ("It is red.", frozenset())

    def test_a_header_that_is_not_marked_is_found_in_the_text(self) -> None:
        outlook = (
            '<div class="WordSection1"><p class="MsoNormal">It is red.<o:p></o:p></p><div style="'
            'border-top:solid #E1E1E1 1.0pt"><p><b>From:</b> Shop &lt;h@shop.example&gt;<br>'
            "<b>Sent:</b> Tuesday<br><b>To:</b> Ann<br><b>Subject:</b> Order</p></div><p>old</p>"
        )
        assert new_words(read_html(outlook).text).text == "It is red."

    def test_a_forwarded_mail_is_shown(self) -> None:
        html = '<div>See below</div><div class="gmail_quote">From: Shop<br>You owe us 5</div>'
        assert "You owe us 5" in read_html(html, forwarded=True).text

    @pytest.mark.parametrize(
        "hostile",
        ["<div>" * 100_000 + "x", "<" * 500_000, "<a " * 200_000, "<p>x</p>" * 100_000,
         "<a href=https://a.example/b>" * 3_000 + "x"],
    )  # fmt: skip
    def test_no_page_keeps_the_desk_busy(self, hostile: str) -> None:
        started = time.process_time()
        read_html(hostile)
        assert time.process_time() - started < 3
