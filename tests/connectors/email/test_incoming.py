"""What a mail says: words, files, thread, sender."""

from email import message_from_bytes

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.messages import AttachmentKind
from connectors.email.incoming import (
    Letter,
    Unreadable,
    bare_subject,
    parse_mail,
    read_letter,
)
from tests.connectors.email.imap_server import section
from tests.connectors.email.mails import mail, raw

PNG = b"\x89PNG" + bytes(5_000)


def read(content: bytes) -> Letter:
    return read_letter(parse_mail(content), content, "7.1")


class TestWords:
    def test_a_first_mail_is_its_subject_and_its_text(self) -> None:
        assert read(raw()).text == "Order 1234\n\nWhere is my order?"

    def test_a_subject_that_the_text_repeats_is_not_said_twice(self) -> None:
        found = read(raw("where is ORDER 1234?", Subject="Order 1234"))
        assert found.text == "where is ORDER 1234?"

    def test_a_reply_is_its_text_alone(self) -> None:
        assert read(raw(Subject="Re: Order", In_Reply_To="<a@b>")).text == "Where is my order?"

    def test_plain_text_goes_before_html(self) -> None:
        assert read(raw("plain", html="<p>fancy</p>", Subject="")).text == "plain"

    def test_html_alone_becomes_text(self) -> None:
        message = mail(Subject="")
        message.set_content("<p>Is it <b>red</b>?</p><p>Or blue?</p>", subtype="html")
        assert read(message.as_bytes()).text == "Is it red?\n\nOr blue?"

    def test_html_stands_in_where_the_plain_text_has_earlier_mails_alone(self) -> None:
        html = '<div>Yes</div><blockquote type="cite">old</blockquote>'
        assert read(raw("> old\n", html=html, Subject="", References="<a@b>")).text == "Yes"

    def test_words_in_any_charset(self) -> None:
        for charset, words in (
            ("iso-8859-1", "Größe"),
            ("gb2312", "你好"),
            ("windows-1256", "مرحبا"),
        ):
            message = mail(Subject="")
            message.set_content(words, charset=charset)
            assert read(message.as_bytes()).text == words
        broken = raw("x", Subject="").replace(b'charset="utf-8"', b'charset="x-nobody"')
        assert read(broken.replace(b"x\r\n", b"Gr\xf6\xdfe\r\n")).text == "Größe"

    @pytest.mark.parametrize(
        "charset", ["utf-7", "unicode_escape", "hex", "idna", "utf-16", "\xff"]
    )
    def test_no_charset_makes_words_that_cannot_be_kept(self, charset: str) -> None:
        content = (
            "From: a@b.example\r\n"
            f"Content-Type: text/plain; charset={charset}\r\n\r\n+2AA-\\ud800 order 7\r\n"
        )
        assert msgspec.json.encode(read(content.encode("latin-1")))

    def test_lines_that_were_broken_for_display_are_one(self) -> None:
        flowed = (
            b"From: a@b.example\r\nContent-Type: text/plain; format=flowed\r\nIn-Reply-To: <x@y>"
            b"\r\n\r\nA long \r\nline.\r\nNext\r\n-- \r\nAnn\r\n"
        )
        assert read(flowed).text == "A long line.\nNext"

    def test_an_encoded_subject_is_one_line(self) -> None:
        encoded = raw(Subject="").replace(
            b"\r\n\r\n", b"\r\nSubject: =?utf-8?q?a=0D=0ABcc:_evil=40x.example?=\r\n\r\n", 1
        )
        assert read(encoded).subject == "a Bcc: evil@x.example"

    def test_headers_in_utf_8_are_read(self) -> None:
        content = raw(Subject="", From="").replace(
            b"To:", "Subject: Größe 你好\r\nFrom: Иван <иван@почта.example>\r\nTo:".encode(), 1
        )
        found = read(content)
        assert (found.subject, found.sender) == ("Größe 你好", "иван@почта.example")
        broken = raw(Subject="").replace(b"To:", b"Subject: Gr\xf6\xdfe\r\nTo:", 1)
        assert read(broken).subject.isprintable()

    def test_what_it_answers_is_quoted(self) -> None:
        body = "Yes\n\nOn 3/5/24 10:12, Shop wrote:\n> Your order 1 was sent\n"
        assert read(raw(body)).quote == "Your order 1 was sent"

    @pytest.mark.parametrize(
        ("subject", "bare"),
        [("Re: a", "a"), ("AW: Re: RE[2]: a", "a"), ("回复：a", "a"), ("رد: a", "a"),
         ("Region", "Region"), ("Sv: Odp: a", "a"), ("Fwd: a", "Fwd: a")],
    )  # fmt: skip
    def test_subjects_lose_their_re(self, subject: str, bare: str) -> None:
        assert bare_subject(subject) == bare

    def test_a_forwarded_mail_is_what_it_is_about(self) -> None:
        body = (
            "See below\n\nFrom: Shop <h@s.example>\nSent: now\nTo: Ann\nSubject: Bill\n\nYou owe 5"
        )
        assert "You owe 5" in read(raw(body, Subject="Fwd: Bill")).text

    def test_the_language_is_what_the_program_reports(self) -> None:
        assert read(raw(Content_Language="de-AT, en-US")).locale == "de-AT"
        assert read(raw()).locale == ""


class TestFiles:
    def test_each_is_named_by_its_place_as_imap_counts(self) -> None:
        message = mail(html="<p>x</p>")
        message.add_attachment(b"%PDF-1", maintype="application", subtype="pdf", filename="b.pdf")
        message.add_attachment(PNG, maintype="image", subtype="png", filename="Größe.png")
        message.add_attachment(b"OggS", maintype="audio", subtype="ogg", filename="v.ogg")
        content = message.as_bytes()
        found = read(content).media
        assert [(m.kind, m.name, m.source) for m in found] == [
            (AttachmentKind.FILE, "b.pdf", "7.1:2:base64"),
            (AttachmentKind.IMAGE, "Größe.png", "7.1:3:base64"),
            (AttachmentKind.AUDIO, "v.ogg", "7.1:4:base64"),
        ]
        assert abs(found[1].size_bytes - len(PNG)) < 200
        encoded = section(content, "3")
        assert encoded
        assert encoded.startswith(b"iVBOR") or encoded.startswith(b"iVBO")

    def test_a_mail_that_is_a_file_alone(self) -> None:
        content = (
            b"From: a@b.example\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64"
            b"\r\n\r\niVBO\r\n"
        )
        [medium] = read(content).media
        assert medium.source == "7.1:1:base64"
        assert section(content, "1") == b"iVBO\r\n"

    def test_pictures_in_the_text_are_taken_and_those_of_signatures_are_not(self) -> None:
        html = (
            '<p>Look <img src="cid:shot"></p><img src="cid:logo">'
            '<blockquote type="cite"><img src="cid:old"></blockquote>'
        )
        message = mail(html=html)
        page = message.get_payload()[1]
        for cid, data in (("shot", PNG), ("logo", b"GIF89a"), ("old", PNG)):
            page.add_related(data, "image", "png", cid=f"<{cid}>")
        found = read(message.as_bytes()).media
        assert [medium.source for medium in found] == ["7.1:2.2:base64"]

    def test_what_belongs_to_the_mail_is_no_file(self) -> None:
        message = mail()
        message.add_attachment(b"sig", maintype="application", subtype="pgp-signature")
        assert read(message.as_bytes()).media == ()

    @pytest.mark.parametrize(
        ("main", "sub", "told"),
        [
            ("application", "ms-tnef", "winmail.dat"),
            ("application", "pkcs7-mime", "encrypted mail"),
            ("application", "pgp-encrypted", "encrypted mail"),
        ],
    )
    def test_what_cannot_be_read_is_told(self, main: str, sub: str, told: str) -> None:
        message = mail()
        message.add_attachment(b"x", maintype=main, subtype=sub)
        found = read(message.as_bytes())
        assert (found.unsupported, found.media) == ((told,), ())

    def test_an_invitation_and_a_mail_within_are_told(self) -> None:
        message = mail()
        message.add_attachment("BEGIN:VCALENDAR", subtype="calendar")
        message.add_attachment(mail("inside"))
        found = read(message.as_bytes())
        assert found.unsupported == ("invitation", "attached mail")
        assert "inside" not in found.text

    def test_of_a_mail_that_is_too_large_the_beginning_is_read(self) -> None:
        message = mail()
        message.add_attachment(bytes(50_000), maintype="image", subtype="png", filename="a.png")
        start = message.as_bytes()[:2_000]
        found = read_letter(parse_mail(start), start, "7.1", whole=False)
        assert found.text == "Order 1234\n\nWhere is my order?"
        assert "large files" in found.unsupported


class TestHeaders:
    def test_the_message_id_names_it_and_a_hash_where_there_is_none(self) -> None:
        assert read(raw()).id == "m1@mail.example"
        nameless = read(raw(Message_ID=""))
        assert nameless.id.startswith("sha256:")
        assert nameless.id == read(raw(Message_ID="")).id
        assert nameless.id != read(raw("other", Message_ID="")).id

    def test_the_thread_is_in_order(self) -> None:
        found = read(raw(References="<a@x> <b@x>  <c@x>", In_Reply_To="<c@x>"))
        assert found.thread == ("a@x", "b@x", "c@x")
        assert read(raw(In_Reply_To="<c@x> (Ann's mail)")).thread == ("c@x",)

    def test_a_thread_of_ten_thousand_mails_is_bounded(self) -> None:
        named = "".join(f"<{n}@x>\r\n " for n in range(10_000))
        content = raw().replace(b"\r\n\r\n", f"\r\nReferences: {named}\r\n\r\n".encode(), 1)
        found = read(content).thread
        assert len(found) <= 101
        assert found[0] == "0@x"

    def test_ids_that_break_the_rules_are_no_ids(self) -> None:
        found = read(raw(Message_ID="").replace(b"To:", b"Message-ID: <>>[,;\r\nTo:", 1))
        assert found.id.startswith("sha256:")

    def test_answers_go_elsewhere_only_within_the_domain(self) -> None:
        assert read(raw(Reply_To="ann.other@mail.example")).answer_to == "ann.other@mail.example"
        two = "a@mail.example, b@mail.example"
        for elsewhere in ("victim@bank.example", two, "x@sub.mail.example"):
            assert read(raw(Reply_To=elsewhere)).answer_to == "ann.lee@mail.example"

    @pytest.mark.parametrize(
        "sender",
        ["", "Ann", "a@b.example, c@d.example", "<>", '"a b"@c.example',
         "a@b.example\r\nFrom: c@d.e", "undisclosed:;"],
    )  # fmt: skip
    def test_without_one_sender_it_is_not_read(self, sender: str) -> None:
        content = raw(From="").replace(b"To:", f"From: {sender}\r\nTo:".encode(), 1)
        with pytest.raises(Unreadable):
            read(content)

    @given(st.binary(max_size=300), st.integers(0, 600))
    @settings(max_examples=300, deadline=None)
    def test_whatever_comes_is_read_or_refused(self, noise: bytes, at: int) -> None:
        content = raw(html="<p>hello</p>")
        content = content[:at] + noise + content[at:]
        try:
            found = read(content)
        except Unreadable:
            return
        assert found.sender
        assert "\n" not in found.subject
        # What cannot be written as UTF-8 could not be kept.
        assert msgspec.json.encode(found)

    def test_the_samples_are_what_they_say(self) -> None:
        assert message_from_bytes(raw())["From"].endswith("<Ann.Lee@Mail.example>")
