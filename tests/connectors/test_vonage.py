"""Vonage: what the Messages API posts, what it is sent, and who may speak for it."""

import asyncio
import hashlib
import json
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import jwt
import pytest
from starlette.responses import JSONResponse, Response
from vonage_jwt import verify_signature

from bot import keys
from bot.channel_settings import VonageSection
from bot.errors import CustomerError, DeliveryFailed, OperatorError
from bot.messages import Attachment, AttachmentId, AttachmentKind, ChannelName, ReplyId
from connectors.messaging.capabilities import Unit
from connectors.messaging.events import Chat, Progressed, Reacted, Said, State
from connectors.messaging.hook import Forged, Hook, Malformed
from connectors.messaging.intake import conversation_id
from connectors.messaging.provider import Services
from connectors.messaging.render import Text, Voice
from connectors.vonage import OLDEST_S, Vonage, parse
from tests.connectors.messaging.mutations import is_understood_or_malformed
from tests.connectors.messaging.samples import SHOWN, SPOKEN, shown, voice_note
from tests.connectors.messaging.site import PUBLIC_URL, ChannelSite
from tests.connectors.messaging.stand_in import Call, StandIn, never_ending

VONAGE = ChannelName("vonage")
KEY, SECRET = "abcd1234", "the-api-secret"
SIGNATURE_SECRET = "the-signature-secret-of-at-least-32-bytes"
CUSTOMER, DESK = "447700900001", "447700900000"
CHAT = Chat(CUSTOMER, {"app": "sms", "to": CUSTOMER, "from": DESK}, place=DESK, private=True)
MESSAGES, BALANCE = "/v1/messages", "/account/get-balance"


def uuid(number: int) -> str:
    return f"aaaaaaaa-bbbb-4ccc-8ddd-{number:012d}"


def message(number: int = 1, **content: Any) -> dict[str, Any]:
    return {
        "channel": "sms", "message_uuid": uuid(number), "to": DESK, "from": CUSTOMER,
        "timestamp": "2025-02-03T12:14:25Z", "context_status": "none",
        "origin": {"network_code": "23410"}, "sms": {"num_messages": "2", "keyword": "HELLO"},
        "usage": {"currency": "EUR", "price": "0.0333"},
    } | content  # fmt: skip


def text(words: str, number: int = 1, **content: Any) -> dict[str, Any]:
    return message(number, message_type="text", text=words, **content)


def file(kind: str, number: int = 1, **content: Any) -> dict[str, Any]:
    url = "https://api-us.nexmo.com/v3/media/1"
    about = {"url": url} | content
    return message(number, channel="mms", message_type=kind, **{kind: about})


def status(state: str, **content: Any) -> dict[str, Any]:
    return {
        "message_uuid": uuid(9), "to": CUSTOMER, "from": DESK, "channel": "sms",
        "timestamp": "2025-02-03T12:14:25Z", "status": state, "client_ref": "",
        "destination": {"network_code": "12345"}, "sms": {"count_total": "2"},
    } | content  # fmt: skip


def error(code: int, detail: str) -> dict[str, Any]:
    where = f"https://developer.vonage.com/api-errors/messages#{code}"
    return {"type": where, "title": code, "detail": detail, "instance": "bf0ca0bf927b3b52e3cb"}


def said(told: Mapping[str, Any]) -> Said:
    [event] = parse(told)
    assert isinstance(event, Said)
    return event


class VonageApi(StandIn):
    """Vonage's side, as far as a conversation needs it."""

    def __init__(self) -> None:
        super().__init__()
        self._sent = 500
        self.answer("POST", MESSAGES, self._send)
        self.answer("GET", BALANCE, {"value": 10.28, "autoReload": False})

    def _send(self, call: Call) -> Response:
        self._sent += 1
        return JSONResponse({"message_uuid": uuid(self._sent)}, 202)


def refusal(status: int, code: int, detail: str = "") -> Response:
    return JSONResponse(error(code, detail) | {"title": "Refused"}, status)


@pytest.fixture
async def api() -> AsyncIterator[VonageApi]:
    api = VonageApi()
    async with api.serving():
        yield api


def settings(url: str = "https://api.nexmo.com") -> VonageSection:
    return VonageSection(
        key=KEY, secret=SECRET, signature_secret=SIGNATURE_SECRET, api=url, rest=url
    )


@asynccontextmanager
async def open_site(
    channels: ChannelSite, api: VonageApi, **options: Any
) -> AsyncIterator[ChannelSite]:
    async with channels.open({"vonage": ("connectors.vonage", settings(api.url))}, **options):
        yield channels


def token(body: bytes, secret: str = SIGNATURE_SECRET, **changed: Any) -> str:
    """As Vonage signs a body; `changed`: claims that are otherwise than they should be, or, as
    None, missing."""
    claims = {
        "iat": int(time.time()), "jti": "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5", "iss": "Vonage",
        "payload_hash": hashlib.sha256(body).hexdigest(), "api_key": KEY,
        "application_id": "78d335fa-323d-0114-9c3d-d6f0d48968cf",
    } | changed  # fmt: skip
    held = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(held, secret, algorithm="HS256")


async def post(site: ChannelSite, content: bytes, signed: str) -> int:
    headers = {"Authorization": f"Bearer {signed}", "Content-Type": "application/json"}
    return (await site.post("vonage", content, headers)).status_code


async def deliver(site: ChannelSite, told: Mapping[str, Any]) -> int:
    body = json.dumps(told).encode()
    return await post(site, body, token(body))


def believes(provider: Any, hook: Hook) -> bool:
    try:
        provider.verify(hook)
    except Forged:
        return False
    return True


class TestParsing:
    def test_words(self) -> None:
        assert said(text("Where is my order?")) == Said(CHAT, uuid(1), "Where is my order?")

    def test_an_mms_is_of_the_same_conversation_as_an_sms(self) -> None:
        assert said(file("image")).chat == CHAT

    def test_an_app_that_is_linked_too_is_answered_there(self) -> None:
        found = said(text("hi", channel="whatsapp", profile={"name": "Ann"})).chat
        assert found.address["app"] == "whatsapp"
        assert found.user == f"whatsapp:{CUSTOMER}"

    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            ("image", AttachmentKind.IMAGE),
            ("sticker", AttachmentKind.IMAGE),
            ("audio", AttachmentKind.AUDIO),
            ("video", AttachmentKind.VIDEO),
            ("file", AttachmentKind.FILE),
        ],
    )
    def test_each_kind_of_file(self, kind: str, expected: AttachmentKind) -> None:
        found = said(file(kind, name="it.bin", caption="this"))
        [medium] = found.media
        assert (medium.kind, medium.name, found.text) == (expected, "it.bin", "this")
        assert medium.source == "https://api-us.nexmo.com/v3/media/1"

    def test_an_mms_of_several_parts_is_one_message(self) -> None:
        parts = [{"type": "image", "url": "https://a/1"}, {"type": "vcard", "url": "https://a/2"}]
        found = said(message(message_type="content", content=parts, text="both"))
        assert [medium.source for medium in found.media] == ["https://a/1"]
        assert (found.text, found.unsupported) == ("both", ("contact",))

    def test_a_place_becomes_words(self) -> None:
        place = {"lat": 59.91, "long": "10.75"}
        assert said(message(message_type="location", location=place)).text == "59.91000, 10.75000"
        named = place | {"name": "Shop", "address": "High St 1"}
        found = said(message(message_type="location", location=named))
        assert found.text == "Shop, High St 1 (59.91000, 10.75000)"

    @pytest.mark.parametrize(
        "pressed",
        [
            {"message_type": "reply", "reply": {"id": "r1", "title": "9am", "description": "x"}},
            {"message_type": "reply", "reply": {"id": "9am"}},
            {"message_type": "button", "button": {"payload": "b1", "text": "9am"}},
            {"message_type": "button", "button": {"payload": "9am"}},
        ],
    )
    def test_what_is_pressed_says_its_words(self, pressed: dict[str, Any]) -> None:
        assert said(message(channel="whatsapp", **pressed)).text == "9am"

    @pytest.mark.parametrize(
        ("kind", "named"),
        [("vcard", "contact"), ("order", "order"), ("unsupported", "unsupported"),
         ("something_of_next_year", "something_of_next_year")],
    )  # fmt: skip
    def test_what_is_not_understood_is_named(self, kind: str, named: str) -> None:
        assert said(message(message_type=kind, **{kind: {"url": "https://a"}})).unsupported == (
            named,
        )

    @pytest.mark.parametrize(("action", "emoji"), [("react", "👍"), ("unreact", "")])
    def test_a_reaction_wants_no_answer(self, action: str, emoji: str) -> None:
        reaction = {"action": action, "emoji": "👍"}
        told = message(
            message_type="reaction", reaction=reaction, context={"message_uuid": uuid(9)}
        )
        assert parse(told) == (Reacted(CHAT, uuid(9), emoji),)

    @pytest.mark.parametrize(
        ("state", "expected"),
        [
            ("submitted", State.SENT),
            ("delivered", State.DELIVERED),
            ("read", State.READ),
        ],
    )
    def test_how_far_a_message_has_come(self, state: str, expected: State) -> None:
        assert parse(status(state)) == (Progressed(uuid(9), expected),)

    @pytest.mark.parametrize("state", ["rejected", "undeliverable"])
    def test_why_a_message_failed_is_told_without_the_number(self, state: str) -> None:
        why = error(1120, f"Illegal sender for {CUSTOMER}")
        failed = Progressed(uuid(9), State.FAILED, "1120: Illegal sender for …")
        assert parse(status(state, error=why)) == (failed,)
        assert parse(status(state, error=why | {"type": "about:blank"})) == (failed,)
        assert parse(status(state))[0] == Progressed(uuid(9), State.FAILED, "no reason given")

    def test_a_state_of_a_new_kind_is_no_progress(self) -> None:
        assert parse(status("accepted")) == ()

    @pytest.mark.parametrize(
        "broken",
        [{}, {"message_type": "text"}, text("hi", channel=None, to=None), message(message_type=5),
         message(message_type="text"), message(message_type="image", image=5),
         message(message_type="image"), message(message_type="location", location={"lat": "n"}),
         message(message_type="content", content=[5]), message(message_type="reaction"),
         {"status": "delivered"}, {"status": []}, status("rejected", error="x"),
         text("hi", to={"type": "sms", "number": DESK})],
    )  # fmt: skip
    def test_what_makes_no_sense_is_malformed(self, broken: dict[str, Any]) -> None:
        with pytest.raises(Malformed):
            parse(broken)

    def test_what_is_changed_anywhere_is_understood_or_malformed(self) -> None:
        place = {"lat": 59.9, "long": "10.7", "name": "Shop", "address": "High St 1"}
        reaction = {"action": "react", "emoji": "👍"}
        payloads = [
            text("hi"),
            file("image", caption="this", name="it"),
            message(message_type="content", content=[{"type": "image", "url": "https://a/1"}]),
            message(message_type="location", location=place),
            message(message_type="reply", reply={"id": "r1", "title": "9am"}),
            message(message_type="button", button={"payload": "b1", "text": "9am"}),
            message(message_type="reaction", reaction=reaction, context={"message_uuid": "u"}),
            status("rejected", error=error(1120, "No")),
        ]
        assert is_understood_or_malformed(parse, payloads) > 100


class TestWebhook:
    def test_vonages_own_library_agrees_on_whose_a_signature_is(self) -> None:
        vonage: Any = Vonage(settings(), Services(*[None] * 5))
        for secret in (SIGNATURE_SECRET, SIGNATURE_SECRET[::-1]):
            signed = token(b"{}", secret)
            hook = Hook(b"{}", {"authorization": f"Bearer {signed}"}, received_at=time.time())
            assert verify_signature(signed, SIGNATURE_SECRET) is believes(vonage, hook)

    async def test_only_what_vonage_signed_is_taken(
        self, channels: ChannelSite, api: VonageApi
    ) -> None:
        body = json.dumps(text("hi")).encode()
        nested = f"{urlsafe_b64encode(b'[' * 20_000).decode()}.e30.e30"
        none = jwt.encode({"iss": "Vonage"}, "", algorithm="none")
        async with open_site(channels, api, answers=False) as site:
            for signed in ("x", "a.b.c", none, nested, token(body, "another-secret" * 4)):
                assert await post(site, body, signed) == 401
            assert (await site.post("vonage", body)).status_code == 401
            basic = {"Authorization": "Basic " + b64encode(f"{KEY}:{SECRET}".encode()).decode()}
            assert (await site.post("vonage", body, basic)).status_code == 401
            assert await post(site, body.replace(b"hi", b"ho"), token(body)) == 401
            assert await post(site, body[:-5], token(body)) == 401
            assert await site.nothing_was_taken()

    @pytest.mark.parametrize(
        "changed",
        [{"iss": "Another"}, {"iss": None}, {"jti": None}, {"iat": None}, {"iat": "now"},
         {"payload_hash": None}, {"payload_hash": ""}, {"payload_hash": 5},
         {"api_key": "another"}],
    )  # fmt: skip
    async def test_each_claim_of_the_signature_must_be_right(
        self, channels: ChannelSite, api: VonageApi, changed: dict[str, Any]
    ) -> None:
        body = json.dumps(text("hi")).encode()
        async with open_site(channels, api, answers=False) as site:
            assert await post(site, body, token(body, **changed)) == 401
            assert await site.nothing_was_taken()

    async def test_a_request_of_another_time_is_refused(
        self, channels: ChannelSite, api: VonageApi
    ) -> None:
        body = json.dumps(text("hi")).encode()
        now = int(time.time())
        async with open_site(channels, api, answers=False) as site:
            for issued in (now - OLDEST_S - 5, now + OLDEST_S + 5, 0):
                assert await post(site, body, token(body, iat=issued)) == 401
            assert await site.nothing_was_taken()
            assert await post(site, body, token(body, iat=now - OLDEST_S + 60)) == 200

    async def test_a_senseless_body_is_refused(self, channels: ChannelSite, api: VonageApi) -> None:
        async with open_site(channels, api, answers=False) as site:
            for body in (b"", b"{", b"[]", b"\xff\xfe", b'{"message_type": 7}'):
                assert await post(site, body, token(body)) == 400
            assert await site.nothing_was_taken()

    async def test_a_message_that_is_played_again_is_taken_once(
        self, channels: ChannelSite, api: VonageApi
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            once = await asyncio.gather(*(deliver(site, text("hi")) for _ in range(3)))
            assert once == [200, 200, 200]
            assert len(await site.messages("vonage", CHAT)) == 1

    async def test_a_receipt_that_comes_late_takes_nothing_back(
        self, channels: ChannelSite, api: VonageApi
    ) -> None:
        conversation, reply = conversation_id(VONAGE, KEY, CHAT), ReplyId("rep_1")
        async with open_site(channels, api, answers=False) as site:
            await site.desk.note_part(VONAGE, conversation, reply, "0", uuid(9))
            for state in ("delivered", "submitted"):
                assert await deliver(site, status(state)) == 200
            noted = await site.store.run("HGET", keys.sent(conversation, reply), "state:0")
        assert noted == b"delivered"


class TestConversation:
    async def test_words_a_recording_and_a_screenshot(
        self, channels: ChannelSite, api: VonageApi
    ) -> None:
        api.answer("GET", "/v3/media/1", voice_note())
        api.answer("GET", "/v3/media/2", shown())
        async with open_site(channels, api) as site:
            await deliver(site, text("Hello **there** – “you”"))
            [first] = await api.wait(MESSAGES)
            assert first.json() == {
                "channel": "sms", "message_type": "text", "to": CUSTOMER, "from": DESK,
                "text": 'You said: Hello there - "you"',
                "webhook_url": f"{PUBLIC_URL}/channels/vonage", "webhook_version": "v1",
            }  # fmt: skip
            basic = b64encode(f"{KEY}:{SECRET}".encode()).decode()
            assert first.headers["authorization"] == f"Basic {basic}"

            await deliver(site, file("audio", 2, url=f"{api.url}/v3/media/1"))
            spoken = (await api.wait(MESSAGES, 2))[1]
            assert SPOKEN.casefold() in spoken.json()["text"].casefold()

            await deliver(site, file("image", 3, url=f"{api.url}/v3/media/2"))
            seen = (await api.wait(MESSAGES, 3))[2]
            assert SHOWN in seen.json()["text"]
        assert "authorization" not in api.made("/v3/media/2")[0].headers

    async def test_what_is_throttled_is_tried_again(
        self, channels: ChannelSite, api: VonageApi
    ) -> None:
        api.fail(MESSAGES, Response(status_code=429))
        async with open_site(channels, api) as site:
            await deliver(site, text("hi there"))
            calls = await api.wait(MESSAGES, 2)
        assert [call.json()["text"] for call in calls] == ["You said: hi there"] * 2

    async def test_what_is_refused_is_not_tried_again(
        self, channels: ChannelSite, api: VonageApi
    ) -> None:
        api.fail(MESSAGES, refusal(422, 1120, "Illegal Sender Address"))
        async with open_site(channels, api) as site:
            await deliver(site, text("hi there"))
            await api.wait(MESSAGES)
            await deliver(site, text("and again", 2))
            calls = await api.wait(MESSAGES, 2)
        assert calls[-1].json()["text"] == "You said: and again"


class TestSending:
    @pytest.mark.parametrize(
        ("status", "code", "permanent"),
        [
            (422, 1022, True),
            (422, 1120, True),
            (403, 1050, True),
            (403, 1000, False),
            (402, 1070, False),
            (401, 0, False),
            (429, 1000, False),
            (500, 1030, False),
        ],
    )
    async def test_what_passes_is_told_from_what_does_not(
        self, channels: ChannelSite, api: VonageApi, status: int, code: int, permanent: bool
    ) -> None:
        api.fail(MESSAGES, refusal(status, code, f"The number +{CUSTOMER} is not all right"))
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            with pytest.raises(DeliveryFailed) as failed:
                await provider.send(CHAT.address, Text("hi"), "key")
        assert failed.value.permanent is permanent
        assert CUSTOMER not in str(failed.value)
        assert SECRET not in str(failed.value)

    async def test_an_sms_is_measured_in_segments_and_has_no_window_and_no_voice(self) -> None:
        nothing: Any = None
        provider = Vonage(settings(), Services(nothing, nothing, nothing, nothing, nothing))
        by_sms = provider.can_at(CHAT.address)
        assert (by_sms.unit, by_sms.window, by_sms.voice) == (Unit.SMS, None, "")
        assert provider.can_at({"app": "whatsapp"}).window is not None
        recording = Attachment(AttachmentId("att_1"), AttachmentKind.AUDIO, "audio/ogg", 1)
        with pytest.raises(DeliveryFailed) as failed:
            await provider.send(CHAT.address, Voice(recording), "key")
        assert failed.value.permanent


class TestFiles:
    async def fetched(self, site: ChannelSite, source: str) -> bytes:
        [provider] = site.messaging.providers
        return b"".join([piece async for piece in provider.fetch(source)])

    async def test_other_hosts_are_not_asked(self, channels: ChannelSite, api: VonageApi) -> None:
        async with open_site(channels, api, answers=False) as site:
            for source in ("https://evil.example/x", "http://api-us.nexmo.com/x", "",
                           "https://nexmo.com.evil.example/x", "https://127.0.0.1/x"):  # fmt: skip
                with pytest.raises(CustomerError, match="media_gone"):
                    await self.fetched(site, source)

    async def test_what_is_gone_or_too_large_is_told(
        self, channels: ChannelSite, api: VonageApi
    ) -> None:
        more = asyncio.Event()
        endless = never_ending(b"x" * (6 * 1024**2), more)
        api.answer("GET", "/v3/media/2", lambda _: endless)
        async with open_site(channels, api, answers=False) as site:
            with pytest.raises(CustomerError, match="media_gone"):
                await self.fetched(site, f"{api.url}/v3/media/1")
            with pytest.raises(CustomerError, match="upload_too_large"):
                await self.fetched(site, f"{api.url}/v3/media/2")
            more.set()


class TestOperator:
    async def test_the_account_is_named_with_what_is_left(
        self, channels: ChannelSite, api: VonageApi
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            assert await provider.check() == "abcd1234, with 10.28 € left"
            api.fail(BALANCE, Response(status_code=401))
            with pytest.raises(OperatorError, match="refuses the credentials"):
                await provider.check()
            api.fail(BALANCE, JSONResponse({}))
            with pytest.raises(OperatorError, match="balance"):
                await provider.check()
            told = await provider.register(f"{PUBLIC_URL}/channels/vonage")
        assert f"{PUBLIC_URL}/channels/vonage" in told
