"""Instagram: what the Messenger Platform sends for an account, and what is Instagram's own in the
answers. What it shares with Messenger is in `test_messenger.py`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from bot.channel_settings import InstagramSection
from bot.errors import DeliveryFailed, OperatorError
from bot.messages import AttachmentKind, ChannelName, Reply, ReplyKind
from connectors.instagram import Instagram
from connectors.messaging.events import (
    Chat,
    Event,
    Progressed,
    Reacted,
    Said,
    State,
    Withdrawn,
)
from connectors.messaging.hook import Malformed
from connectors.messaging.messenger_platform import parse
from connectors.messaging.render import Text, render
from tests.builders import EchoPolicy
from tests.connectors.messaging.graph import (
    CREDENTIALS,
    VERIFY,
    VERSION,
    GraphApi,
    deliver,
    now_s,
    refusal,
    shake,
    signature,
)
from tests.connectors.messaging.samples import SHOWN, SPOKEN, shown, voice_note
from tests.connectors.messaging.site import ChannelSite

ACCOUNT = "17841405822304914"
ANN = "1442342342342342"
CHAT = Chat(ANN, {"to": ANN})
CHANNEL = ChannelName("instagram")
CDN = "https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=1&signature=Ab"


def webhook(
    *items: dict[str, Any], account: str = ACCOUNT, under: str = "messaging"
) -> dict[str, Any]:
    entry = {"id": account, "time": now_s() * 1000, under: list(items)}
    return {"object": "instagram", "entry": [entry]}


def event(sender: str = ANN, age_s: int = 0, **content: Any) -> dict[str, Any]:
    moment = (now_s() - age_s) * 1000
    return {"sender": {"id": sender}, "recipient": {"id": ACCOUNT}, "timestamp": moment} | content


def message(number: int, **content: Any) -> dict[str, Any]:
    return webhook(event(message={"mid": f"aWdf{number}"} | content))


def read(*items: dict[str, Any]) -> tuple[Event, ...]:
    return parse(webhook(*items), ACCOUNT, CHANNEL)


def said(**content: Any) -> Said:
    [found] = read(event(message={"mid": "aWdf1"} | content))
    assert isinstance(found, Said)
    return found


def attached(kind: str, **payload: Any) -> Said:
    return said(attachments=[{"type": kind, "payload": payload}])


class InstagramApi(GraphApi):
    def __init__(self) -> None:
        super().__init__("me/messages")
        linked = {"id": ACCOUNT, "username": "voltaro"}
        page = {"name": "Voltaro", "instagram_business_account": linked}
        self.answer("GET", f"{VERSION}/me", page)
        self.answer("POST", f"{VERSION}/me/subscribed_apps", {"success": True})


@pytest.fixture
async def api() -> AsyncIterator[InstagramApi]:
    api = InstagramApi()
    async with api.serving():
        yield api


@asynccontextmanager
async def open_site(
    channels: ChannelSite, api: InstagramApi, *, account: str = ACCOUNT, **options: Any
) -> AsyncIterator[ChannelSite]:
    section = InstagramSection(**CREDENTIALS, account=account, api=f"{api.url}{VERSION}")
    async with channels.open({"instagram": ("connectors.instagram", section)}, **options):
        yield channels


class TestParsing:
    def test_words_and_quick_replies(self) -> None:
        assert said(text="Is it in stock?").text == "Is it in stock?"
        assert said(text="Yes", quick_reply={"payload": "Yes"}).text == "Yes"
        assert said(text="hi").chat == CHAT

    @pytest.mark.parametrize(
        ("kind", "attachment"),
        [
            ("image", AttachmentKind.IMAGE),
            ("audio", AttachmentKind.AUDIO),
            ("video", AttachmentKind.VIDEO),
            ("file", AttachmentKind.FILE),
            ("ig_reel", AttachmentKind.VIDEO),
            ("share", AttachmentKind.IMAGE),
            ("ig_post", AttachmentKind.IMAGE),
            ("story_mention", AttachmentKind.IMAGE),
        ],
    )
    def test_each_kind_of_file(self, kind: str, attachment: AttachmentKind) -> None:
        [medium] = attached(kind, url=CDN).media
        assert (medium.kind, medium.source) == (attachment, CDN)

    def test_a_shared_post_keeps_its_title_and_one_elsewhere_its_link(self) -> None:
        assert attached("ig_post", url=CDN, title="Lamps").text == "Lamps"
        link = "https://www.instagram.com/p/abc/"
        assert attached("share", url=link).text == link
        assert attached("share", url=link).media == ()

    def test_an_answer_to_a_story_brings_what_the_story_shows(self) -> None:
        found = said(text="How much is it?", reply_to={"story": {"url": CDN, "id": "1"}})
        assert (found.text, [each.source for each in found.media]) == ("How much is it?", [CDN])

    def test_an_answer_to_a_message_has_no_words_of_it(self) -> None:
        found = said(text="B", reply_to={"mid": "aWdf0"})
        assert (found.text, found.quote, found.media) == ("B", "", ())

    def test_a_deleted_message_is_withdrawn(self) -> None:
        [found] = read(event(message={"mid": "aWdf1", "is_deleted": True}))
        assert found == Withdrawn(CHAT, "aWdf1")

    def test_what_is_not_understood_is_named(self) -> None:
        assert said(is_unsupported=True).unsupported == ("unsupported",)
        assert attached("ephemeral").unsupported == ("ephemeral",)
        assert attached("unsupported_type").unsupported == ("unsupported_type",)

    def test_an_edit_replaces_its_message(self) -> None:
        [found] = read(event(message_edit={"mid": "aWdf1", "text": "B", "num_edit": 1}))
        assert isinstance(found, Said)
        assert (found.text, found.replaces, found.id) == ("B", "aWdf1", "aWdf1:1")

    def test_an_icebreaker_says_its_words(self) -> None:
        asked = {"mid": "aWdf1", "title": "Do you ship abroad?", "payload": "SHIP"}
        [found] = read(event(postback=asked))
        assert isinstance(found, Said)
        assert (found.text, found.joined) == ("Do you ship abroad?", False)

    def test_a_link_into_the_chat_is_greeted(self) -> None:
        referral = {"ref": "r", "source": "IGME_SOURCE_LINK", "type": "OPEN_THREAD"}
        [found] = read(event(referral=referral))
        assert isinstance(found, Said)
        assert found.joined

    def test_reactions_and_what_was_seen(self) -> None:
        reaction = {"mid": "aWdf3", "action": "react", "reaction": "love", "emoji": "❤"}
        assert read(event(reaction=reaction)) == (Reacted(CHAT, "aWdf3", "❤"),)
        assert read(event(read={"mid": "aWdf4"})) == (Progressed("aWdf4", State.READ),)

    @pytest.mark.parametrize(
        "update",
        [
            webhook(event(ACCOUNT, message={"mid": "m", "text": "hi", "is_echo": True})),
            webhook(event(message={"mid": "m", "text": "hi"}), account="999"),
            webhook(event(message={"mid": "m", "text": "hi"}), under="standby"),
            webhook({"field": "comments", "value": {"id": "1"}}, under="changes"),
        ],
    )
    def test_what_is_for_others_or_for_nobody_is_no_message(self, update: Any) -> None:
        assert parse(update, ACCOUNT, CHANNEL) == ()

    @pytest.mark.parametrize(
        "broken",
        [
            webhook(event(message={"is_deleted": True})),
            webhook(event(message={"mid": "m", "reply_to": 5})),
            webhook(event(message={"mid": "m", "attachments": [{"payload": {}}]})),
            webhook(event(read=5)),
        ],
    )
    def test_what_makes_no_sense_is_malformed(self, broken: Any) -> None:
        with pytest.raises(Malformed):
            parse(broken, ACCOUNT, CHANNEL)


class TestAnswers:
    def reply(self, text: str, *suggestions: str) -> tuple[Text, ...]:
        reply = Reply(
            id="r", channel=CHANNEL, conversation="c", customer="u", turn="1",
            kind=ReplyKind.ANSWER, text=text, suggestions=suggestions,
        )  # fmt: skip
        parts = render(reply, Instagram.can)
        assert all(isinstance(part, Text) for part in parts)
        return parts

    def test_a_long_answer_is_cut_by_bytes(self) -> None:
        parts = self.reply("Größe: ja, natürlich. " * 100)
        assert len(parts) > 2
        assert all(len(part.text.encode()) <= 1000 for part in parts)

    def test_choices_in_other_scripts_are_counted_in_characters(self) -> None:
        [part] = self.reply("?", "أين طلبي الآن؟", "Größe ändern, bitte!")
        assert part.choices == ("أين طلبي الآن؟", "Größe ändern, bitte!")

    def test_a_choice_that_is_too_long_is_numbered(self) -> None:
        [part] = self.reply("?", "One", "A choice of many more letters")
        assert part.choices == ()
        assert "2. A choice of many more letters" in part.text


class TestWebhook:
    async def test_a_forged_an_old_and_a_truncated_request_change_nothing(
        self, channels: ChannelSite, api: InstagramApi
    ) -> None:
        old = webhook(event(age_s=9 * 24 * 3600, message={"mid": "m", "text": "hi"}))
        async with open_site(channels, api, answers=False) as site:
            wrong = signature(b"something else")
            assert await deliver(site, "instagram", message(1, text="hi"), signed=wrong) == 401
            assert await deliver(site, "instagram", old) == 401
            for senseless in (b"", b'{"object":"instagram"', b'{"object":"page","entry":[]}'):
                assert await deliver(site, "instagram", senseless) == 400
            assert await site.nothing_was_taken()

    async def test_the_handshake_is_answered(
        self, channels: ChannelSite, api: InstagramApi
    ) -> None:
        asked = {"mode": "subscribe", "challenge": "77", "verify_token": VERIFY}
        async with open_site(channels, api, answers=False) as site:
            assert (await shake(site, "instagram", **asked)).text == "77"

    async def test_duplicates_and_late_ones_are_taken_once_each(
        self, channels: ChannelSite, api: InstagramApi
    ) -> None:
        late = webhook(event(age_s=60, message={"mid": "aWdf1", "text": "a"}))
        bodies = (message(2, text="b"), message(2, text="b"), late)
        async with open_site(channels, api, answers=False) as site:
            statuses = await asyncio.gather(*(deliver(site, "instagram", each) for each in bodies))
            assert statuses == [200] * 3
            taken = await site.messages("instagram", CHAT)
        assert sorted(each.text for each in taken) == ["a", "b"]


class TestConversation:
    async def test_words_a_voice_note_and_a_screenshot(
        self, channels: ChannelSite, api: InstagramApi
    ) -> None:
        voice, picture = api.keep("v", voice_note("audio/mp4")), api.keep("p", shown())
        async with open_site(channels, api) as site:
            await deliver(site, "instagram", message(1, text="Hello there"))
            [first] = await api.sent()
            assert first["recipient"] == {"id": ANN}
            assert first["message"] == {"text": "You said: Hello there"}

            spoken = [{"type": "audio", "payload": {"url": voice}}]
            await deliver(site, "instagram", message(2, attachments=spoken))
            _, words, recording = await api.sent(3)
            assert SPOKEN.casefold() in words["message"]["text"].casefold()
            attachment = recording["message"]["attachment"]
            assert attachment["type"] == "audio"
            fetched = await self.fetched_by_instagram(site, attachment["payload"]["url"])
            assert fetched.headers["content-type"] == "audio/mp4"
            assert fetched.content[4:8] == b"ftyp"

            seen = [{"type": "image", "payload": {"url": picture}}]
            await deliver(site, "instagram", message(3, text="what is it?", attachments=seen))
            assert SHOWN in (await api.sent(4))[-1]["message"]["text"]

    async def fetched_by_instagram(self, site: ChannelSite, url: str) -> httpx.Response:
        public, _, path = url.partition("/channels/")
        assert public == "https://desk.example"
        async with httpx.AsyncClient(base_url=site.url, trust_env=False) as client:
            return await client.get(f"/channels/{path}")

    async def test_the_customer_sees_that_an_answer_is_made(
        self, channels: ChannelSite, api: InstagramApi
    ) -> None:
        thinks = asyncio.Event()
        async with open_site(channels, api, policy=EchoPolicy(thinks)) as site:
            await deliver(site, "instagram", message(1, text="hi there"))
            [call] = await api.wait(api.messages)
            thinks.set()
            await api.sent()
        assert call.json() == {"recipient": {"id": ANN}, "sender_action": "typing_on"}

    async def test_a_message_that_was_deleted_is_not_answered(
        self, channels: ChannelSite, api: InstagramApi
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            await deliver(site, "instagram", message(1, text="my number is 12345"))
            await deliver(site, "instagram", message(2, text="is it in stock?"))
            await deliver(site, "instagram", message(1, is_deleted=True))
        async with open_site(channels, api):
            [answer] = await api.sent()
        assert answer["message"]["text"] == "You said: is it in stock?"

    @pytest.mark.parametrize(
        ("answer", "permanent", "words"),
        [
            (refusal(400, 10, "outside of allowed window", 2534022), True, "24 hours"),
            (refusal(400, 100, "The message is too long"), True, "too long"),
            (refusal(400, 613, "Calls have exceeded the rate limit"), False, "rate limit"),
            (Response(status_code=500), False, "HTTP 500"),
        ],
    )
    async def test_refusals_are_told_apart(
        self,
        channels: ChannelSite,
        api: InstagramApi,
        answer: Response,
        permanent: bool,
        words: str,
    ) -> None:
        api.refusals = [answer]
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            with pytest.raises(DeliveryFailed, match=words) as raised:
                await provider.send({"to": ANN}, Text("hi"), "k")
        assert raised.value.permanent is permanent


class TestOperator:
    async def test_the_account_is_named_and_subscribed(
        self, channels: ChannelSite, api: InstagramApi
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            assert await provider.check() == "@voltaro"
            told = await provider.register("https://desk.example/channels/instagram")
        assert "enter https://desk.example/channels/instagram" in told
        assert api.made(f"{VERSION}/me/subscribed_apps")

    async def test_a_page_that_is_linked_to_another_account_is_told(
        self, channels: ChannelSite, api: InstagramApi
    ) -> None:
        async with open_site(channels, api, account="999", answers=False) as site:
            [provider] = site.messaging.providers
            with pytest.raises(OperatorError, match=ACCOUNT):
                await provider.check()
            api.fail(f"{VERSION}/me", refusal(400, 190, "Session has expired"))
            with pytest.raises(OperatorError, match="INSTAGRAM_TOKEN"):
                await provider.check()
