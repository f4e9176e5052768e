"""Viber: what its callbacks tell, what the bot sends, and who may speak for Viber."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response
from viberbot import Api as OfficialApi
from viberbot import BotConfiguration
from viberbot.api.messages import TextMessage
from viberbot.api.viber_requests import ViberMessageRequest

from bot import keys
from bot.channel_settings import ViberSection
from bot.errors import CustomerError, DeliveryFailed, OperatorError
from bot.messages import AttachmentKind
from connectors.messaging.events import Chat, Progressed, Said, State
from connectors.messaging.hook import Malformed
from connectors.messaging.render import Text
from connectors.viber import Viber, parse
from tests.connectors.messaging.samples import SHOWN, SPOKEN, shown, voice_note
from tests.connectors.messaging.site import ChannelSite
from tests.connectors.messaging.stand_in import Call, StandIn

TOKEN = "4453b6ac12345678-e02c5f12174805f9-daec9cbb5448c51f"
ANN = {
    "id": "01234567890A=", "name": "Ann", "avatar": "http://a.example", "country": "AT",
    "language": "de", "api_version": 10,
}  # fmt: skip
CHAT = Chat("01234567890A=", {})
SEND = "/pa/send_message"


def callback(kind: str, number: int = 1, **content: Any) -> dict[str, Any]:
    """A callback of now. Viber's tokens are numbers of 19 digits."""
    about = {"event": kind, "timestamp": int(time.time() * 1000)}
    return about | {"message_token": 4912661846655238000 + number, "chat_hostname": "x"} | content


def message(number: int, kind: str = "text", **content: Any) -> dict[str, Any]:
    return callback("message", number, sender=ANN, message={"type": kind} | content, silent=False)


def said(body: Mapping[str, Any]) -> Said:
    [found] = parse(body)
    assert isinstance(found, Said)
    return found


def signature(body: bytes, token: str = TOKEN) -> str:
    return hmac.new(token.encode(), body, hashlib.sha256).hexdigest()


class RestApi(StandIn):
    """Viber's side, as far as a conversation needs it."""

    def __init__(self) -> None:
        super().__init__()
        self._sent = 500
        self.answer("POST", SEND, self._send)
        events = {"status": 0, "status_message": "ok", "event_types": ["delivered"]}
        self.answer("POST", "/pa/set_webhook", events)
        account = {"status": 0, "status_message": "ok", "name": "Voltaro", "uri": "voltaro"}
        self.answer("POST", "/pa/get_account_info", account)

    def keep(self, name: str, data: bytes) -> str:
        """The address of a file."""
        self.answer("GET", f"/media/{name}", data)
        return f"{self.url}/media/{name}"

    def texts(self) -> list[str]:
        """What was said to customers so far."""
        return [call.json()["text"] for call in self.made(SEND)]

    def _send(self, call: Call) -> Response:
        self._sent += 1
        return JSONResponse({"status": 0, "status_message": "ok", "message_token": self._sent})


def refusal(status: int, words: str) -> Response:
    """Viber refuses with HTTP 200."""
    return JSONResponse({"status": status, "status_message": words})


@pytest.fixture
async def api() -> AsyncIterator[RestApi]:
    api = RestApi()
    async with api.serving():
        yield api


@asynccontextmanager
async def open_site(
    channels: ChannelSite, api: RestApi, **options: Any
) -> AsyncIterator[ChannelSite]:
    settings = ViberSection.model_validate({"token": TOKEN, "sender": "Voltaro", "api": api.url})
    async with channels.open({"viber": ("connectors.viber", settings)}, **options):
        yield channels


async def deliver(site: ChannelSite, body: Mapping[str, Any] | bytes) -> int:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"X-Viber-Content-Signature": signature(content)}
    return (await site.post("viber", content, headers)).status_code


class TestParsing:
    def test_words(self) -> None:
        found = said(message(1, text="Wo ist meine Bestellung?", tracking_data="t"))
        assert (found.text, found.id) == ("Wo ist meine Bestellung?", "4912661846655238001")
        address = {"user": "01234567890A=", "version": "10", "chat": ""}
        assert found.chat == Chat("01234567890A=", address, locale="de", name="Ann")

    @pytest.mark.parametrize(
        ("kind", "content", "wanted"),
        [
            ("picture", {"thumbnail": "https://t"}, AttachmentKind.IMAGE),
            ("video", {"duration": 10, "size": 10_000}, AttachmentKind.VIDEO),
            ("file", {"file_name": "a.pdf", "size": 10_000}, AttachmentKind.FILE),
            ("sticker", {"sticker_id": 46105}, AttachmentKind.IMAGE),
        ],
    )
    def test_each_kind_of_file(self, kind: str, content: Any, wanted: AttachmentKind) -> None:
        url = "https://dl-media.viber.com/x"
        [medium] = said(message(1, kind, media=url, **content)).media
        assert (medium.kind, medium.source) == (wanted, url)

    def test_a_picture_has_its_words_and_a_file_its_name(self) -> None:
        url = "https://dl-media.viber.com/x"
        assert said(message(1, "picture", media=url, text="It says this")).text == "It says this"
        [file] = said(message(1, "file", media=url, file_name="a.pdf", size=7)).media
        assert (file.name, file.size_bytes) == ("a.pdf", 7)

    def test_a_contact_is_name_and_number(self) -> None:
        contact = {"name": "Bob", "phone_number": "+43123", "avatar": "http://a"}
        assert said(message(1, "contact", contact=contact)).text == "Bob +43123"

    def test_a_place_is_its_address_and_coordinates(self) -> None:
        at = {"lat": 50.76891, "lon": 6.11499}
        assert said(message(1, "location", location=at)).text == "50.76891, 6.11499"
        named = said(message(1, "location", location=at | {"address": "Aachen"}))
        assert named.text == "Aachen (50.76891, 6.11499)"

    def test_a_link_is_its_address(self) -> None:
        found = said(message(1, "url", media="https://shop.example/7"))
        assert (found.text, found.media) == ("https://shop.example/7", ())

    @pytest.mark.parametrize("kind", ["sticker", "rich_media", "something_of_next_year"])
    def test_what_is_not_known_is_told(self, kind: str) -> None:
        assert said(message(1, kind)).unsupported == (kind,)

    def test_the_words_beside_what_is_not_known_are_kept(self) -> None:
        found = said(message(1, "poll", text="Which one?"))
        assert (found.text, found.unsupported) == ("Which one?", ("poll",))

    def test_opening_the_chat_and_subscribing_greet_once(self) -> None:
        opened = said(callback("conversation_started", 1, user=ANN, subscribed=False, type="open"))
        subscribed = said(callback("subscribed", 2, user=ANN))
        assert opened.joined
        assert subscribed.joined
        assert opened.id == subscribed.id

    def test_who_subscribes_already_is_not_greeted_again(self) -> None:
        again = callback("conversation_started", 1, user=ANN, subscribed=True, type="open")
        assert parse(again) == ()

    def test_a_link_with_words_opens_the_chat_with_them(self) -> None:
        body = callback("conversation_started", 1, user=ANN, subscribed=True, context="order-7")
        found = said(body)
        assert (found.text, found.joined, found.id) == ("order-7", True, "4912661846655238001")

    @pytest.mark.parametrize(
        ("kind", "state"),
        [("delivered", State.DELIVERED), ("seen", State.READ), ("failed", State.FAILED)],
    )
    def test_receipts_name_what_was_sent(self, kind: str, state: State) -> None:
        body = callback(kind, 1, user_id="01234567890A=", desc="failure description")
        [event] = parse(body)
        assert event == Progressed("4912661846655238001", state, "failure description")

    @pytest.mark.parametrize("kind", ["webhook", "unsubscribed", "client_status", "next_year"])
    def test_what_nobody_said_is_no_message(self, kind: str) -> None:
        assert parse(callback(kind, user_id="01234567890A=")) == ()

    def test_a_chat_is_a_conversation_of_its_own(self) -> None:
        found = said(message(1, text="hi") | {"chat_id": "c1"})
        assert (found.chat.place, found.chat.address["chat"]) == ("c1", "c1")

    @pytest.mark.parametrize(
        "broken",
        [
            {},
            {"event": "message"},
            callback("message"),
            callback("message", sender={}, message={"type": "text"}),
            callback("message", sender=ANN | {"id": ""}, message={"type": "text"}),
            callback("message", sender=ANN, message=5),
            callback("message", sender=ANN | {"api_version": "x"}, message={"type": "text"}),
            message(1, text="hi") | {"message_token": "x"},
            message(1, "location", location={"lat": "x", "lon": 1}),
            message(1, "contact"),
            message(1, "file", media="https://x", size="x"),
            callback("seen") | {"message_token": None},
            callback("subscribed"),
        ],
    )
    def test_what_makes_no_sense_is_malformed(self, broken: Any) -> None:
        with pytest.raises(Malformed):
            parse(broken)


def official(token: str = TOKEN) -> OfficialApi:
    return OfficialApi(BotConfiguration(auth_token=token, name="Voltaro", avatar=""))


class TestWebhook:
    def test_our_signatures_are_those_of_the_official_client(self) -> None:
        body = json.dumps(message(1, text="héllo 👋"), ensure_ascii=False).encode()
        assert official().verify_signature(body, signature(body))
        request = official().parse_request(body)
        assert isinstance(request, ViberMessageRequest)
        assert str(request.message_token) == said(json.loads(body)).id

    async def test_a_forged_request_changes_nothing(
        self, channels: ChannelSite, api: RestApi
    ) -> None:
        body = json.dumps(message(1, text="hi")).encode()
        wrong = ["", signature(body, "other"), signature(body + b" "), signature(body).upper()]
        async with open_site(channels, api, answers=False) as site:
            for given in wrong:
                headers = {"X-Viber-Content-Signature": given}
                assert (await site.post("viber", body, headers)).status_code == 401
            assert (await site.post("viber", body)).status_code == 401
            assert await site.nothing_was_taken()

    async def test_a_request_older_than_what_is_remembered_is_refused(
        self, channels: ChannelSite, api: RestApi
    ) -> None:
        week_ms = 7 * 24 * 3600 * 1000
        old = message(1, text="hi") | {"timestamp": int(time.time() * 1000) - week_ms - 1000}
        undated = {k: v for k, v in message(1, text="hi").items() if k != "timestamp"}
        async with open_site(channels, api, answers=False) as site:
            assert await deliver(site, old) == 401
            assert await deliver(site, undated) == 401
            assert await site.nothing_was_taken()

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"event": "message"}'])
    async def test_a_truncated_or_senseless_body_is_refused(
        self, channels: ChannelSite, api: RestApi, body: bytes
    ) -> None:
        if body.startswith(b'{"'):
            body = json.dumps(callback("message", message={})).encode()
        async with open_site(channels, api, answers=False) as site:
            assert await deliver(site, body) == 400
            assert await site.nothing_was_taken()

    async def test_the_trial_of_set_webhook_is_answered(
        self, channels: ChannelSite, api: RestApi
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            assert await deliver(site, callback("webhook")) == 200

    async def test_a_duplicate_is_taken_once(self, channels: ChannelSite, api: RestApi) -> None:
        opened = callback("conversation_started", 2, user=ANN, subscribed=False)
        bodies = [message(1, text="hi"), opened, callback("subscribed", 3, user=ANN)] * 2
        async with open_site(channels, api, answers=False) as site:
            assert await asyncio.gather(*(deliver(site, body) for body in bodies)) == [200] * 6
            taken = await site.messages("viber", CHAT)
            assert sorted((m.text, m.joined) for m in taken) == [("", True), ("hi", False)]


class TestConversation:
    async def test_words_a_recording_and_a_screenshot(
        self, channels: ChannelSite, api: RestApi
    ) -> None:
        recording, picture = api.keep("v.m4a", voice_note("audio/mp4")), api.keep("p.jpg", shown())
        async with open_site(channels, api) as site:
            await deliver(site, message(1, text="Hello *there* \\_x\\_"))
            [first] = await api.wait(SEND)
            assert first.json() == {
                "receiver": "01234567890A=",
                "min_api_version": 7,
                "sender": {"name": "Voltaro"},
                "type": "text",
                "text": "You said: Hello _there_ \u200b_\u200bx\u200b_\u200b",
            }
            assert first.headers["x-viber-auth-token"] == TOKEN

            await deliver(site, message(2, "file", media=recording, file_name="v.m4a", size=9))
            await api.wait(SEND, 2)
            assert SPOKEN.casefold() in api.texts()[1].casefold()

            await deliver(site, message(3, "picture", media=picture, text="what is this?"))
            await api.wait(SEND, 3)
            assert SHOWN in api.texts()[2]

            reply = (await site.replies("viber", CHAT))[0]
            await deliver(site, callback("seen", user_id="01234567890A=") | {"message_token": 501})
            sent = keys.sent(reply.conversation, reply.id)
            assert await site.store.run("HGET", sent, "state:0") == b"read"

    async def test_a_link_that_has_expired_is_told(
        self, channels: ChannelSite, api: RestApi
    ) -> None:
        api.answer("GET", "/media/old.jpg", lambda _: Response(status_code=403))
        async with open_site(channels, api) as site:
            picture = message(1, "picture", media=f"{api.url}/media/old.jpg", text="my invoice")
            await deliver(site, picture)
            await api.wait(SEND)
        assert "You said: my invoice" in api.texts()[0]
        assert len(api.made("/media/old.jpg")) == 1

    async def test_after_too_many_requests_viber_is_left_alone_for_a_minute(
        self, channels: ChannelSite, api: RestApi
    ) -> None:
        api.fail(SEND, refusal(12, "tooManyRequests"))
        async with open_site(channels, api, answers=False) as site:
            [viber] = site.messaging.providers
            with pytest.raises(DeliveryFailed) as failed:
                await viber.send({"user": "u", "version": "10", "chat": ""}, Text("hi"), "rep_1_0")
        assert (failed.value.permanent, failed.value.retry_after_s) == (False, 60)

    async def test_what_fails_for_the_moment_is_sent_again(
        self, channels: ChannelSite, api: RestApi
    ) -> None:
        api.fail(SEND, Response(status_code=502))
        async with open_site(channels, api) as site:
            await deliver(site, message(1, text="hi there"))
            await api.wait(SEND, 2)
        assert api.texts() == ["You said: hi there"] * 2

    async def test_who_has_left_is_not_written_to_again(
        self, channels: ChannelSite, api: RestApi
    ) -> None:
        api.fail(SEND, refusal(6, "notSubscribed"))
        async with open_site(channels, api) as site:
            await deliver(site, message(1, text="hi there"))
            await api.wait(SEND)
            await deliver(site, message(2, text="and again"))
            await api.wait(SEND, 2)
        assert api.texts() == ["You said: hi there", "You said: and again"]


@pytest.fixture
async def viber(channels: ChannelSite, api: RestApi) -> AsyncIterator[Viber]:
    async with open_site(channels, api, answers=False) as site:
        [provider] = site.messaging.providers
        assert isinstance(provider, Viber)
        yield provider


ADDRESS = {"user": "01234567890A=", "version": "10", "chat": ""}


class TestSending:
    async def test_choices_are_buttons_that_say_their_words(
        self, viber: Viber, api: RestApi
    ) -> None:
        sent = await viber.send(ADDRESS, Text("Which one?", ("Blue & <new>", "Red")), "r_0")
        assert sent == "501"
        buttons = api.made(SEND)[0].json()["keyboard"]["Buttons"]
        assert [(b["ActionBody"], b["Text"]) for b in buttons] == [
            ("Blue & <new>", "Blue &amp; &lt;new&gt;"),
            ("Red", "Red"),
        ]

    async def test_the_longest_message_is_within_viber_s_size(
        self, viber: Viber, api: RestApi
    ) -> None:
        choices = tuple("あ" * 40 for _ in range(viber.can.choices))
        await viber.send(ADDRESS, Text("あ" * viber.can.text_limit, choices), "r_0")
        assert len(api.made(SEND)[0].body) < 30_000

    async def test_an_old_app_is_not_asked_for_what_it_has_not(
        self, viber: Viber, api: RestApi
    ) -> None:
        await viber.send(ADDRESS | {"version": "6"}, Text("hi"), "r_0")
        assert api.made(SEND)[0].json()["min_api_version"] == 1

    async def test_a_page_of_a_proxy_is_no_success(self, viber: Viber, api: RestApi) -> None:
        api.fail(SEND, Response("<html>", 200))
        with pytest.raises(DeliveryFailed) as failure:
            await viber.send(ADDRESS, Text("hi"), "r_0")
        assert not failure.value.permanent

    async def test_a_chat_is_answered_where_it_asked(self, viber: Viber, api: RestApi) -> None:
        await viber.send(ADDRESS | {"chat": "c1"}, Text("hi"), "r_0")
        assert api.made(SEND)[0].json()["chat_id"] == "c1"

    @pytest.mark.parametrize(
        ("status", "words", "permanent"),
        [
            (2, "refuses the token", False),
            (3, "not valid", True),
            (5, "no Viber", True),
            (6, "does not subscribe", True),
            (9, "suspended", False),
            (10, "no webhook", False),
            (12, "too many", False),
            (14, "too old", True),
            (20, "in Viber's words", True),
            (99, "in Viber's words", False),
        ],
    )
    async def test_what_passes_is_told_from_what_does_not(
        self, viber: Viber, api: RestApi, status: int, words: str, permanent: bool
    ) -> None:
        api.fail(SEND, refusal(status, "in Viber's words"))
        with pytest.raises(DeliveryFailed, match=words) as failure:
            await viber.send(ADDRESS, Text("hi"), "r_0")
        assert failure.value.permanent is permanent
        assert TOKEN not in str(failure.value)

    @pytest.mark.parametrize(
        "source",
        [
            "https://example.com/x",
            "http://dl-media.viber.com.evil.example/x",
            "https://dl-media.viber.com@127.0.0.1/x",
            "https://dl-media.viber.com:8443/x",
            "file:///etc/passwd",
            "",
        ],
    )
    async def test_files_are_fetched_from_vibers_hosts_alone(
        self, viber: Viber, source: str
    ) -> None:
        with pytest.raises(CustomerError, match="media_gone"):
            [piece async for piece in viber.fetch(source)]


class TestOfficialClient:
    """The stand-in behaves as Viber's own client expects, and is sent the same."""

    async def test_it_sends_a_message(
        self, viber: Viber, api: RestApi, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("viberbot.api.api.VIBER_BOT_API_URL", f"{api.url}/pa")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        client = official()
        sent = await asyncio.to_thread(
            client.send_messages, ADDRESS["user"], [TextMessage(text="hi")]
        )
        assert sent == [501]
        await viber.send(ADDRESS, Text("hi"), "r_0")
        theirs, ours = (call.json() for call in api.made(SEND))
        for name in ("receiver", "type", "text"):
            assert theirs[name] == ours[name]
        assert theirs["sender"]["name"] == ours["sender"]["name"]


class TestOperator:
    async def test_the_account_is_named(self, viber: Viber) -> None:
        assert await viber.check() == "Voltaro (voltaro)"

    async def test_a_wrong_token_is_told_with_its_remedy(self, viber: Viber, api: RestApi) -> None:
        api.fail("/pa/get_account_info", refusal(2, "invalidAuthToken"))
        with pytest.raises(OperatorError, match="VIBER_TOKEN"):
            await viber.check()

    async def test_the_webhook_is_registered_without_names(
        self, viber: Viber, api: RestApi
    ) -> None:
        url = "https://desk.example/channels/viber"
        assert await viber.register(url) == f"Viber sends to {url}"
        asked = api.made("/pa/set_webhook")[0].json()
        assert (asked["url"], asked["send_name"], asked["send_photo"]) == (url, False, False)
        assert "conversation_started" in asked["event_types"]

    async def test_a_webhook_that_viber_cannot_reach_is_told(
        self, viber: Viber, api: RestApi
    ) -> None:
        api.fail("/pa/set_webhook", refusal(1, "invalidUrl"))
        with pytest.raises(OperatorError, match="invalidUrl") as problem:
            await viber.register("https://desk.example/channels/viber")
        assert "certificate" in problem.value.remedy

    @pytest.mark.parametrize("wrong", [{"sender": ""}, {"sender": "x" * 29}, {"token": " "}])
    def test_settings_that_cannot_be_right_are_refused(self, wrong: Mapping[str, str]) -> None:
        with pytest.raises(ValueError, match=next(iter(wrong))):
            ViberSection.model_validate({"token": TOKEN, "sender": "Voltaro"} | wrong)
