"""The generic webhook: what other systems send, what they are sent, and who may speak for them."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook
from starlette.responses import JSONResponse, Response

from bot.channel_settings import WebhookSection
from bot.errors import DeliveryFailed, OperatorError
from bot.messages import AttachmentKind, Citation
from connectors.messaging.events import (
    Chat,
    Event,
    Progressed,
    Reacted,
    Remote,
    Said,
    State,
    Withdrawn,
    Writes,
)
from connectors.messaging.hook import Forged, Hook, Malformed
from connectors.messaging.render import Text
from connectors.webhook import WebhookChannel, parse, read_secret, sign, verify
from tests.connectors.messaging.samples import SHOWN, SPOKEN, shown, voice_note
from tests.connectors.messaging.site import ChannelSite
from tests.connectors.messaging.stand_in import StandIn

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The specification's example."""
OLD = "whsec_" + base64.b64encode(b"the secret before this one, once").decode()
KEYS = [read_secret(SECRET), read_secret(OLD)]
ANSWERS = "/answers"
CHAT = Chat("user-7", {"customer": "user-7", "conversation": "t-1"}, "t-1", "en", private=True)


def message(number: int = 1, **fields: Any) -> dict[str, Any]:
    start = {"type": "message", "customer": "user-7", "conversation": "t-1", "locale": "en"}
    return start | {"id": f"m{number}"} | fields


def read(body: Mapping[str, Any] | bytes, identifier: str = "w1") -> tuple[Event, ...]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse(Hook(body=content, headers={"webhook-id": identifier}))


def said(**fields: Any) -> Said:
    [event] = read(message(**fields))
    assert isinstance(event, Said)
    return event


def signed(body: bytes, identifier: str = "w1", at: float = 0, secret: str = SECRET) -> Hook:
    """A request with the headers that the specification's own library makes."""
    moment = datetime.fromtimestamp(int(at or time.time()), UTC)
    headers = {
        "webhook-id": identifier,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(identifier, moment, body.decode()),
    }
    return Hook(body=body, headers=headers, received_at=time.time())


@pytest.fixture
async def system() -> AsyncIterator[StandIn]:
    """The other system: it takes answers and has files."""
    system = StandIn()
    system.answer("POST", ANSWERS, {})
    system.answer("GET", "/files/voice.ogg", voice_note())
    system.answer("GET", "/files/screen.jpg", shown())
    async with system.serving():
        yield system


@asynccontextmanager
async def open_site(
    channels: ChannelSite, system: StandIn, *, old: str = "", **options: Any
) -> AsyncIterator[ChannelSite]:
    settings = WebhookSection(url=f"{system.url}{ANSWERS}", secret=SECRET, old_secret=old)
    async with channels.open({"webhook": ("connectors.webhook", settings)}, **options):
        yield channels


async def deliver(site: ChannelSite, body: Mapping[str, Any] | bytes, **how: Any) -> int:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    hook = signed(content, **how)
    return (await site.post("webhook", content, dict(hook.headers))).status_code


class TestSignature:
    def test_the_specifications_example(self) -> None:
        """https://github.com/standard-webhooks/standard-webhooks: spec/standard-webhooks.md"""
        headers = sign(b'{"test": 2432232314}', "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, KEYS)
        assert headers["webhook-signature"].split(" ")[0] == (
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        )

    def test_what_the_specifications_library_signs_is_believed(self) -> None:
        for secret in (SECRET, OLD):
            verify(signed("grüße".encode(), secret=secret), KEYS)

    def test_what_the_desk_signs_the_library_believes(self) -> None:
        body = json.dumps({"text": "grüße"}).encode()
        headers = sign(body, "rep_1_0", int(time.time()), KEYS)
        for secret in (SECRET, OLD):
            assert Webhook(secret).verify(body, headers) == {"text": "grüße"}

    def test_one_of_several_signatures_is_enough(self) -> None:
        hook = signed(b"{}")
        good = hook.headers["webhook-signature"]
        for many in (f"v1,AAAA {good}", f"{good} v1a,AAAA", f"v2,x v1 , {good}"):
            headers = {**hook.headers, "webhook-signature": many}
            verify(Hook(body=b"{}", headers=headers, received_at=time.time()), KEYS)

    @pytest.mark.parametrize(
        "change",
        [
            {"webhook-id": "w2"},
            {"webhook-id": ""},
            {"webhook-timestamp": str(int(time.time()) - 100)},
            {"webhook-timestamp": ""},
            {"webhook-timestamp": "soon"},
            {"webhook-timestamp": "٣"},
            {"webhook-timestamp": "9" * 5000},
            {"webhook-signature": ""},
            {"webhook-signature": "v1,"},
            {"webhook-signature": "v1,é"},
            {"webhook-signature": "v1," + base64.b64encode(bytes(32)).decode()},
            {"webhook-signature": " ".join(["v1,AAAA"] * 5000)},
        ],
    )
    def test_a_request_that_was_changed_is_forged(self, change: dict[str, str]) -> None:
        hook = signed(b"{}", at=time.time())
        headers = {**hook.headers, **change}
        with pytest.raises(Forged):
            verify(Hook(body=b"{}", headers=headers, received_at=time.time()), KEYS)

    def test_another_body_or_another_secret_is_forged(self) -> None:
        hook = signed(b"{}")
        with pytest.raises(Forged):
            verify(Hook(body=b"{ }", headers=hook.headers, received_at=time.time()), KEYS)
        with pytest.raises(Forged):
            verify(signed(b"{}", secret=OLD), KEYS[:1])

    def test_an_old_request_played_again_is_forged(self) -> None:
        now = int(time.time())
        for at, believed in ((now - 299, True), (now - 301, False), (now + 301, False)):
            hook = signed(b"{}", at=at)
            hook = Hook(body=b"{}", headers=hook.headers, received_at=now)
            if believed:
                verify(hook, KEYS)
                continue
            with pytest.raises(Forged, match="five minutes"):
                verify(hook, KEYS)

    @pytest.mark.parametrize("secret", ["x", "whsec_", "whsec_AAAA", "whsec_%%%", "A" * 200])
    def test_a_secret_that_is_none_is_told(self, secret: str) -> None:
        with pytest.raises(OperatorError, match="openssl rand -base64 32"):
            read_secret(secret)

    def test_a_secret_may_lack_its_prefix_and_its_padding(self) -> None:
        bare = base64.b64encode(bytes(range(32))).decode()
        assert read_secret(bare) == read_secret(bare.rstrip("=")) == read_secret(f"whsec_{bare}")


class TestParsing:
    def test_words(self) -> None:
        assert said(text="Where is it?") == Said(CHAT, "m1", text="Where is it?")

    def test_without_an_id_the_request_names_the_message(self) -> None:
        body = {"type": "message", "customer": "c", "text": "hi"}
        [event] = read(body, identifier="w9")
        assert isinstance(event, Said)
        assert event.id == "w9"

    @pytest.mark.parametrize(
        ("file", "remote"),
        [
            (
                {"url": "https://f.example/a/b.png?s=1"},
                Remote(AttachmentKind.IMAGE, "https://f.example/a/b.png?s=1", "image/png", "b.png"),
            ),
            (
                {"url": "https://f.example/9", "media_type": "audio/ogg", "duration_s": 2.5},
                Remote(AttachmentKind.AUDIO, "https://f.example/9", "audio/ogg", "9", 0, 2.5),
            ),
            (
                {"url": "https://f.example/v.mp4", "name": "film", "size_bytes": 7},
                Remote(AttachmentKind.VIDEO, "https://f.example/v.mp4", "video/mp4", "film", 7),
            ),
            (
                {"url": "https://f.example/bill.pdf"},
                Remote(
                    AttachmentKind.FILE,
                    "https://f.example/bill.pdf",
                    "application/pdf",
                    "bill.pdf",
                ),
            ),
            (
                {"url": "https://f.example/9"},
                Remote(AttachmentKind.FILE, "https://f.example/9", "", "9"),
            ),
        ],
    )
    def test_each_kind_of_file(self, file: Any, remote: Remote) -> None:
        assert said(attachments=[file]).media == (remote,)

    def test_an_album(self) -> None:
        files = [{"url": f"https://f.example/{n}.png"} for n in range(3)]
        assert len(said(attachments=files).media) == 3

    def test_a_quote_a_correction_an_arrival_and_what_could_not_be_passed_on(self) -> None:
        found = said(text="B", quote="A or B?", replaces="m0", joined=True, unsupported=["poll"])
        assert (found.quote, found.replaces, found.joined) == ("A or B?", "m0", True)
        assert found.unsupported == ("poll",)

    def test_what_else_happens(self) -> None:
        who = {"customer": "user-7", "conversation": "t-1", "locale": "en"}
        assert read({"type": "deleted", "id": "m1"} | who) == (Withdrawn(CHAT, "m1"),)
        assert read({"type": "typing"} | who) == (Writes(CHAT),)
        sign = {"type": "reaction", "to": "rep_1_0", "emoji": "👍"} | who
        assert read(sign) == (Reacted(CHAT, "rep_1_0", "👍"),)
        state = {"type": "state", "id": "rep_1_0", "state": "failed", "reason": "blocked"}
        assert read(state) == (Progressed("rep_1_0", State.FAILED, "blocked"),)
        assert read({"type": "ping"}) == ()

    def test_conversations_of_a_customer_are_told_apart(self) -> None:
        assert said(conversation="t-2").chat.place != said().chat.place

    @pytest.mark.parametrize(
        "body",
        [
            b"", b"{", b"[]", b"\xff", b"null", b"[" * 5000,
            {}, {"type": "message"}, {"type": "party", "customer": "c"},
            message(customer=""), message(customer=7), message(text=["a"]), message(texts="a"),
            message(attachments={}), message(attachments=[{}]), message(attachments=["x"]),
            message(attachments=[{"url": "file:///etc/passwd"}]),
            message(attachments=[{"url": "https://[x"}]),
            message(attachments=[{"url": "https://f.example/a", "size_bytes": "x"}]),
            {"type": "state", "id": "a", "state": "eaten"},
            {"type": "deleted", "customer": "c"},
        ],
    )  # fmt: skip
    def test_what_makes_no_sense_is_malformed(self, body: Any) -> None:
        with pytest.raises(Malformed):
            read(body)


class TestWebhook:
    async def test_forged_replayed_and_senseless_requests_change_nothing(
        self, channels: ChannelSite, system: StandIn
    ) -> None:
        async with open_site(channels, system, answers=False) as site:
            assert await deliver(site, message(text="hi"), secret=OLD) == 401
            assert await deliver(site, message(text="hi"), at=time.time() - 400) == 401
            assert (await site.post("webhook", b"{}")).status_code == 401
            assert (await site.post("webhook", b"", {"webhook-id": "w1"})).status_code == 401
            for body in (b"", b'{"type": "mess', b"[]"):
                assert await deliver(site, body) == 400
            assert await site.nothing_was_taken()

    async def test_while_a_secret_is_replaced_both_are_believed_and_both_sign(
        self, channels: ChannelSite, system: StandIn
    ) -> None:
        async with open_site(channels, system, old=OLD) as site:
            assert await deliver(site, message(text="hi there"), secret=OLD) == 200
            [answer] = await system.wait(ANSWERS)
            assert await deliver(site, message(2, text="and here"), identifier="w2") == 200
            await system.wait(ANSWERS, 2)
        for secret in (SECRET, OLD):
            assert Webhook(secret).verify(answer.body, answer.headers)

    async def test_a_duplicate_is_taken_once(self, channels: ChannelSite, system: StandIn) -> None:
        async with open_site(channels, system, answers=False) as site:
            times = (deliver(site, message(text="hi")) for _ in range(3))
            assert await asyncio.gather(*times) == [200, 200, 200]
            assert len(await site.messages("webhook", CHAT)) == 1

    async def test_a_correction_that_comes_before_the_message_it_corrects(
        self, channels: ChannelSite, system: StandIn
    ) -> None:
        async with open_site(channels, system, answers=False) as site:
            corrected = message(2, text="where is order 2?", replaces="m1")
            assert await deliver(site, corrected, identifier="w2") == 200
            assert await deliver(site, message(1, text="where is order 1?")) == 200
            assert len(await site.messages("webhook", CHAT)) == 2

    async def test_a_message_that_was_deleted_is_not_answered(
        self, channels: ChannelSite, system: StandIn
    ) -> None:
        who = {"customer": "user-7", "conversation": "t-1"}
        async with open_site(channels, system, answers=False) as site:
            await deliver(site, message(1, text="my card is 4111"))
            await deliver(site, message(2, text="hi there"), identifier="w2")
            await deliver(site, {"type": "deleted", "id": "m1"} | who, identifier="w3")
        async with open_site(channels, system):
            [answer] = await system.wait(ANSWERS)
        assert answer.json()["text"] == "You said: hi there"


class TestConversation:
    async def test_words_a_voice_note_and_a_screenshot(
        self, channels: ChannelSite, system: StandIn
    ) -> None:
        async with open_site(channels, system) as site:
            await deliver(site, message(1, text="Hello *there* <b>"), identifier="w1")
            [first] = await system.wait(ANSWERS)
            assert first.json() == {
                "id": first.headers["webhook-id"],
                "type": "text",
                "customer": "user-7",
                "conversation": "t-1",
                "text": "You said: Hello *there* \\<b\\>",
                "choices": [],
                "citations": [],
            }
            voice = {"url": f"{system.url}/files/voice.ogg"}
            await deliver(site, message(2, attachments=[voice]), identifier="w2")
            text, spoken = (await system.wait(ANSWERS, 3))[1:]
            assert SPOKEN.casefold() in text.json()["text"].casefold()
            assert spoken.json()["type"] == "voice"
            assert spoken.json()["url"].startswith("https://desk.example/channels/media/")
            assert spoken.json()["media_type"].startswith("audio/ogg")

            screen = {"url": f"{system.url}/files/screen.jpg"}
            shows = message(3, text="what is this?", attachments=[screen])
            await deliver(site, shows, identifier="w3")
            last = (await system.wait(ANSWERS, 4))[-1]
            assert SHOWN in last.json()["text"]
            for call in system.made(ANSWERS):
                Webhook(SECRET).verify(call.body, call.headers)

    @pytest.mark.parametrize("url", ["https://evil.example/a.png", "http://169.254.169.254/latest"])
    async def test_a_file_is_fetched_from_no_other_host(
        self, channels: ChannelSite, system: StandIn, url: str
    ) -> None:
        async with open_site(channels, system) as site:
            await deliver(site, message(text="look", attachments=[{"url": url}]))
            [answer] = await system.wait(ANSWERS)
        assert answer.json()["text"].startswith("You said: look")

    async def test_what_passes_is_tried_again_with_the_same_id(
        self, channels: ChannelSite, system: StandIn
    ) -> None:
        system.fail(ANSWERS, Response(status_code=429, headers={"retry-after": "0"}))
        system.fail(ANSWERS, Response(status_code=503))
        async with open_site(channels, system) as site:
            await deliver(site, message(text="hi there"))
            calls = await system.wait(ANSWERS, 3)
        assert len({call.headers["webhook-id"] for call in calls}) == 1
        assert len({call.body for call in calls}) == 1

    @pytest.mark.parametrize("status", [410, 302])
    async def test_what_is_refused_for_good_does_not_hold_up_the_next(
        self, channels: ChannelSite, system: StandIn, status: int
    ) -> None:
        system.fail(ANSWERS, JSONResponse({"error": "no such ticket"}, status))
        async with open_site(channels, system) as site:
            await deliver(site, message(1, text="hi there"))
            await system.wait(ANSWERS)
            await deliver(site, message(2, text="and again"), identifier="w2")
            calls = await system.wait(ANSWERS, 2)
        assert calls[-1].json()["text"] == "You said: and again"


class TestAnswers:
    """What the system is told of a part, without a desk around it."""

    async def test_choices_and_the_articles_that_an_answer_rests_on(
        self, channels: ChannelSite, system: StandIn
    ) -> None:
        async with open_site(channels, system, answers=False) as site:
            [channel] = site.messaging.providers
            cited = (Citation("delivery", "Delivery", "/articles/delivery"),)
            part = Text("Three days.", ("Track it",), citations=cited)
            assert await channel.send(CHAT.address, part, "rep_1_0") == "rep_1_0"
        [call] = system.made(ANSWERS)
        assert call.json()["choices"] == ["Track it"]
        [citation] = call.json()["citations"]
        assert citation["title"] == "Delivery"
        assert citation["url"] == "https://desk.example/articles/delivery"

    async def test_without_an_address_of_its_own_the_desk_names_articles_and_sends_no_recordings(
        self, channels: ChannelSite, system: StandIn
    ) -> None:
        async with open_site(channels, system, answers=False, public_url="") as site:
            [channel] = site.messaging.providers
            cited = (Citation("delivery", "Delivery", "/articles/delivery"),)
            await channel.send(CHAT.address, Text("Three days.", citations=cited), "rep_1_0")
            assert channel.can.voice == ""
            assert WebhookChannel.can.voice == ""
        [call] = system.made(ANSWERS)
        assert call.json()["citations"][0]["url"] == ""

    async def test_the_system_is_tried(self, channels: ChannelSite, system: StandIn) -> None:
        async with open_site(channels, system, answers=False) as site:
            [channel] = site.messaging.providers
            assert await channel.check() == system.url.removeprefix("http://")
            [ping] = system.made(ANSWERS)
            assert ping.json() == {"type": "ping"}
            assert Webhook(SECRET).verify(ping.body, ping.headers)
            system.fail(ANSWERS, JSONResponse({"error": "bad signature"}, 401))
            with pytest.raises(OperatorError, match="bad signature"):
                await channel.check()
            assert "https://desk.example/hook" in await channel.register(
                "https://desk.example/hook"
            )

    async def test_a_system_that_is_not_there_is_waited_for(
        self, channels: ChannelSite, system: StandIn
    ) -> None:
        async with open_site(channels, system, answers=False) as site:
            [channel] = site.messaging.providers
            for status in (502, 425, 408):
                system.fail(ANSWERS, Response(status_code=status))
                with pytest.raises(DeliveryFailed) as caught:
                    await channel.send(CHAT.address, Text("hi"), "rep_1_0")
                assert not caught.value.permanent
