"""Which mails are answered: those of people whose sender is proven, and no machine's."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channel_settings import EmailSection
from connectors.email.authenticity import is_authentic, read_results
from connectors.email.channel import EmailChannel, Ignored
from connectors.email.outgoing import our_id
from connectors.messaging.api import Api
from connectors.messaging.events import Progressed, Said, State
from connectors.messaging.provider import Services
from tests.connectors.email.mails import ANN, AUTHSERV, OWN, PROOF, bounce, raw


def channel(**settings: object) -> EmailChannel:
    given = {
        "address": OWN, "imap": "imaps://mx.shop.example", "smtp": "smtps://mx.shop.example",
        "password": "p", "authserv_id": AUTHSERV,
    }  # fmt: skip

    def nothing(_: object) -> str:
        raise AssertionError("judging sends and fetches nothing")

    services = Services(Api(), nothing, nothing, nothing, nothing)
    return EmailChannel(EmailSection.model_validate(given | settings), services)


def judged(content: bytes, **settings: object) -> object:
    return channel(**settings).judge(content, "7.1")


def said(content: bytes, **settings: object) -> Said:
    found = judged(content, **settings)
    assert isinstance(found, Said), found
    return found


def ignored(content: bytes, **settings: object) -> str:
    found = judged(content, **settings)
    assert isinstance(found, Ignored), found
    return found.why


class TestMachines:
    @pytest.mark.parametrize(
        ("name", "value", "why"),
        [
            ("Auto_Submitted", "auto-replied", "Auto-Submitted"),
            ("Auto_Submitted", "auto-generated; type=x", "Auto-Submitted"),
            ("Auto_Submitted", "AUTO-NOTIFIED", "Auto-Submitted"),
            ("Precedence", "bulk", "Precedence"),
            ("Precedence", "List", "Precedence"),
            ("Precedence", "junk", "Precedence"),
            ("List_Id", "<news.shop.example>", "a mailing list"),
            ("List_Unsubscribe", "<mailto:x@y.example>", "a mailing list"),
            ("X_Auto_Response_Suppress", "All", "X-Auto-Response-Suppress"),
            ("X_Auto_Response_Suppress", "DR, OOF, AutoReply", "X-Auto-Response-Suppress"),
            ("X_Autoreply", "yes", "an automatic reply"),
            ("Return_Path", "<>", "an empty Return-Path"),
            ("From", "MAILER-DAEMON@mail.example", "a machine's address"),
            ("From", "Postmaster <postmaster@mail.example>", "a machine's address"),
            ("From", "no-reply@mail.example", "a machine's address"),
            ("From", "donotreply+12@mail.example", "a machine's address"),
            ("From", "orders-noreply@mail.example", "a machine's address"),
            ("From", "news-request@mail.example", "a machine's address"),
            ("From", "bounce+x=y.example@mail.example", "a machine's address"),
            ("From", OWN.upper(), "from the desk itself"),
        ],
    )
    def test_no_machine_is_answered(self, name: str, value: str, why: str) -> None:
        assert ignored(raw(**{name: value})) == why

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("Auto_Submitted", "no"),
            ("Precedence", "first-class"),
            ("X_Auto_Response_Suppress", "DR, RN, NRN"),
            ("From", "norah.reply@mail.example"),
            ("From", "owner@mail.example"),
            ("X_Mailer", "Microsoft Outlook 16.0"),
            ("Return_Path", ""),
        ],
    )
    def test_people_are_answered(self, name: str, value: str) -> None:
        assert said(raw(**{name: value})).text

    def test_the_desks_own_answers_are_not_answered_by_another_desk(self) -> None:
        assert ignored(raw(Auto_Submitted="auto-replied")) == "Auto-Submitted"


class TestSender:
    @pytest.mark.parametrize(
        "result",
        [
            "dmarc=pass header.from=mail.example",
            "dmarc=pass (p=REJECT sp=NONE dis=NONE) header.from=mail.example",
            "dkim=fail; DMARC=Pass Header.From=Mail.Example",
            "dkim=pass header.d=mail.example",
            'dkim=pass header.i=@mail.example header.s=s1 header.b="a;b"',
            "dkim=fail header.d=x.example; dkim=pass header.d=mail.example",
            "spf=pass smtp.mailfrom=mail.example",
            "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=ann@mail.example",
            "dmarc=none header.from=mail.example; dkim=pass header.d=mail.example",
            "auth=pass; iprev=pass; spf=pass smtp.mailfrom=mail.example",
        ],
    )
    def test_a_proven_sender_is_answered(self, result: str) -> None:
        found = said(raw(Authentication_Results=f"{AUTHSERV}; {result}"))
        assert found.chat.user == "ann.lee@mail.example"

    @pytest.mark.parametrize(
        "header",
        [
            "",
            f"{AUTHSERV}; none",
            f"{AUTHSERV}; dmarc=fail header.from=mail.example; dkim=pass header.d=mail.example",
            f"{AUTHSERV}; dmarc=pass header.from=evil.example",
            f"{AUTHSERV}; dmarc=pass header.from=mail.example; dmarc=fail header.from=mail.example",
            f"{AUTHSERV}; dkim=pass header.d=evil.example; spf=pass smtp.mailfrom=evil.example",
            f"{AUTHSERV}; dkim=pass header.d=example",
            f"{AUTHSERV}; dkim=pass header.d=evil-mail.example",
            f"{AUTHSERV}; dkim=pass header.d=sub.mail.example",
            f"{AUTHSERV}; spf=softfail smtp.mailfrom=mail.example",
            f"{AUTHSERV}; spf=pass smtp.helo=mail.example",
            f"{AUTHSERV}; dkim=pass",
            "mx.evil.example; dmarc=pass header.from=mail.example",
            f"{AUTHSERV}.evil.example; dmarc=pass header.from=mail.example",
            "; dmarc=pass header.from=mail.example",
            "dmarc=pass header.from=mail.example",
            # What a sender can have a server write about it must prove nothing.
            f'{AUTHSERV}; spf=pass smtp.mailfrom="x;dmarc=pass header.from=mail.example"@e.example',
            f'{AUTHSERV}; spf=pass smtp.mailfrom="a@mail.example"@evil.example',
            f'{AUTHSERV}; spf=pass smtp.mailfrom="mail.example"@evil.example',
            f"{AUTHSERV}; spf=fail (a; dmarc=pass header.from=mail.example) smtp.helo=x.example",
            f'{AUTHSERV}; dkim=pass reason="header.d=mail.example" header.d=evil.example',
            f"{AUTHSERV}; dkim=fail (a (b) ; dkim=pass header.d=mail.example) header.d=x.example",
        ],
    )
    def test_a_sender_that_is_not_proven_is_not_answered(self, header: str) -> None:
        assert ignored(raw(Authentication_Results=header)) == "the sender is not proven"

    def test_only_the_topmost_header_of_the_own_server_is_believed(self) -> None:
        """Others below it may be the sender's own."""
        bad = f"{AUTHSERV}; dmarc=fail header.from=mail.example"
        assert is_authentic(["mx.other.example; spf=fail", PROOF, bad], AUTHSERV, "mail.example")
        assert not is_authentic([bad, PROOF], AUTHSERV, "mail.example")
        assert not is_authentic([], AUTHSERV, "mail.example")

    def test_folded_headers_with_a_version(self) -> None:
        name, [result] = read_results(
            "mx.shop.example 1;\r\n\tdmarc=pass\r\n header.from=a.example"
        )
        assert name == AUTHSERV
        assert result.properties == {"header.from": "a.example"}

    def test_without_proof_a_sender_is_another_customer_than_with_it(self) -> None:
        forged = raw(Authentication_Results="")
        found = said(forged, require_authentication=False)
        proven = said(raw(), require_authentication=False)
        assert found.chat.user == "unproven:ann.lee@mail.example"
        assert proven.chat.user == "ann.lee@mail.example"

    def test_where_nothing_is_believed_nobody_is_proven(self) -> None:
        found = said(raw(), require_authentication=False, authserv_id="")
        assert found.chat.user.startswith("unproven:")

    def test_a_desk_that_could_prove_nobody_does_not_start(self) -> None:
        with pytest.raises(ValueError, match="authserv_id"):
            channel(authserv_id="")


class TestThreads:
    def test_a_mail_begins_a_thread_and_what_answers_it_belongs_to_it(self) -> None:
        first = said(raw(Message_ID="<a@mail.example>"))
        second = said(raw(Message_ID="<b@mail.example>", References="<a@mail.example>"))
        third = said(raw(Message_ID="<c@x>", References="<a@mail.example> <b@mail.example>"))
        other = said(raw(Message_ID="<d@mail.example>"))
        assert first.chat.place == second.chat.place == third.chat.place != other.chat.place

    def test_an_answer_that_names_the_desks_mail_alone_belongs_to_its_thread(self) -> None:
        first = said(raw(Message_ID="<a@mail.example>"))
        ours = our_id("rep_1_0", first.chat.place, "shop.example")
        assert said(raw(Message_ID="<b@x>", In_Reply_To=f"<{ours}>")).chat.place == first.chat.place

    def test_what_the_desk_wrote_is_not_quoted_back_to_it(self) -> None:
        body = "Yes\n\nOn 3/5/24 10:12, Shop wrote:\n> Is it red?\n"
        ours = our_id("rep_1_0", "0" * 24, "shop.example")
        assert said(raw(body, In_Reply_To=f"<{ours}>")).quote == ""
        assert said(raw(body, In_Reply_To="<a@newsletter.example>")).quote == "Is it red?"

    def test_the_address_has_what_an_answer_needs(self) -> None:
        found = said(raw(References="<z@x>", Subject="AW: Order"))
        assert found.chat.address == {
            "to": "ann.lee@mail.example",
            "subject": "AW: Order",
            "references": "z@x m1@mail.example",
            "place": found.chat.place,
        }


class TestBounces:
    @pytest.mark.parametrize("whole", [True, False])
    def test_a_mail_that_could_not_be_delivered(self, whole: bool) -> None:
        identifier = our_id("rep_1_0", "0" * 24, "shop.example")
        assert judged(bounce(identifier, whole=whole)) == Progressed(
            identifier, State.FAILED, "smtp; 550 5.1.1 No such user"
        )

    def test_a_delay_and_a_success(self) -> None:
        assert ignored(bounce("a@shop.example", "delayed"))
        found = judged(bounce("a@shop.example", "delivered"))
        assert isinstance(found, Progressed)
        assert found.state is State.DELIVERED

    @pytest.mark.parametrize(
        "change",
        [
            (b"Action: failed", b"Action:"),
            (b"message/delivery-status", b"text/plain"),
            (b"Message-ID: <a@shop.example>", b"X: y"),
            (b"message/rfc822", b"image/png"),
            (b"--b\r\nContent-Type: message/rfc822", b"--c\r\nContent-Type: message/rfc822"),
        ],
    )
    def test_a_report_that_tells_nothing_is_ignored(self, change: tuple[bytes, bytes]) -> None:
        assert ignored(bounce("a@shop.example").replace(*change))

    def test_a_report_in_words_alone_is_ignored(self) -> None:
        assert ignored(raw("Sorry", From="MAILER-DAEMON@x.example", Return_Path="<>"))


def test_what_is_no_mail_is_ignored() -> None:
    for content in (b"", b"\0" * 100, b"hello", b"From: " + b"a" * 10_000):
        assert ignored(content)


@given(st.binary(max_size=200), st.integers(0, 1_200), st.booleans())
@settings(max_examples=300, deadline=None)
def test_whatever_comes_is_judged(noise: bytes, at: int, report: bool) -> None:
    content = bounce("a@shop.example") if report else raw(html="<p>hello</p>")
    found = judged(content[:at] + noise + content[at:])
    # What cannot be written as UTF-8 could not be kept.
    assert msgspec.json.encode(found)


def test_a_header_that_the_library_stumbles_over_is_ignored() -> None:
    content = raw(Subject="").replace(b"To:", b"Subject: =?utf-7?q?+2AA-_x?=\r\nTo:", 1)
    assert ignored(content) == "not a mail: UnicodeEncodeError"


def test_the_samples_sender_is_ann() -> None:
    assert said(raw()).chat.address["to"] == ANN.casefold()
