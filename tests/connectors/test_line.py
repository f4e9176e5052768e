"""LINE: what its webhooks tell, what is replied and pushed, and who may speak for it."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from linebot.v3 import SignatureValidator, WebhookParser
from linebot.v3.messaging import (
    ApiException,
    AsyncApiClient,
    AsyncMessagingApi,
    Configuration,
    PushMessageRequest,
    ReplyMessageRequest,
    TextMessage,
)
from starlette.responses import JSONResponse, Response

from bot.channel_settings import LineSection
from bot.errors import CustomerError, DeliveryFailed, OperatorError
from bot.messages import Attachment, AttachmentId, AttachmentKind
from connectors.line import Line, parse
from connectors.messaging.events import Chat, Event, Said, Withdrawn
from connectors.messaging.hook import Malformed
from connectors.messaging.render import Text, Voice
from tests.connectors.messaging.samples import SHOWN, SPOKEN, shown, voice_note
from tests.connectors.messaging.site import ChannelSite
from tests.connectors.messaging.stand_in import Call, StandIn, never_ending

TOKEN = "a-channel-access-token"
SECRET = "a-channel-secret"
ANN = "U206d25c2ea6bd87c17655609a1c37cb8"
GROUP = "Ca56f94637cc4347f90a25382909b24b9"
ROOM = "Ra8dbf4673c4c812cd491258042226c99"
CHAT = Chat(ANN, {})
ACCOUNT = {
    "userId": "U" + "0" * 32, "basicId": "@voltaro", "displayName": "Voltaro",
    "chatMode": "bot", "markAsReadMode": "auto",
}  # fmt: skip
REPLY, PUSH = "/v2/bot/message/reply", "/v2/bot/message/push"
TYPING = "/v2/bot/chat/loading/start"


def happened(kind: str, number: int = 1, **content: Any) -> dict[str, Any]:
    """An event of now."""
    return {
        "type": kind,
        "mode": "active",
        "timestamp": int(time.time() * 1000),
        "source": {"type": "user", "userId": ANN},
        "webhookEventId": f"01EVENT{number}",
        "deliveryContext": {"isRedelivery": False},
        "replyToken": f"reply-{number}",
    } | content


def message(number: int, kind: str = "text", **content: Any) -> dict[str, Any]:
    about = {"id": str(number), "type": kind, "quoteToken": "q"} | content
    return happened("message", number, message=about)


def text(number: int, words: str, **content: Any) -> dict[str, Any]:
    return message(number, text=words, **content)


def in_group(event: dict[str, Any], **source: Any) -> dict[str, Any]:
    return event | {"source": {"type": "group", "groupId": GROUP, "userId": ANN} | source}


def webhook(*events: Mapping[str, Any]) -> dict[str, Any]:
    return {"destination": "U" + "0" * 32, "events": list(events)}


def parsed(event: Mapping[str, Any], everything: bool = True) -> tuple[Event, ...]:
    return parse(webhook(event), 1_000.0, everything=everything)


def said(event: Mapping[str, Any]) -> Said:
    [found] = parsed(event)
    assert isinstance(found, Said)
    return found


def signature(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


class MessagingApi(StandIn):
    """LINE's side, as far as a conversation needs it: a reply token is good once, a retry key too;
    for those of unknown webhooks a reply token is not good at all."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: set[str] = set()
        self._keys: dict[str, str] = {}
        self._sent = 500
        self.answer("POST", REPLY, self._reply)
        self.answer("POST", PUSH, self._push)
        self.answer("POST", TYPING, lambda _: JSONResponse({}, 202))
        self.answer("GET", "/v2/bot/info", ACCOUNT)
        self.answer("PUT", "/v2/bot/channel/webhook/endpoint", {})
        self.answer("GET", "/v2/bot/channel/webhook/endpoint", {"endpoint": "x", "active": True})
        self.answer("POST", "/v2/bot/channel/webhook/test", {"success": True, "statusCode": 200})

    @staticmethod
    def content(number: int) -> str:
        return f"/v2/bot/message/{number}/content"

    def keep(self, number: int, data: bytes) -> None:
        self.answer("GET", self.content(number), data)

    def texts(self) -> list[str]:
        """What was said to customers so far, replied or pushed."""
        calls = [call for call in self.calls if call.path in (REPLY, PUSH)]
        return [m["text"] for c in calls for m in c.json()["messages"] if m["type"] == "text"]

    def _new(self) -> dict[str, Any]:
        self._sent += 1
        return {"sentMessages": [{"id": str(self._sent), "quoteToken": "q"}]}

    def _reply(self, call: Call) -> Response:
        token = call.json()["replyToken"]
        if token not in self.tokens:
            return refusal(400, "Invalid reply token")
        self.tokens.discard(token)
        return JSONResponse(self._new())

    def _push(self, call: Call) -> Response:
        key = call.headers.get("x-line-retry-key", "")
        if key in self._keys:
            sent = {"sentMessages": [{"id": self._keys[key]}]}
            told = {"message": "The retry key is already accepted"} | sent
            return JSONResponse(told, 409, {"x-line-accepted-request-id": "r1"})
        found = self._new()
        self._keys[key] = found["sentMessages"][0]["id"]
        return JSONResponse(found)


def refusal(status: int, words: str, *details: str) -> Response:
    more = {"details": [{"message": detail} for detail in details]} if details else {}
    return JSONResponse({"message": words} | more, status)


@pytest.fixture
async def api() -> AsyncIterator[MessagingApi]:
    api = MessagingApi()
    async with api.serving():
        yield api


@asynccontextmanager
async def open_site(
    channels: ChannelSite, api: MessagingApi, *, groups: str = "mentions", **options: Any
) -> AsyncIterator[ChannelSite]:
    settings = LineSection.model_validate(
        {"token": TOKEN, "secret": SECRET, "api": api.url, "groups": groups}
    )
    async with channels.open({"line": ("connectors.line", settings)}, **options):
        yield channels


async def deliver(site: ChannelSite, api: MessagingApi, *events: Mapping[str, Any]) -> int:
    api.tokens.update(event["replyToken"] for event in events if "replyToken" in event)
    body = json.dumps(webhook(*events)).encode()
    return (await site.post("line", body, {"X-Line-Signature": signature(body)})).status_code


class TestParsing:
    def test_words(self) -> None:
        found = said(text(325708, "Where is my order?"))
        assert (found.text, found.id) == ("Where is my order?", "325708")
        address = {"to": ANN, "reply": "reply-325708", "at": "1000"}
        assert found.chat == Chat(ANN, address)

    def test_a_message_keeps_its_id_when_it_is_delivered_again(self) -> None:
        again = text(1, "hi") | {"webhookEventId": "02", "deliveryContext": {"isRedelivery": True}}
        assert said(again).id == said(text(1, "hi")).id

    @pytest.mark.parametrize(
        ("kind", "content", "wanted"),
        [
            ("image", {"contentProvider": {"type": "line"}}, AttachmentKind.IMAGE),
            ("video", {"contentProvider": {"type": "line"}}, AttachmentKind.VIDEO),
            ("audio", {"contentProvider": {"type": "line"}}, AttachmentKind.AUDIO),
            ("file", {"fileName": "a.pdf", "fileSize": 2138}, AttachmentKind.FILE),
        ],
    )
    def test_each_kind_of_file(self, kind: str, content: Any, wanted: AttachmentKind) -> None:
        [medium] = said(message(7, kind, **content)).media
        assert (medium.kind, medium.source) == (wanted, "7")

    def test_a_recording_has_its_length_and_a_file_its_name(self) -> None:
        [voice] = said(message(7, "audio", duration=1500)).media
        assert voice.duration_s == 1.5
        [file] = said(message(8, "file", fileName="a.pdf", fileSize=2138)).media
        assert (file.name, file.size_bytes) == ("a.pdf", 2138)

    @pytest.mark.parametrize("kind", ["image", "video", "audio"])
    def test_what_lies_elsewhere_is_not_fetched_and_told(self, kind: str) -> None:
        provider = {"type": "external", "originalContentUrl": "https://127.0.0.1/secret"}
        found = said(message(7, kind, contentProvider=provider))
        assert (found.media, found.unsupported) == ((), (f"external {kind}",))

    def test_the_pictures_of_an_album_are_messages_of_their_own(self) -> None:
        album = [
            said(message(n, "image", imageSet={"id": "E1", "index": n, "total": 2})) for n in (1, 2)
        ]
        assert [found.id for found in album] == ["1", "2"]

    @pytest.mark.parametrize(
        ("sticker", "words"),
        [
            ({"keywords": ["Love You", "Love", "heart", "hug"]}, "Love You, Love, heart"),
            ({"keywords": ["x"], "text": "Thanks a lot"}, "Thanks a lot"),
        ],
    )
    def test_a_sticker_says_what_is_on_it(self, sticker: Any, words: str) -> None:
        assert said(message(1, "sticker", packageId="1", stickerId="1", **sticker)).text == words

    def test_a_sticker_that_says_nothing_is_told(self) -> None:
        found = said(message(1, "sticker", packageId="1", stickerId="1"))
        assert found.unsupported == ("sticker",)

    def test_a_place_is_its_name_and_coordinates(self) -> None:
        place = {"latitude": 35.659108, "longitude": 139.703728}
        named = said(message(1, "location", title="Shop", address="Tokyo", **place))
        assert named.text == "Shop, Tokyo (35.65911, 139.70373)"
        assert said(message(1, "location", **place)).text == "35.65911, 139.70373"

    def test_what_is_not_known_is_told(self) -> None:
        assert said(message(1, "poll_of_next_year")).unsupported == ("poll_of_next_year",)

    def test_following_greets(self) -> None:
        assert said(happened("follow", follow={"isUnblocked": False})).joined

    def test_a_button_of_the_operators_says_its_data_and_what_was_chosen(self) -> None:
        plain = said(happened("postback", postback={"data": "Where is it?"}))
        assert (plain.text, plain.id) == ("Where is it?", "01EVENT1")
        chosen = {"data": "Deliver on", "params": {"date": "2026-12-01"}}
        assert said(happened("postback", postback=chosen)).text == "Deliver on 2026-12-01"

    def test_turning_a_page_of_the_menu_says_nothing(self) -> None:
        page = {"data": "page 2", "params": {"newRichMenuAliasId": "b", "status": "SUCCESS"}}
        assert parsed(happened("postback", postback=page)) == ()

    def test_an_edit_replaces_its_message_each_time(self) -> None:
        about = {"id": "5", "type": "text", "text": "B, sorry"}
        edits = [happened("messageEdited", message=about, timestamp=at) for at in (100, 200)]
        found = [said(edit) for edit in edits]
        assert [(f.id, f.replaces, f.text) for f in found] == [
            ("5:100", "5", "B, sorry"),
            ("5:200", "5", "B, sorry"),
        ]

    def test_an_unsent_message_is_withdrawn(self) -> None:
        [event] = parsed(happened("unsend", unsend={"messageId": "5"}))
        assert isinstance(event, Withdrawn)
        assert (event.id, event.chat.user) == ("5", ANN)

    @pytest.mark.parametrize(
        "kind",
        [
            *("unfollow", "leave", "memberJoined", "memberLeft", "beacon", "accountLink"),
            *("videoPlayComplete", "membership", "delivery", "botSuspended", "undefined"),
        ],
    )
    def test_what_nobody_said_is_no_message(self, kind: str) -> None:
        assert parsed(happened(kind)) == ()

    def test_on_standby_another_answers(self) -> None:
        assert parsed(text(1, "hi") | {"mode": "standby"}) == ()

    @pytest.mark.parametrize(
        "broken",
        [
            {},
            {"events": 5},
            {"events": [7]},
            {"events": [{}]},
            webhook(happened("message")),
            webhook(message(1, "image") | {"source": {"type": "user"}}),
            webhook(message(1, "image") | {"source": 5}),
            webhook(message(1, "image") | {"message": {"id": "../x", "type": "image"}}),
            webhook(message(1, "location", latitude="x", longitude=1)),
            webhook(text(1, "@x", mention={"mentionees": [{"isSelf": True}]})),
            webhook(happened("unsend", unsend={})),
        ],
    )
    def test_what_makes_no_sense_is_malformed(self, broken: Any) -> None:
        with pytest.raises(Malformed):
            parse(broken, 0.0)

    def test_every_event_of_the_official_sample(self, shared_data: Path) -> None:
        file = shared_data / "webhooks" / "line" / "webhook.json"
        events = json.loads(file.read_text("utf-8"))["events"]
        assert len(events) == 28
        told = [_in_short(parsed(event)) for event in events]
        assert told == [
            "Hello, world",
            "external image", "external video", "external audio",
            "my location, Tokyo (35.65911, 139.70373)",
            "Just sticker",
            "joined", "", "joined", "",
            "action=buyItem&itemId=123123&color=red 2017-12-25T01:00",
            "", "", "",
            "Hello, world", "Hello, world",
            "action=buyItem&itemId=123123&color=red 2013-04-01",
            "action=buyItem&itemId=123123&color=red 10:00",
            "action=buyItem&itemId=123123&color=red 2013-04-01T10:00",
            "", "",
            "file 325708",
            "withdrawn 325708",
            "",
            "image 354718705033693861",
            "Hello, world",
            "325708 → Hello, edited world",
            "",
        ]  # fmt: skip


def _in_short(events: tuple[Event, ...]) -> str:
    if not events:
        return ""
    [event] = events
    if isinstance(event, Withdrawn):
        return f"withdrawn {event.id}"
    assert isinstance(event, Said)
    media = [f"{medium.kind} {medium.source}" for medium in event.media]
    words = "".join([*event.unsupported, *media, event.text, "joined" if event.joined else ""])
    return f"{event.replaces} → {words}" if event.replaces else words


class TestGroups:
    def test_each_group_room_and_person_is_a_conversation(self) -> None:
        group = said(in_group(text(1, "hi")))
        assert (group.chat.user, group.chat.place) == (ANN, GROUP)
        assert group.chat.address["to"] == GROUP
        room = text(1, "hi") | {"source": {"type": "room", "roomId": ROOM, "userId": ANN}}
        assert said(room).chat.place == ROOM

    def test_people_without_an_id_are_one_customer(self) -> None:
        event = text(1, "hi") | {"source": {"type": "group", "groupId": GROUP}}
        assert said(event).chat.user == GROUP

    def test_only_what_mentions_the_account_is_for_it(self) -> None:
        assert parsed(in_group(text(1, "lunch?")), everything=False) == ()
        other = {"mentionees": [{"index": 0, "length": 4, "type": "user", "userId": "U2"}]}
        assert parsed(in_group(text(1, "@Bob?", mention=other)), everything=False) == ()
        own = {"mentionees": [{"index": 0, "length": 5, "type": "user", "isSelf": True}]}
        [event] = parsed(in_group(text(1, "@Shop where is it?", mention=own)), everything=False)
        assert isinstance(event, Said)
        assert event.text == "where is it?"

    def test_a_mention_is_cut_out_in_utf_16_units(self) -> None:
        own = {"mentionees": [{"index": 3, "length": 5, "type": "user", "isSelf": True}]}
        assert said(in_group(text(1, "👋 @Shop hi", mention=own))).text == "👋  hi"

    def test_a_mention_that_does_not_fit_its_words_leaves_them(self) -> None:
        own = {"mentionees": [{"index": 2, "length": 90, "type": "user", "isSelf": True}]}
        assert said(in_group(text(1, "hi @Shop", mention=own))).text == "hi @Shop"

    def test_calling_the_account_without_a_word_greets(self) -> None:
        own = {"mentionees": [{"index": 0, "length": 5, "type": "user", "isSelf": True}]}
        found = said(in_group(text(1, "@Shop", mention=own)))
        assert found.joined
        assert found.unsupported == ()

    def test_being_invited_greets_the_group(self) -> None:
        event = happened("join") | {"source": {"type": "group", "groupId": GROUP}}
        found = said(event)
        assert (found.joined, found.chat.place) == (True, GROUP)


class TestWebhook:
    def test_our_signatures_are_those_of_the_official_client(self) -> None:
        body = json.dumps(webhook(text(1, "héllo 👋")), ensure_ascii=False)
        given = signature(body.encode())
        assert SignatureValidator(SECRET).validate(body, given)
        [event] = WebhookParser(SECRET).parse(body, given)
        assert event.message.text == said(text(1, "héllo 👋")).text

    async def test_a_forged_request_changes_nothing(
        self, channels: ChannelSite, api: MessagingApi
    ) -> None:
        body = json.dumps(webhook(text(1, "hi"))).encode()
        wrong = [
            {},
            {"X-Line-Signature": ""},
            {"X-Line-Signature": signature(body, "another-secret")},
            {"X-Line-Signature": signature(body + b" ")},
            {"X-Line-Signature": "é"},
        ]
        async with open_site(channels, api, answers=False) as site:
            for headers in wrong:
                given = {k: v.encode("latin-1") for k, v in headers.items()}
                assert (await site.post("line", body, given)).status_code == 401
            assert await site.nothing_was_taken()

    async def test_a_request_older_than_what_is_remembered_is_refused(
        self, channels: ChannelSite, api: MessagingApi
    ) -> None:
        week = 7 * 24 * 3600 * 1000
        old = text(1, "hi") | {"timestamp": int(time.time() * 1000) - week - 1000}
        async with open_site(channels, api, answers=False) as site:
            assert await deliver(site, api, old) == 401
            assert await site.nothing_was_taken()

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"events": [{}]}'])
    async def test_a_truncated_or_senseless_body_is_refused(
        self, channels: ChannelSite, api: MessagingApi, body: bytes
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            answer = await site.post("line", body, {"X-Line-Signature": signature(body)})
            assert answer.status_code == 400
            assert await site.nothing_was_taken()

    async def test_the_consoles_trial_is_answered(
        self, channels: ChannelSite, api: MessagingApi
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            assert await deliver(site, api) == 200

    async def test_a_duplicate_is_taken_once(
        self, channels: ChannelSite, api: MessagingApi
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            twice = [deliver(site, api, text(1, "hi"), text(2, "there")) for _ in range(3)]
            assert await asyncio.gather(*twice) == [200, 200, 200]
            assert len(await site.messages("line", CHAT)) == 2

    async def test_what_is_unsent_before_it_comes_is_not_taken(
        self, channels: ChannelSite, api: MessagingApi
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            await deliver(site, api, happened("unsend", unsend={"messageId": "1"}))
            await deliver(site, api, text(1, "never mind"), text(2, "hello"))
            assert [m.text for m in await site.messages("line", CHAT)] == ["hello"]


class TestConversation:
    async def test_words_a_voice_note_and_a_screenshot(
        self, channels: ChannelSite, api: MessagingApi
    ) -> None:
        api.keep(2, voice_note("audio/mp4"))
        api.keep(3, shown())
        async with open_site(channels, api) as site:
            await deliver(site, api, text(1, "Hello *there*"))
            [first] = await api.wait(REPLY)
            assert first.json() == {
                "replyToken": "reply-1",
                "messages": [{"type": "text", "text": "You said: Hello there"}],
            }
            assert first.headers["authorization"] == f"Bearer {TOKEN}"

            await deliver(site, api, message(2, "audio", duration=1500))
            [pushed] = await api.wait(PUSH)
            [spoken] = pushed.json()["messages"]
            assert spoken["type"] == "audio"
            assert spoken["originalContentUrl"].startswith("https://desk.example/channels/media/")
            assert spoken["duration"] > 500
            assert SPOKEN.casefold() in api.texts()[-1].casefold()
            assert api.made(api.content(2))[0].headers["authorization"] == f"Bearer {TOKEN}"

            await deliver(site, api, message(3, "image"), text(4, "what is this?"))
            last = (await api.wait(REPLY, 3))[-1]
            assert last.json()["replyToken"] == "reply-4"
            assert SHOWN in api.texts()[-1]

    async def test_what_is_still_being_prepared_is_asked_for_again(
        self, channels: ChannelSite, api: MessagingApi
    ) -> None:
        api.keep(1, shown())
        api.fail(api.content(1), Response(status_code=202))
        async with open_site(channels, api) as site:
            await deliver(site, api, message(1, "image"))
            await api.wait(REPLY)
        assert SHOWN in api.texts()[0]
        assert len(api.made(api.content(1))) == 2

    async def test_a_file_that_stops_coming_is_fetched_again(
        self, channels: ChannelSite, api: MessagingApi, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("connectors.messaging.downloader.SILENT_S", 0.2)
        more = asyncio.Event()
        api.keep(1, shown())
        api.fail(api.content(1), never_ending(shown()[:100], more))
        async with open_site(channels, api) as site:
            await deliver(site, api, message(1, "image"))
            await api.wait(REPLY)
            more.set()
        assert SHOWN in api.texts()[0]

    async def test_a_file_that_is_gone_is_told(
        self, channels: ChannelSite, api: MessagingApi
    ) -> None:
        async with open_site(channels, api) as site:
            await deliver(site, api, message(1, "file", fileName="a.pdf"), text(2, "my invoice"))
            [answer] = await api.wait(REPLY)
        assert "You said: my invoice" in answer.json()["messages"][0]["text"]
        assert len(api.made(api.content(1))) == 1

    async def test_a_correction_is_answered_with_the_words_it_corrects_gone(
        self, channels: ChannelSite, api: MessagingApi
    ) -> None:
        about = {"id": "1", "type": "text"}
        edits = [
            happened("messageEdited", n, message=about | {"text": f"order {n}?"}, timestamp=at)
            for n, at in ((2, time.time() * 1000), (3, time.time() * 1000 + 1))
        ]
        async with open_site(channels, api, answers=False) as site:
            await deliver(site, api, text(1, "order 1?"), *edits)
        async with open_site(channels, api):
            await api.wait(REPLY)
        assert api.texts() == ["You said: order 3?"]

    async def test_a_group_is_answered_where_it_asked(
        self, channels: ChannelSite, api: MessagingApi
    ) -> None:
        own = {"mentionees": [{"index": 0, "length": 5, "type": "user", "isSelf": True}]}
        api.fail(REPLY, refusal(400, "Invalid reply token"))
        async with open_site(channels, api) as site:
            await deliver(site, api, in_group(text(1, "lunch?")))
            await deliver(site, api, in_group(text(2, "@Shop open?", mention=own)))
            [answer] = await api.wait(PUSH)
        assert answer.json()["to"] == GROUP
        assert api.texts()[-1] == "You said: open?"


@pytest.fixture
async def line(channels: ChannelSite, api: MessagingApi) -> AsyncIterator[Line]:
    async with open_site(channels, api, answers=False) as site:
        [provider] = site.messaging.providers
        assert isinstance(provider, Line)
        yield provider


def address(token: str = "", age_s: float = 0) -> dict[str, str]:
    reply = {"reply": token, "at": f"{time.time() - age_s:.0f}"} if token else {}
    return {"to": ANN} | reply


class TestSending:
    async def test_the_first_part_is_a_reply_and_the_next_ones_are_pushed(
        self, line: Line, api: MessagingApi
    ) -> None:
        api.tokens.add("t")
        assert await line.send(address("t"), Text("one"), "r_0") == "501"
        assert await line.send(address("t"), Text("two"), "r_1") == "502"
        assert [c.path for c in api.calls] == [REPLY, PUSH]

    async def test_an_old_reply_token_is_not_tried(self, line: Line, api: MessagingApi) -> None:
        api.tokens.add("t")
        await line.send(address("t", age_s=55), Text("hi"), "r_0")
        assert [c.path for c in api.calls] == [PUSH]

    async def test_a_refused_reply_token_falls_back_to_a_push(
        self, line: Line, api: MessagingApi
    ) -> None:
        assert await line.send(address("used-before-a-restart"), Text("hi"), "r_0") == "501"
        assert [c.path for c in api.calls] == [REPLY, PUSH]

    async def test_a_reply_whose_answer_was_lost_is_not_sent_twice(
        self, line: Line, api: MessagingApi
    ) -> None:
        api.fail(REPLY, Response(status_code=500))
        with pytest.raises(DeliveryFailed) as lost:
            await line.send(address("t"), Text("hi"), "r_0")
        assert not lost.value.permanent
        assert await line.send(address("t"), Text("hi"), "r_0") == ""
        assert api.made(PUSH) == []

    async def test_a_reply_that_was_surely_not_taken_is_sent_all_the_same(
        self, line: Line, api: MessagingApi
    ) -> None:
        api.fail(REPLY, refusal(429, "too many"))
        with pytest.raises(DeliveryFailed, match="too many"):
            await line.send(address("t"), Text("hi"), "r_0")
        assert await line.send(address("t"), Text("hi"), "r_0") == "501"
        assert len(api.made(PUSH)) == 1

    async def test_a_push_is_sent_once_whatever_becomes_of_its_answer(
        self, line: Line, api: MessagingApi
    ) -> None:
        first = await line.send(address(), Text("hi"), "r_0")
        again = await line.send(address(), Text("hi"), "r_0")
        other = await line.send(address(), Text("hi"), "r_1")
        assert first == again != other
        keys = [call.headers["x-line-retry-key"] for call in api.made(PUSH)]
        assert keys[0] == keys[1] == str(uuid.UUID(keys[0]))

    async def test_a_chat_is_shown_that_an_answer_is_made_and_a_group_is_not(
        self, line: Line, api: MessagingApi
    ) -> None:
        await line.type({"to": GROUP})
        await line.type({"to": ROOM})
        await line.type({"to": ANN})
        [call] = api.made(TYPING)
        assert call.json() == {"chatId": ANN, "loadingSeconds": 20}

    async def test_choices_are_quick_replies(self, line: Line, api: MessagingApi) -> None:
        await line.send(address(), Text("Which one?", ("The blue", "The red")), "r_0")
        [sent] = api.made(PUSH)[0].json()["messages"]
        actions = [item["action"] for item in sent["quickReply"]["items"]]
        assert actions[1] == {"type": "message", "label": "The red", "text": "The red"}

    async def test_a_recording_is_fetched_by_line(self, line: Line, api: MessagingApi) -> None:
        spoken = Attachment(
            AttachmentId("att_12345678"), AttachmentKind.AUDIO, "audio/mp4", 9, duration_s=1.25
        )
        await line.send(address(), Voice(spoken), "r_1")
        [sent] = api.made(PUSH)[0].json()["messages"]
        assert sent["duration"] == 1250
        assert sent["originalContentUrl"].startswith("https://")

    async def test_a_used_up_month_is_permanent_and_told_in_words(
        self, line: Line, api: MessagingApi
    ) -> None:
        api.fail(PUSH, refusal(429, "You have reached your monthly limit."))
        with pytest.raises(DeliveryFailed, match="messages of this month") as failure:
            await line.send(address(), Text("hi"), "r_0")
        assert failure.value.permanent

    async def test_too_many_requests_pass(self, line: Line, api: MessagingApi) -> None:
        wait = JSONResponse({"message": "rate"}, 429, {"retry-after": "7"})
        api.fail(PUSH, wait)
        with pytest.raises(DeliveryFailed) as failure:
            await line.send(address(), Text("hi"), "r_0")
        assert (failure.value.permanent, failure.value.retry_after_s) == (False, 7)

    async def test_a_refused_message_is_permanent_and_a_refused_token_is_not(
        self, line: Line, api: MessagingApi
    ) -> None:
        api.fail(PUSH, refusal(400, "Invalid body", "May not be empty"))
        api.fail(PUSH, refusal(401, "Authentication failed"))
        with pytest.raises(DeliveryFailed, match="May not be empty") as failure:
            await line.send(address(), Text("hi"), "r_0")
        assert failure.value.permanent
        with pytest.raises(DeliveryFailed, match="refuses the token") as failure:
            await line.send(address(), Text("hi"), "r_0")
        assert not failure.value.permanent
        assert TOKEN not in str(failure.value)

    @pytest.mark.parametrize("source", ["https://example.com/x", "../info", "7/../../info", ""])
    async def test_only_content_of_lines_own_is_fetched(
        self, line: Line, api: MessagingApi, source: str
    ) -> None:
        with pytest.raises(CustomerError, match="media_gone"):
            [piece async for piece in line.fetch(source)]
        assert api.calls == []


class TestOfficialClient:
    """The stand-in behaves as LINE's own client expects."""

    async def test_it_replies_once_and_pushes_once(self, api: MessagingApi) -> None:
        api.tokens.add("t")
        configuration = Configuration(host=api.url, access_token=TOKEN)
        async with AsyncApiClient(configuration) as client:
            official = AsyncMessagingApi(client)
            reply = ReplyMessageRequest(reply_token="t", messages=[TextMessage(text="hi")])
            sent = await official.reply_message(reply)
            assert sent.sent_messages[0].id == "501"
            with pytest.raises(ApiException) as used:
                await official.reply_message(reply)
            push = PushMessageRequest(to=ANN, messages=[TextMessage(text="hi")])
            key = str(uuid.uuid4())
            await official.push_message(push, x_line_retry_key=key)
            with pytest.raises(ApiException) as accepted:
                await official.push_message(push, x_line_retry_key=key)
            assert (await official.get_bot_info()).display_name == "Voltaro"
        assert (used.value.status, accepted.value.status) == (400, 409)
        shapes = [call.json()["messages"] for call in (api.made(REPLY)[0], api.made(PUSH)[0])]
        assert shapes == [[{"type": "text", "text": "hi"}]] * 2


class TestOperator:
    async def test_the_account_is_named(self, line: Line) -> None:
        assert await line.check() == "Voltaro (@voltaro)"

    async def test_a_wrong_token_is_told_with_its_remedy(
        self, line: Line, api: MessagingApi
    ) -> None:
        api.fail("/v2/bot/info", refusal(401, "Authentication failed"))
        with pytest.raises(OperatorError, match="LINE_TOKEN"):
            await line.check()

    async def test_the_webhook_is_registered_and_tried(self, line: Line, api: MessagingApi) -> None:
        url = "https://desk.example/channels/line"
        assert await line.register(url) == f"LINE sends to {url}"
        calls = [(call.method, call.path) for call in api.calls]
        assert calls == [
            ("PUT", "/v2/bot/channel/webhook/endpoint"),
            ("GET", "/v2/bot/channel/webhook/endpoint"),
            ("POST", "/v2/bot/channel/webhook/test"),
        ]
        assert api.calls[0].json() == {"endpoint": url}

    async def test_what_is_left_to_do_by_hand_is_told(self, line: Line, api: MessagingApi) -> None:
        endpoint, trial = "/v2/bot/channel/webhook/endpoint", "/v2/bot/channel/webhook/test"
        api.answer("GET", endpoint, {"active": False})
        assert "Use webhook" in await line.register("https://desk.example/channels/line")
        api.answer("GET", endpoint, {"active": True})
        api.answer("POST", trial, {"success": False, "reason": "COULD_NOT_CONNECT", "detail": "d"})
        assert "COULD_NOT_CONNECT" in await line.register("https://desk.example/channels/line")

    async def test_an_address_that_line_refuses_is_an_error(
        self, line: Line, api: MessagingApi
    ) -> None:
        api.fail("/v2/bot/channel/webhook/endpoint", refusal(400, "Invalid webhook endpoint URL"))
        with pytest.raises(OperatorError, match="Invalid webhook endpoint"):
            await line.register("http://desk.example/channels/line")
