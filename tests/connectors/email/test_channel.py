"""A mailbox with a desk behind it: what comes in over IMAP goes out over SMTP, once."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from bot.channel_settings import EmailSection
from bot.errors import CustomerError, DeliveryFailed, OperatorError, Unavailable
from bot.messages import ConversationId
from connectors.email.channel import EmailChannel
from connectors.email.incoming import parse_mail, read_letter
from connectors.email.outgoing import our_id
from connectors.messaging.events import Chat, Said
from connectors.messaging.intake import conversation_id
from connectors.messaging.render import Text
from tests.connectors.email.imap_server import PASSWORD, USER, ImapServer
from tests.connectors.email.mails import AUTHSERV, OWN, bounce, mail, raw
from tests.connectors.email.smtp_server import SmtpServer
from tests.connectors.email.test_imap import certificate, tls_of
from tests.connectors.messaging.samples import SHOWN, SPOKEN, shown, voice_note
from tests.connectors.messaging.site import ChannelSite

__all__ = ["certificate"]


@pytest.fixture
async def imap() -> AsyncIterator[ImapServer]:
    async with ImapServer().serving() as server:
        yield server


@pytest.fixture
async def smtp() -> AsyncIterator[SmtpServer]:
    async with SmtpServer().serving() as server:
        yield server


def section(imap: ImapServer, smtp: SmtpServer, /, **settings: Any) -> EmailSection:
    given = {
        "address": OWN,
        "sender": "The Shop",
        "imap": f"imap://127.0.0.1:{imap.port}",
        "smtp": f"smtp://127.0.0.1:{smtp.port}",
        "user": USER,
        "password": PASSWORD,
        "authserv_id": AUTHSERV,
    }
    return EmailSection.model_validate(given | settings)


@asynccontextmanager
async def open_site(
    channels: ChannelSite,
    imap: ImapServer,
    smtp: SmtpServer,
    *,
    alone: bool = True,
    **settings: Any,
) -> AsyncIterator[ChannelSite]:
    configured = {"email": ("connectors.email", section(imap, smtp, **settings))}
    async with channels.open(configured) as site:
        await imap.wait_idle()
        yield site


def channel_of(site: ChannelSite) -> EmailChannel:
    [provider] = site.messaging.providers
    assert isinstance(provider, EmailChannel)
    return provider


def chat_of(site: ChannelSite, content: bytes) -> Chat:
    found = channel_of(site).judge(content, "7.1")
    assert isinstance(found, Said)
    return found.chat


def conversation_of(site: ChannelSite, content: bytes) -> ConversationId:
    channel = channel_of(site)
    return conversation_id(channel.channel, channel.account, chat_of(site, content))


def words(answer: EmailMessage) -> str:
    body = answer.get_body(("plain",))
    assert body
    return str(body.get_content()).replace("\r\n", "\n").strip()


class TestConversation:
    async def test_words_a_recording_and_a_screenshot(
        self, channels: ChannelSite, imap: ImapServer, smtp: SmtpServer
    ) -> None:
        async with open_site(channels, imap, smtp) as site:
            first = await imap.add(raw("Hello *there*", Subject="Greeting"))
            [answer] = await smtp.wait()
            assert words(answer) == "You said: Greeting\n\nHello there"
            assert smtp.recipients == [["ann.lee@mail.example"]]
            assert answer["Subject"] == "Re: Greeting"
            assert answer["From"] == "The Shop <help@shop.example>"
            assert answer["In-Reply-To"] == "<m1@mail.example>"
            assert answer["Auto-Submitted"] == "auto-replied"

            spoken = mail("", Subject="", Message_ID="<m2@x>", In_Reply_To=answer["Message-ID"])
            spoken.add_attachment(voice_note(), "audio", "ogg", filename="memo.ogg")
            second = await imap.add(spoken.as_bytes())
            answer = (await smtp.wait(2))[-1]
            assert SPOKEN.casefold() in words(answer).casefold()
            assert not list(answer.iter_attachments())

            screen = mail(
                "What is this?",
                html='<p>What is this? <img src="cid:s"></p>',
                Message_ID="<m3@x>",
                References=f"<m1@mail.example> {answer['Message-ID']}",
            )
            screen.get_payload()[1].add_related(shown(), "image", "jpeg", cid="<s>")
            third = await imap.add(screen.as_bytes())
            answer = (await smtp.wait(3))[-1]
            assert SHOWN in words(answer)
            await imap.wait_seen(first, second, third)
            assert len(await site.replies("email", chat_of(site, raw()))) == 3

    async def test_mails_at_once_are_answered_once_each(
        self, channels: ChannelSite, imap: ImapServer, smtp: SmtpServer
    ) -> None:
        async with open_site(channels, imap, smtp):
            for number in (1, 2, 3):
                await imap.add(raw(f"question {number}", Message_ID=f"<q{number}@x>", Subject=""))
            answers = await smtp.wait(3)
            assert sorted(map(words, answers)) == [f"You said: question {n}" for n in (1, 2, 3)]
            assert len({answer["Message-ID"] for answer in answers}) == 3

    async def test_the_same_mail_twice_is_answered_once(
        self, channels: ChannelSite, imap: ImapServer, smtp: SmtpServer
    ) -> None:
        async with open_site(channels, imap, smtp) as site:
            uids = [await imap.add(raw("once")) for _ in range(2)]
            await imap.wait_seen(*uids)
            await smtp.wait()
            assert len(await site.messages("email", chat_of(site, raw()))) == 1

    async def test_what_is_not_answered_stays_unread_and_tells_nothing_in_the_log(
        self,
        channels: ChannelSite,
        imap: ImapServer,
        smtp: SmtpServer,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.INFO)
        async with open_site(channels, imap, smtp):
            await imap.add(raw("forged", Authentication_Results=""))
            await imap.add(raw("out of office", Auto_Submitted="auto-replied"))
            await imap.add(b"\0 no mail at all")
            last = await imap.add(raw("real", Message_ID="<m4@x>"))
            [answer] = await smtp.wait()
            assert "real" in words(answer)
            await imap.wait_seen(last)
        reasons = [r.reason for r in caplog.records if r.getMessage() == "email.ignored"]
        assert reasons[:2] == ["the sender is not proven", "Auto-Submitted"]
        assert len(reasons) == 3
        shown = " ".join(
            f"{record.__dict__}" for record in caplog.records if record.name != "mail.log"
        )
        assert "ann.lee" not in shown.casefold()
        assert PASSWORD not in shown


class TestPosition:
    async def test_what_lay_in_the_mailbox_before_is_left_alone(
        self, channels: ChannelSite, imap: ImapServer, smtp: SmtpServer
    ) -> None:
        await imap.add(raw("old", Message_ID="<old@x>"))
        async with open_site(channels, imap, smtp):
            await imap.add(raw("new", Message_ID="<new@x>"))
            [answer] = await smtp.wait()
        assert "new" in words(answer)
        assert imap.seen() == {2}

    async def test_what_came_while_the_desk_was_away_is_answered_even_if_somebody_read_it(
        self, channels: ChannelSite, imap: ImapServer, smtp: SmtpServer
    ) -> None:
        async with open_site(channels, imap, smtp):
            pass
        uid = await imap.add(raw("meanwhile"))
        imap.mails[-1].flags.add("\\Seen")
        async with open_site(channels, imap, smtp):
            [answer] = await smtp.wait()
        assert "meanwhile" in words(answer)
        assert imap.seen() == {uid}

    async def test_a_lost_connection_is_made_anew_and_nothing_is_lost(
        self, channels: ChannelSite, imap: ImapServer, smtp: SmtpServer
    ) -> None:
        async with open_site(channels, imap, smtp):
            await imap.add(raw("first", Message_ID="<a@x>"))
            await smtp.wait()
            imap.drop_connections()
            await imap.add(raw("second", Message_ID="<b@x>"))
            answers = await smtp.wait(2)
        assert "second" in words(answers[1])
        assert len(answers) == 2

    async def test_after_a_restore_of_the_mailbox_nothing_is_lost_or_answered_twice(
        self, channels: ChannelSite, imap: ImapServer, smtp: SmtpServer
    ) -> None:
        async with open_site(channels, imap, smtp):
            await imap.add(raw("first", Message_ID="<a@x>"))
            await smtp.wait()
        await imap.add(raw("old", Message_ID="<z@x>"), date.today() - timedelta(days=9))
        await imap.add(raw("second", Message_ID="<b@x>"))
        imap.begin_anew(validity=8)
        # The old one lies before the two, as it would in a folder that is in order.
        imap.mails.sort(key=lambda kept: kept.came)
        for number, kept in enumerate(imap.mails, 101):
            kept.uid = number
        async with open_site(channels, imap, smtp) as site:
            answers = await smtp.wait(2)
            assert "second" in words(answers[1])
            assert len(answers) == 2
            memory = channel_of(site)._services.memory
            assert await memory.recall(channel_of(site).channel, "position") == "8:104"

    async def test_it_waits_anew_before_the_server_hangs_up(
        self, channels: ChannelSite, imap: ImapServer, smtp: SmtpServer
    ) -> None:
        async with open_site(channels, imap, smtp) as site:
            channel_of(site)._idle_s = 0.01
            await imap.add(raw("wake up"))
            await smtp.wait()
            async with asyncio.timeout(20):
                while imap.commands.count("IDLE") < 4:
                    await asyncio.sleep(0)
            await imap.add(raw("still there?", Message_ID="<b@x>"))
            assert "still there?" in words((await smtp.wait(2))[-1])


class TestLoops:
    async def test_a_machine_that_does_not_say_so_is_answered_a_few_times_only(
        self, channels: ChannelSite, imap: ImapServer, smtp: SmtpServer
    ) -> None:
        async with open_site(channels, imap, smtp, answers_per_hour=2) as site:
            uids = []
            for number in range(4):
                content = raw(f"ticket {number}", Message_ID=f"<t{number}@x>", Subject="")
                uids.append(await imap.add(content))
                await imap.wait_seen(*uids)
                await site.desk.next_reply(conversation_of(site, content), after=0, timeout_s=20)
            other = raw("hi", Message_ID="<o@x>", From="bo@mail.example", Subject="")
            await imap.add(other)
            answers = await smtp.wait(3)
        assert [words(answer) for answer in answers] == [
            "You said: ticket 0", "You said: ticket 1", "You said: hi",
        ]  # fmt: skip

    async def test_the_desks_own_answer_in_its_mailbox_is_no_question(
        self, channels: ChannelSite, imap: ImapServer, smtp: SmtpServer
    ) -> None:
        async with open_site(channels, imap, smtp):
            await imap.add(raw("hello"))
            [answer] = await smtp.wait()
            await imap.add(answer.as_bytes())
            last = await imap.add(raw("more", Message_ID="<b@x>"))
            assert "more" in words((await smtp.wait(2))[-1])
            await imap.wait_seen(1, last)


class TestSending:
    async def test_what_passes_is_tried_again_under_the_same_id(
        self, channels: ChannelSite, imap: ImapServer, smtp: SmtpServer
    ) -> None:
        smtp.failures = [("DATA", "451 4.3.0 later"), ("RCPT", "450 4.2.1 greylisted")]
        async with open_site(channels, imap, smtp) as site:
            await imap.add(raw("hello"))
            [answer] = await smtp.wait()
            [reply] = await site.replies("email", chat_of(site, raw("hello")))
            place = chat_of(site, raw("hello")).place
            assert answer["Message-ID"] == f"<{our_id(f'{reply.id}_0', place, 'shop.example')}>"

    @pytest.mark.parametrize(
        ("failure", "permanent"),
        [
            (("RCPT", "550 5.1.1 no such user"), True),
            (("RCPT", "450 4.2.1 later"), False),
            (("DATA", "554 5.7.1 refused"), True),
            (("DATA", "421 4.7.0 too busy"), False),
        ],
    )
    async def test_what_is_refused_for_good_is_told_apart(
        self,
        channels: ChannelSite,
        imap: ImapServer,
        smtp: SmtpServer,
        failure: tuple[str, str],
        permanent: bool,
    ) -> None:
        smtp.failures = [failure]
        async with open_site(channels, imap, smtp) as site:
            address = chat_of(site, raw()).address
            with pytest.raises(DeliveryFailed) as caught:
                await channel_of(site).send(address, Text("hi"), "rep_1_0")
        assert caught.value.permanent is permanent
        assert "ann.lee" not in str(caught.value)

    async def test_a_header_cannot_be_broken_into(
        self, channels: ChannelSite, imap: ImapServer, smtp: SmtpServer
    ) -> None:
        async with open_site(channels, imap, smtp) as site:
            address = chat_of(site, raw()).address | {"subject": "a\r\nBcc: x@y.example"}
            with pytest.raises(DeliveryFailed) as caught:
                await channel_of(site).send(address, Text("hi"), "rep_1_0")
            assert caught.value.permanent
        assert smtp.mails == []

    async def test_an_address_in_another_script_is_reached(
        self, channels: ChannelSite, imap: ImapServer, smtp: SmtpServer
    ) -> None:
        async with open_site(channels, imap, smtp) as site:
            address = {**chat_of(site, raw()).address, "to": "иван@почта.example"}
            await channel_of(site).send(address, Text("hi"), "rep_1_0")
        assert smtp.recipients == [["иван@почта.example"]]

    async def test_a_server_that_is_away_is_waited_for(
        self, channels: ChannelSite, imap: ImapServer, smtp: SmtpServer
    ) -> None:
        async with open_site(channels, imap, smtp) as site:
            gone = EmailChannel(
                section(imap, smtp, smtp="smtp://127.0.0.1:1"), channel_of(site)._services
            )
            with pytest.raises(DeliveryFailed) as caught:
                await gone.send(chat_of(site, raw()).address, Text("hi"), "rep_1_0")
        assert not caught.value.permanent

    async def test_a_bounce_marks_the_answer_as_failed(
        self, channels: ChannelSite, imap: ImapServer, smtp: SmtpServer
    ) -> None:
        async with open_site(channels, imap, smtp) as site:
            await imap.add(raw("hello"))
            [answer] = await smtp.wait()
            [reply] = await site.replies("email", chat_of(site, raw("hello")))
            async with asyncio.timeout(20):
                while not await site.desk.sent_parts(reply.conversation, reply.id):
                    await asyncio.sleep(0)
            uid = await imap.add(bounce(answer["Message-ID"].strip("<>")))
            await imap.wait_seen(1, uid)
            key = await site.store.run("KEYS", f"fd:*:sent:{reply.conversation}:{reply.id}")
            assert await site.store.run("HGET", key[0], "state:0") == b"failed"


class TestFiles:
    async def test_a_file_is_fetched_from_the_mail_again(
        self, channels: ChannelSite, imap: ImapServer, smtp: SmtpServer
    ) -> None:
        message = mail()
        message.add_attachment(bytes(range(256)) * 700, "application", "pdf", filename="a.pdf")
        message.add_attachment("Größe;5\n" * 9, subtype="csv", filename="a.csv")
        content = message.as_bytes()
        letter = read_letter(parse_mail(content), content, "7.1")
        async with open_site(channels, imap, smtp) as site:
            imap.mails.clear()
            await imap.add(content)
            fetch = channel_of(site).fetch
            first, second = [
                b"".join([piece async for piece in fetch(medium.source)]) for medium in letter.media
            ]
            assert first == bytes(range(256)) * 700
            assert second.decode().replace("\r\n", "\n") == "Größe;5\n" * 9
            for gone in ("8.1:2:base64", "7.99:2:base64", "7.1:9:base64"):
                with pytest.raises(CustomerError, match="media_gone"):
                    _ = [piece async for piece in fetch(gone)]

    async def test_of_a_mail_that_is_too_large_the_words_are_answered(
        self,
        channels: ChannelSite,
        imap: ImapServer,
        smtp: SmtpServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("connectors.email.channel.LARGEST_MAIL_BYTES", 10_000)
        monkeypatch.setattr("connectors.email.channel._BEGINNING_BYTES", 2_000)
        message = mail("look at this", Subject="")
        message.add_attachment(bytes(50_000), "image", "png", filename="a.png")
        async with open_site(channels, imap, smtp):
            await imap.add(message.as_bytes())
            [answer] = await smtp.wait()
        assert "You said: look at this" in words(answer)
        assert any("BODY.PEEK[]<0.2000>" in command for command in imap.commands)
        assert not any("BODY.PEEK[])" in command for command in imap.commands)


class TestOperator:
    async def test_both_servers_are_tried(
        self, channels: ChannelSite, imap: ImapServer, smtp: SmtpServer
    ) -> None:
        async with open_site(channels, imap, smtp) as site:
            assert await channel_of(site).check() == OWN
            assert "nothing has to be registered" in await channel_of(site).register("https://x")
            wrong = EmailChannel(section(imap, smtp, password="wrong"), channel_of(site)._services)
            with pytest.raises(OperatorError, match="the IMAP server refuses the credentials"):
                await wrong.check()

    async def test_a_password_that_smtp_refuses(
        self,
        channels: ChannelSite,
        imap: ImapServer,
        smtp: SmtpServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        async with open_site(channels, imap, smtp) as site:
            monkeypatch.setattr("tests.connectors.email.smtp_server.PASSWORD", "another")
            with pytest.raises(OperatorError, match="the SMTP server refuses the credentials"):
                await channel_of(site).check()
            with pytest.raises(DeliveryFailed) as caught:
                await channel_of(site).send(chat_of(site, raw()).address, Text("hi"), "rep_1_0")
            assert not caught.value.permanent

    async def test_certificates_are_checked(
        self,
        channels: ChannelSite,
        imap: ImapServer,
        smtp: SmtpServer,
        certificate: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        tls = tls_of(certificate)
        async with open_site(channels, imap, smtp) as site, SmtpServer(tls=tls).serving() as safe:
            settings = section(imap, smtp, smtp=f"smtps://127.0.0.1:{safe.port}")
            channel = EmailChannel(settings, channel_of(site)._services)
            with pytest.raises(Unavailable, match="SMTP"):
                await channel.check()
            monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
            assert await channel.check() == OWN
