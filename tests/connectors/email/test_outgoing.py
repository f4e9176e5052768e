"""Answers as mails: both texts, the thread, and nothing that breaks a header."""

import email.policy
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage

import pytest

from connectors.email.outgoing import (
    MOST_REFERENCES,
    NotSendable,
    kept_references,
    our_id,
    place_of,
    write_mail,
)

PLACE = "0123456789abcdef01234567"
ID = our_id("rep_1_0", PLACE, "shop.example")
ADDRESS = {"to": "ann@mail.example", "subject": "Order", "references": "a@x b@x", "place": PLACE}


def written(text: str = "Hello", *, sender: str = "", **address: str) -> EmailMessage:
    """As the customer's program reads it."""
    mail = write_mail(
        ADDRESS | address,
        text,
        identifier=ID,
        sender=sender,
        own="help@shop.example",
        at=datetime(2026, 3, 5, 10, 12, tzinfo=UTC),
    )
    return message_from_bytes(mail.as_bytes(), policy=email.policy.default)


def texts(mail: EmailMessage) -> tuple[str, str]:
    plain, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain
    assert page
    return plain.get_content().replace("\r\n", "\n"), page.get_content()


class TestHeaders:
    def test_it_stands_in_its_thread(self) -> None:
        mail = written()
        assert mail["Message-ID"] == f"<{ID}>"
        assert mail["In-Reply-To"] == "<b@x>"
        assert mail["References"].split() == ["<a@x>", "<b@x>"]
        assert mail["To"] == "ann@mail.example"
        assert mail["From"] == "help@shop.example"
        assert mail["Date"] == "Thu, 05 Mar 2026 10:12:00 +0000"

    def test_it_says_that_a_machine_wrote_it(self) -> None:
        assert written()["Auto-Submitted"] == "auto-replied"
        assert written()["X-Auto-Response-Suppress"] == "OOF, AutoReply"

    @pytest.mark.parametrize(
        ("subject", "answered"),
        [("Order", "Re: Order"), ("Re: AW: Order", "Re: Order"), ("", "Re:"),
         ("Größe 你好", "Re: Größe 你好"), ("x" * 300, "Re: " + "x" * 300)],
    )  # fmt: skip
    def test_the_subject_has_one_re(self, subject: str, answered: str) -> None:
        assert written(subject=subject)["Subject"] == answered

    def test_the_sender_has_a_name_in_any_script(self) -> None:
        assert written(sender='Shop "Größe", 店')["From"].addresses[0].display_name == (
            'Shop "Größe", 店'
        )

    @pytest.mark.parametrize(
        "address",
        [
            {"to": "ann@mail.example\r\nBcc: x@y.example"},
            {"to": "ann@mail.example, x@y.example"},
            {"to": "ann"},
            {"to": ""},
            {"subject": "a\r\nBcc: x@y.example"},
            {"subject": "a\nb"},
            {"subject": "a\u2028b"},
            {"references": "a@x>\r\nBcc:<b@x"},
            {"references": "<a@x>"},
        ],
    )
    def test_what_would_break_a_header_is_refused(self, address: dict[str, str]) -> None:
        with pytest.raises(NotSendable):
            written(**address)

    def test_a_long_thread_keeps_its_beginning_and_its_end(self) -> None:
        ids = [f"{n}@x" for n in range(100)]
        kept = kept_references(ids)
        assert len(kept) == MOST_REFERENCES
        assert (kept[0], kept[-1]) == ("0@x", "99@x")
        mail = written(references=" ".join(ids))
        assert mail["In-Reply-To"] == "<99@x>"

    def test_long_ids_arrive_as_they_are(self) -> None:
        """Exchange's are longer than the line that the library would keep to."""
        long = "DB7PR04MB49537A0E8B6DBA9F4D1C4BC9E9A39@DB7PR04MB4953.eurprd04.prod.outlook.com"
        mail = write_mail(
            ADDRESS | {"references": f"a@x {long}"}, "x", identifier=f"{'r' * 90}@shop.example",
            sender="", own="help@shop.example", at=datetime(2026, 3, 5, tzinfo=UTC),
        )  # fmt: skip
        sent = mail.as_bytes()
        assert f"In-Reply-To: <{long}>\r\n".encode() in sent
        assert f"References: <a@x>\r\n <{long}>\r\n".encode() in sent
        assert b"=?utf-8?" not in sent

    def test_an_address_in_another_script_is_written_as_it_is(self) -> None:
        mail = write_mail(
            ADDRESS | {"to": "иван@почта.example"}, "x", identifier=ID,
            sender="", own="help@shop.example", at=datetime(2026, 3, 5, tzinfo=UTC),
        )  # fmt: skip
        assert "To: иван@почта.example\r\n".encode() in mail.as_bytes()

    def test_ids_follow_from_the_key_and_lead_back_to_the_thread(self) -> None:
        assert our_id("rep_1_0", PLACE, "shop.example") == ID
        assert our_id("rep_1_1", PLACE, "shop.example") != ID
        assert place_of(ID, "Shop.Example") == PLACE
        for other in ("a@shop.example", ID.replace("shop", "evil"), f"{ID}x", f"x{ID}@"):
            assert place_of(other, "shop.example") == ""


class TestTexts:
    def test_both_are_there_and_say_the_same(self) -> None:
        plain, page = texts(
            written("# Delivery\n\nIn **3** days. See [here](https://a.example/x).\n\n1. one\n2. 2")
        )
        assert plain == ("Delivery\n\nIn 3 days. See here (https://a.example/x).\n\n1. one\n2. 2\n")
        assert "<strong>Delivery</strong>" in page
        assert "In <strong>3</strong> days." in page
        assert '<a href="https://a.example/x">here</a>' in page
        assert "1. one<br>\n2. 2" in page.replace("\r\n", "\n")

    def test_words_are_words_in_html(self) -> None:
        plain, page = texts(written("a < b & \\<script\\> `x<y`"))
        assert plain == "a < b & <script> x<y\n"
        assert "a &lt; b &amp; &lt;script&gt; <code>x&lt;y</code>" in page
        assert "<script>" not in page

    @pytest.mark.parametrize("text", ["你好，订单", "مرحبا، طلبك", "Größe 👩‍👧", "x" * 5_000])
    def test_any_script_and_long_lines_arrive(self, text: str) -> None:
        mail = written(text)
        assert texts(mail)[0] == f"{text}\n"
        assert 'dir="auto"' in texts(mail)[1]
        assert all(len(line) <= 998 for line in mail.as_bytes().split(b"\n"))
