"""Messenger: what the Messenger Platform sends for a Page, what it is sent, and who may speak for
it. What Instagram has of its own is in `test_instagram.py`."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pywa.utils import webhook_updates_validator
from starlette.responses import Response

from bot.channel_settings import MessengerSection
from bot.errors import CustomerError, DeliveryFailed, OperatorError
from bot.messages import AttachmentKind, ChannelName
from connectors.messaging.events import Chat, Event, Progressed, Reacted, Said, State
from connectors.messaging.hook import Malformed
from connectors.messaging.messenger_platform import parse
from connectors.messaging.meta import OPERATORS_PAUSE_S
from connectors.messaging.render import Text
from tests.builders import EchoPolicy
from tests.connectors.messaging.graph import (
    CREDENTIALS,
    SECRET,
    VERIFY,
    VERSION,
    GraphApi,
    broken_somewhere,
    deliver,
    now_s,
    refusal,
    shake,
    signature,
)
from tests.connectors.messaging.samples import SHOWN, SPOKEN, shown, voice_note
from tests.connectors.messaging.site import ChannelSite

PAGE = "1906385232743451"
ANN = "5912016192179481"
CHAT = Chat(ANN, {"to": ANN})
CHANNEL = ChannelName("messenger")
CDN = "https://scontent.xx.fbcdn.net/v/t1.15752-9/1_n.jpg?oe=6A"


def webhook(*items: dict[str, Any], page: str = PAGE, under: str = "messaging") -> dict[str, Any]:
    return {"object": "page", "entry": [{"id": page, "time": now_s() * 1000, under: list(items)}]}


def event(sender: str = ANN, age_s: int = 0, **content: Any) -> dict[str, Any]:
    moment = (now_s() - age_s) * 1000
    return {"sender": {"id": sender}, "recipient": {"id": PAGE}, "timestamp": moment} | content


def text(number: int, words: str, **beside: Any) -> dict[str, Any]:
    return webhook(event(message={"mid": f"m_{number}", "text": words} | beside))


def read(*items: dict[str, Any]) -> tuple[Event, ...]:
    return parse(webhook(*items), PAGE, CHANNEL)


def said(**message: Any) -> Said:
    [found] = read(event(message={"mid": "m_1"} | message))
    assert isinstance(found, Said)
    return found


def attached(*attachments: dict[str, Any], **message: Any) -> Said:
    return said(attachments=list(attachments), **message)


class SendApi(GraphApi):
    def __init__(self) -> None:
        super().__init__("me/messages")
        self.answer("GET", f"{VERSION}/me", {"id": PAGE, "name": "Voltaro"})
        for name in ("me/subscribed_apps", "me/messenger_profile"):
            self.answer("POST", f"{VERSION}/{name}", {"success": True})


@pytest.fixture
async def api() -> AsyncIterator[SendApi]:
    api = SendApi()
    async with api.serving():
        yield api


@asynccontextmanager
async def open_site(
    channels: ChannelSite, api: SendApi, *, app: str = "", page: str = PAGE, **options: Any
) -> AsyncIterator[ChannelSite]:
    section = MessengerSection(**CREDENTIALS, page=page, app=app, api=f"{api.url}{VERSION}")
    async with channels.open({"messenger": ("connectors.messenger", section)}, **options):
        yield channels


class TestParsing:
    def test_words(self) -> None:
        found = said(text="Where is my order?")
        assert (found.text, found.id, found.chat) == ("Where is my order?", "m_1", CHAT)

    def test_a_quick_reply_says_its_words(self) -> None:
        assert said(text="Yes", quick_reply={"payload": "p"}).text == "Yes"

    def test_a_reply_has_no_words_of_what_it_answers(self) -> None:
        found = said(text="B", reply_to={"mid": "m_0", "is_self_reply": False})
        assert (found.text, found.quote) == ("B", "")

    def test_a_question_about_an_advertisement_says_which(self) -> None:
        referral = {"source": "ADS", "type": "OPEN_THREAD", "ads_context_data": {"ad_title": "20%"}}
        assert said(text="How?", referral=referral).quote == "20%"

    @pytest.mark.parametrize(
        ("kind", "attachment"),
        [
            ("image", AttachmentKind.IMAGE),
            ("audio", AttachmentKind.AUDIO),
            ("video", AttachmentKind.VIDEO),
            ("reel", AttachmentKind.VIDEO),
            ("file", AttachmentKind.FILE),
            ("sticker", AttachmentKind.IMAGE),
        ],
    )
    def test_each_kind_of_file(self, kind: str, attachment: AttachmentKind) -> None:
        [medium] = attached({"type": kind, "payload": {"url": CDN}}).media
        assert (medium.kind, medium.source) == (attachment, CDN)

    def test_several_pictures_are_one_message(self) -> None:
        pictures = [{"type": "image", "payload": {"url": f"{CDN}{number}"}} for number in range(3)]
        found = attached(*pictures, text="these")
        assert (len(found.media), found.text) == (3, "these")

    def test_a_sticker_that_comes_twice_is_taken_once(self) -> None:
        payload = {"url": CDN, "sticker_id": 88}
        found = attached(
            {"type": "sticker", "payload": payload}, {"type": "image", "payload": payload}
        )
        assert len(found.media) == 1

    def test_the_thumb_is_a_thumb(self) -> None:
        payload = {"url": CDN, "sticker_id": 369239263222822}
        found = attached(
            {"type": "image", "payload": payload}, {"type": "sticker", "payload": payload}
        )
        assert (found.text, found.media) == ("👍", ())

    def test_a_place_becomes_words(self) -> None:
        payload = {"coordinates": {"lat": 59.91, "long": 10.75}}
        found = attached({"type": "location", "title": "Ann's place", "payload": payload})
        assert found.text == "Ann's place (59.91000, 10.75000)"

    def test_a_link_is_its_title_and_its_address_once(self) -> None:
        payload = {"url": "https://shop.example/a", "title": "A lamp"}
        shared = {"type": "fallback", "payload": payload}
        assert attached(shared).text == "A lamp\nhttps://shop.example/a"
        written = attached(shared, text="see https://shop.example/a")
        assert written.text == "see https://shop.example/a\nA lamp"

    def test_a_shared_post_is_its_picture(self) -> None:
        found = attached({"type": "post", "payload": {"url": CDN, "title": "New lamps"}})
        assert (found.text, found.media[0].source) == ("New lamps", CDN)

    def test_a_shared_product_is_its_title(self) -> None:
        elements = [{"id": "1", "title": "A lamp", "subtitle": "€ 20"}]
        found = attached({"type": "template", "payload": {"product": {"elements": elements}}})
        assert found.text == "A lamp, € 20"

    @pytest.mark.parametrize("kind", ["fallback", "template", "appointment_booking", "new_kind"])
    def test_what_is_not_understood_is_named(self, kind: str) -> None:
        assert attached({"type": kind, "payload": None}).unsupported == (kind,)

    def test_an_edit_replaces_its_message_each_time(self) -> None:
        edit = {"mid": "m_1", "text": "B, sorry", "num_edit": "2"}
        [found] = read(event(message_edit=edit))
        assert isinstance(found, Said)
        assert (found.text, found.replaces, found.id) == ("B, sorry", "m_1", "m_1:2")
        assert read(event(message_edit={"mid": "m_1", "num_edit": 0})) == ()

    def test_the_start_button_and_links_into_the_chat_are_greeted(self) -> None:
        start = {"title": "Get started", "payload": "GET_STARTED", "mid": "m_9"}
        [begun] = read(event(postback=start))
        [came] = read(event(referral={"ref": "poster", "source": "SHORTLINK"}))
        assert isinstance(begun, Said)
        assert isinstance(came, Said)
        assert (begun.joined, begun.text, begun.id) == (True, "", "m_9")
        assert came.joined

    def test_a_menu_entry_says_its_words(self) -> None:
        first, again = read(
            event(postback={"title": "Track", "payload": "TRACK", "mid": "m_9"}),
            event(postback={"title": "Track", "payload": "TRACK"}),
        )
        assert isinstance(first, Said)
        assert isinstance(again, Said)
        assert (first.text, again.text) == ("Track", "Track")
        assert first.id != again.id

    def test_a_reaction_wants_no_answer(self) -> None:
        reaction = {"mid": "m_3", "action": "react", "reaction": "love", "emoji": "❤️"}
        assert read(event(reaction=reaction)) == (Reacted(CHAT, "m_3", "❤️"),)
        taken_back = reaction | {"action": "unreact"}
        assert read(event(reaction=taken_back)) == (Reacted(CHAT, "m_3", ""),)

    def test_receipts_say_which_messages_or_are_left_alone(self) -> None:
        delivery = {"mids": ["m_5", "m_6"], "watermark": 1458668856253}
        assert read(event(delivery=delivery)) == (
            Progressed("m_5", State.DELIVERED),
            Progressed("m_6", State.DELIVERED),
        )
        assert read(event(delivery={"watermark": 1458668856253})) == ()
        assert read(event(read={"watermark": 1458668856253})) == ()

    @pytest.mark.parametrize(
        "update",
        [
            webhook(event(PAGE, message={"mid": "m", "text": "hi", "is_echo": True, "app_id": 1})),
            webhook(event(PAGE, message={"mid": "m", "text": "hi"})),
            webhook(event(message={"mid": "m", "text": "hi"}), page="999"),
            webhook(event(message={"mid": "m", "text": "hi"}), under="standby"),
            webhook(event(optin={"ref": "x"})),
            webhook(event(account_linking={"status": "linked"})),
            webhook(event(pass_thread_control={"new_owner_app_id": "1"})),
            webhook({"sender": {"user_ref": "x"}, "recipient": {"id": PAGE}, "optin": {}}),
            {"object": "page", "entry": [{"id": PAGE, "changes": [{"field": "feed"}]}]},
        ],
    )
    def test_what_is_for_others_or_for_nobody_is_no_message(self, update: Any) -> None:
        assert parse(update, PAGE, CHANNEL) == ()

    @pytest.mark.parametrize(
        "broken",
        [
            {"entry": 5},
            {"entry": [{}]},
            {"entry": [{"id": PAGE, "messaging": 5}]},
            webhook(7),
            webhook(event(message={"text": "no id"})),
            webhook(event(message={"mid": "m", "attachments": [{}]})),
            webhook({"message": {"mid": "m", "text": "from nobody"}}),
            webhook(event(message_edit={"mid": "m", "num_edit": "often", "text": "x"})),
            webhook(event(reaction={})),
        ],
    )
    def test_what_makes_no_sense_is_malformed(self, broken: Any) -> None:
        with pytest.raises(Malformed):
            parse(broken, PAGE, CHANNEL)

    @settings(max_examples=200, deadline=None)
    @given(st.data())
    def test_whatever_is_broken_in_one_is_malformed_and_nothing_else(
        self, data: st.DataObject
    ) -> None:
        shared = {"type": "fallback", "payload": {"url": CDN, "title": "A"}}
        sticker = {"type": "sticker", "payload": {"url": CDN, "sticker_id": 8}}
        place = {"type": "location", "payload": {"coordinates": {"lat": 1, "long": 2}}}
        whole = webhook(
            event(message={"mid": "m", "text": "a", "attachments": [shared, sticker, place],
                           "reply_to": {"story": {"url": CDN}}, "referral": {}}),
            event(message_edit={"mid": "m", "text": "B", "num_edit": 1}),
            event(postback={"title": "T", "payload": "P"}),
            event(reaction={"mid": "m", "action": "react", "emoji": "a"}),
            event(delivery={"mids": ["m"]}),
            event(read={"mid": "m"}),
        )  # fmt: skip
        with contextlib.suppress(Malformed):
            parse(broken_somewhere(data, whole), PAGE, CHANNEL)

    def test_one_that_makes_no_sense_does_not_take_the_others_along(self) -> None:
        [found] = read(event(message={"text": "no id"}), event(message={"mid": "m", "text": "b"}))
        assert isinstance(found, Said)
        assert found.text == "b"


class TestWebhook:
    def test_signatures_are_those_of_the_platform(self) -> None:
        body = json.dumps(text(1, "ünï")).encode()
        assert webhook_updates_validator(SECRET, body, signature(body))

    async def test_a_forged_an_old_and_a_truncated_request_change_nothing(
        self, channels: ChannelSite, api: SendApi
    ) -> None:
        body = json.dumps(text(1, "hi")).encode()
        old = webhook(event(age_s=9 * 24 * 3600, message={"mid": "m", "text": "hi"}))
        async with open_site(channels, api, answers=False) as site:
            for wrong in ("", signature(body, "another"), signature(body + b" ")):
                assert await deliver(site, "messenger", body, signed=wrong) == 401
            assert await deliver(site, "messenger", old) == 401
            for senseless in (b"", body[:-9], b'{"object":"instagram","entry":[]}'):
                assert await deliver(site, "messenger", senseless) == 400
            assert await site.nothing_was_taken()

    async def test_the_handshake_is_answered_to_who_knows_the_words(
        self, channels: ChannelSite, api: SendApi
    ) -> None:
        asked = {"mode": "subscribe", "challenge": "1158201444"}
        async with open_site(channels, api, answers=False) as site:
            answer = await shake(site, "messenger", **asked, verify_token=VERIFY)
            assert (answer.status_code, answer.text) == (200, "1158201444")
            assert (await shake(site, "messenger", **asked, verify_token="x")).status_code == 401

    async def test_duplicates_and_late_ones_are_taken_once_each(
        self, channels: ChannelSite, api: SendApi
    ) -> None:
        late = webhook(event(age_s=60, message={"mid": "m_1", "text": "a"}))
        async with open_site(channels, api, answers=False) as site:
            statuses = await asyncio.gather(
                *(deliver(site, "messenger", each) for each in (text(2, "b"), text(2, "b"), late))
            )
            assert statuses == [200] * 3
            taken = await site.messages("messenger", CHAT)
        assert sorted(each.text for each in taken) == ["a", "b"]


class TestConversation:
    async def test_words_a_voice_note_and_a_screenshot(
        self, channels: ChannelSite, api: SendApi
    ) -> None:
        voice, picture = api.keep("v", voice_note("audio/mp4")), api.keep("p", shown())
        async with open_site(channels, api) as site:
            await deliver(site, "messenger", text(1, "Hello *there*"))
            [first] = await api.sent()
            assert first == {
                "recipient": {"id": ANN},
                "messaging_type": "RESPONSE",
                "message": {"text": "You said: Hello there"},
            }

            spoken = [{"type": "audio", "payload": {"url": voice}}]
            await deliver(
                site, "messenger", webhook(event(message={"mid": "m_2", "attachments": spoken}))
            )
            _, words, recording = await api.sent(3)
            assert SPOKEN.casefold() in words["message"]["text"].casefold()
            name, data = recording["filedata"]
            assert (name, data[4:8]) == ("answer.m4a", b"ftyp")
            assert json.loads(recording["recipient"]) == {"id": ANN}
            assert json.loads(recording["message"])["attachment"]["type"] == "audio"

            seen = [{"type": "image", "payload": {"url": picture}}]
            await deliver(
                site,
                "messenger",
                webhook(event(message={"mid": "m_3", "text": "what is it?", "attachments": seen})),
            )
            assert SHOWN in (await api.sent(4))[-1]["message"]["text"]
        [fetched] = api.made("/media/p")
        assert "authorization" not in fetched.headers

    async def test_choices_are_quick_replies(self, channels: ChannelSite, api: SendApi) -> None:
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            assert await provider.send({"to": ANN}, Text("Which?", ("A", "B")), "k") == "mid.1"
        [sent] = await api.sent()
        assert sent["message"]["quick_replies"] == [
            {"content_type": "text", "title": "A", "payload": "A"},
            {"content_type": "text", "title": "B", "payload": "B"},
        ]

    async def test_the_customer_sees_that_an_answer_is_made(
        self, channels: ChannelSite, api: SendApi
    ) -> None:
        thinks = asyncio.Event()
        async with open_site(channels, api, policy=EchoPolicy(thinks)) as site:
            await deliver(site, "messenger", text(1, "hi there"))
            [call] = await api.wait(api.messages)
            thinks.set()
            await api.sent()
        assert call.json() == {"recipient": {"id": ANN}, "sender_action": "typing_on"}

    async def test_an_expired_link_and_one_of_others_are_told(
        self, channels: ChannelSite, api: SendApi
    ) -> None:
        gone = api.keep("gone", b"x")
        api.fail("/media/gone", Response(status_code=403))
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            for url in (gone, "http://169.254.169.254/x", "https://evil-fbcdn.net/x.jpg", "x"):
                with pytest.raises(CustomerError, match="media_gone"):
                    [piece async for piece in provider.fetch(url)]

    async def test_a_file_that_is_too_large_is_told(
        self, channels: ChannelSite, api: SendApi
    ) -> None:
        large = api.keep("large", bytes(6 * 1024**2))
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            with pytest.raises(CustomerError, match="upload_too_large"):
                [piece async for piece in provider.fetch(large)]

    async def test_an_answer_is_tried_again_and_noted_as_delivered(
        self, channels: ChannelSite, api: SendApi
    ) -> None:
        api.refusals = [refusal(400, 613), Response(status_code=502)]
        async with open_site(channels, api) as site:
            site_pauses = {613: 0.0}
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("connectors.messaging.meta._PAUSES_S", site_pauses)
                await deliver(site, "messenger", text(1, "hi there"))
                await api.sent(3)
            delivery = webhook(event(delivery={"mids": ["mid.1"], "watermark": 1}))
            assert await site.state_of_part("messenger", CHAT, "0") == ""
            assert await deliver(site, "messenger", delivery) == 200
            assert await site.state_of_part("messenger", CHAT, "0") == "delivered"

    @pytest.mark.parametrize(
        ("answer", "permanent", "words"),
        [
            (refusal(400, 10, "outside of allowed window", 2018278), True, "24 hours"),
            (refusal(400, 551, "not available", 1545041), True, "cannot be reached"),
            (refusal(403, 200, "not receiving", 1545041), True, "cannot be reached"),
            (refusal(400, 100, "No matching user found", 2018001), True, "No matching user"),
            (refusal(400, 4, "limit reached"), False, "limit reached"),
            (refusal(400, 2, "Service unavailable"), False, "unavailable"),
            (refusal(400, 190, "expired", 463), False, "expired"),
            (refusal(403, 230, "Requires pages_messaging"), False, "pages_messaging"),
        ],
    )
    async def test_refusals_are_told_apart(
        self,
        channels: ChannelSite,
        api: SendApi,
        answer: Response,
        permanent: bool,
        words: str,
    ) -> None:
        api.refusals = [answer]
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            with pytest.raises(DeliveryFailed) as raised:
                await provider.send({"to": ANN}, Text("hi"), "k")
        assert raised.value.permanent is permanent
        assert words in str(raised.value)
        if "190" in str(raised.value):
            assert raised.value.retry_after_s == OPERATORS_PAUSE_S


class TestOperator:
    async def test_the_page_is_named_and_its_webhook_entered(
        self, channels: ChannelSite, api: SendApi
    ) -> None:
        api.answer("POST", f"{VERSION}/4321/subscriptions", {"success": True})
        url = "https://desk.example/channels/messenger"
        async with open_site(channels, api, app="4321", answers=False) as site:
            [provider] = site.messaging.providers
            assert await provider.check() == "Voltaro"
            assert await provider.register(url) == f"Messenger sends to {url}"
        [entered] = api.made(f"{VERSION}/4321/subscriptions")
        assert (entered.form["object"], entered.form["callback_url"]) == ("page", url)
        assert "message_edits" in entered.form["fields"]
        [subscribed] = api.made(f"{VERSION}/me/subscribed_apps")
        assert "messaging_postbacks" in subscribed.json()["subscribed_fields"]
        [profile] = api.made(f"{VERSION}/me/messenger_profile")
        assert profile.json() == {"get_started": {"payload": "GET_STARTED"}}

    async def test_without_the_app_the_address_is_to_be_entered_by_hand(
        self, channels: ChannelSite, api: SendApi
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            told = await provider.register("https://desk.example/channels/messenger")
        assert "enter https://desk.example/channels/messenger" in told

    async def test_another_pages_token_and_an_expired_one_are_told(
        self, channels: ChannelSite, api: SendApi
    ) -> None:
        async with open_site(channels, api, page="999", answers=False) as site:
            [provider] = site.messaging.providers
            with pytest.raises(OperatorError, match="not that of the Page"):
                await provider.check()
            api.fail(f"{VERSION}/me", refusal(400, 190, "Session has expired"))
            with pytest.raises(OperatorError, match="Session has expired"):
                await provider.check()
