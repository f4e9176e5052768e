"""WhatsApp: what the Cloud API is sent, what its webhooks do, and who may speak for it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from pywa import WhatsApp
from pywa.types import Button, Section, SectionList
from pywa.types import SectionRow as Row
from pywa.utils import webhook_updates_validator
from starlette.responses import Response

from bot.channel_settings import WhatsAppSection
from bot.errors import DeliveryFailed, OperatorError
from connectors.messaging.events import Chat
from connectors.messaging.meta import OPERATORS_PAUSE_S
from connectors.messaging.render import Text
from connectors.whatsapp import _to, _written
from tests.builders import EchoPolicy
from tests.connectors.messaging.graph import (
    CREDENTIALS,
    SECRET,
    TOKEN,
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
from tests.connectors.messaging.stand_in import never_ending
from tests.connectors.messaging.whatsapp_updates import ANN, PHONE, message, text, webhook

CHAT = Chat(ANN, {"to": "972987654321", "user": ANN})
"""Its address has the latest message as well; a conversation is found without."""


class CloudApi(GraphApi):
    def __init__(self) -> None:
        super().__init__(f"{PHONE}/messages")
        self.media = f"{VERSION}/{PHONE}/media"
        self.answer("POST", self.media, {"id": "uploaded-1"})
        number = {"verified_name": "Voltaro", "display_phone_number": "+972 12-345-6789"}
        self.answer("GET", f"{VERSION}/{PHONE}", number)
        self.answer("POST", f"{VERSION}/{PHONE}", {"success": True})

    def receipt(self, identifier: str) -> dict[str, Any]:
        return {"messaging_product": "whatsapp", "messages": [{"id": identifier}]}

    def keep(self, name: str, data: bytes) -> str:
        address = super().keep(name, data)
        found = {"url": address, "mime_type": "x/y", "id": name, "file_size": len(data)}
        self.answer("GET", f"{VERSION}/{name}", found)
        return address


@pytest.fixture
async def api() -> AsyncIterator[CloudApi]:
    api = CloudApi()
    async with api.serving():
        yield api


@asynccontextmanager
async def open_site(
    channels: ChannelSite, api: CloudApi, *, app: str = "", **options: Any
) -> AsyncIterator[ChannelSite]:
    section = WhatsAppSection(**CREDENTIALS, phone=PHONE, app=app, api=f"{api.url}{VERSION}")
    async with channels.open({"whatsapp": ("connectors.whatsapp", section)}, **options):
        yield channels


class TestMessages:
    """What is sent, beside what pywa sends for the same."""

    def pywa_sends(self, **options: Any) -> dict[str, Any]:
        asked: list[dict[str, Any]] = []

        def take(request: httpx.Request) -> httpx.Response:
            asked.append(json.loads(request.content))
            answer = {"messages": [{"id": "wamid.1"}], "contacts": [{"wa_id": "1", "input": "1"}]}
            return httpx.Response(200, json=answer)

        session = httpx.Client(transport=httpx.MockTransport(take))
        WhatsApp(phone_id=PHONE, token=TOKEN, session=session).send_message(
            to="972987654321", **options
        )
        return asked[0]

    def ours(self, part: Text) -> dict[str, Any]:
        return _to({"to": "972987654321", "user": ANN}) | _written(part)

    def test_a_text(self) -> None:
        assert self.ours(Text("hi")) == self.pywa_sends(text="hi", preview_url=False)

    def test_three_short_choices_are_buttons(self) -> None:
        choices = ("One", "Two", "A choice of twenty …")
        buttons = [Button(title, str(number)) for number, title in enumerate(choices, 1)]
        sent = self.pywa_sends(text="Which?", buttons=buttons)
        assert self.ours(Text("Which?", choices)) == sent

    @pytest.mark.parametrize("choices", [("1", "2", "3", "4"), ("A choice of 24 letters …", "Two")])
    def test_more_or_longer_ones_are_a_list(self, choices: tuple[str, ...]) -> None:
        rows = [Row(title, str(number)) for number, title in enumerate(choices, 1)]
        sent = self.pywa_sends(
            text="Welche?", buttons=SectionList("Auswählen", [Section("", rows)])
        )
        del sent["interactive"]["action"]["sections"][0]["title"]
        assert self.ours(Text("Welche?", choices, "de")) == sent


class TestWebhook:
    def test_signatures_are_those_of_pywa(self) -> None:
        body = json.dumps(text(1, "ünï")).encode()
        assert webhook_updates_validator(SECRET, body, signature(body))
        assert not webhook_updates_validator(SECRET, body, signature(body, "another"))
        # openssl dgst -sha256 -hmac the-app-secret
        assert signature(b'{"object":"page"}') == (
            "sha256=f5be837c6e78ea4c5edfcf558f0f059268280fc28e6489d9c1f8cbc01a72f2da"
        )

    async def test_a_forged_request_changes_nothing(
        self, channels: ChannelSite, api: CloudApi
    ) -> None:
        body = json.dumps(text(1, "hi")).encode()
        async with open_site(channels, api, answers=False) as site:
            for wrong in (
                "",
                "sha256=",
                signature(body, "another"),
                signature(body + b" "),
                signature(body).replace("sha256=", "sha1="),
                signature(body).removeprefix("sha256="),
            ):
                assert await deliver(site, "whatsapp", body, signed=wrong) == 401
            assert await site.nothing_was_taken()

    async def test_an_old_request_played_again_is_refused(
        self, channels: ChannelSite, api: CloudApi
    ) -> None:
        old = text(1, "hi", timestamp=str(now_s() - 9 * 24 * 3600))
        recent = text(2, "hi", timestamp=str(now_s() - 6 * 24 * 3600))
        async with open_site(channels, api, answers=False) as site:
            assert await deliver(site, "whatsapp", old) == 401
            assert await site.nothing_was_taken()
            assert await deliver(site, "whatsapp", recent) == 200
            assert len(await site.messages("whatsapp", CHAT)) == 1

    async def test_the_handshake_is_answered_to_who_knows_the_words(
        self, channels: ChannelSite, api: CloudApi
    ) -> None:
        asked = {"mode": "subscribe", "challenge": "1158201444"}
        async with open_site(channels, api, answers=False) as site:
            answer = await shake(site, "whatsapp", **asked, verify_token=VERIFY)
            assert (answer.status_code, answer.text) == (200, "1158201444")
            assert answer.headers["content-type"].startswith("text/plain")
            assert (await shake(site, "whatsapp", **asked, verify_token="x")).status_code == 401
            assert (await shake(site, "whatsapp", **asked)).status_code == 401
            assert (await shake(site, "whatsapp")).status_code == 401
            named = {"mode": "subscribe", "verify_token": VERIFY}
            assert (await shake(site, "whatsapp", **named)).status_code == 400

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"\xff\xfe", b'{"object":"page","entry":[]}',
         json.dumps(webhook({"messages": [{}]})).encode(),
         json.dumps(text(1, "hi", timestamp="soon")).encode()],
    )  # fmt: skip
    async def test_a_truncated_or_senseless_body_is_refused(
        self, channels: ChannelSite, api: CloudApi, body: bytes
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            assert await deliver(site, "whatsapp", body) == 400
            assert await site.nothing_was_taken()

    async def test_duplicates_and_late_ones_are_taken_once_each(
        self, channels: ChannelSite, api: CloudApi
    ) -> None:
        second, first = text(2, "b"), text(1, "a", timestamp=str(now_s() - 60))
        async with open_site(channels, api, answers=False) as site:
            statuses = await asyncio.gather(
                *(deliver(site, "whatsapp", each) for each in (second, second, first, second))
            )
            assert statuses == [200] * 4
            taken = await site.messages("whatsapp", CHAT)
        assert sorted(each.text for each in taken) == ["a", "b"]


class TestConversation:
    async def test_words_a_voice_note_and_a_screenshot(
        self, channels: ChannelSite, api: CloudApi
    ) -> None:
        api.keep("111", voice_note())
        api.keep("222", shown())
        async with open_site(channels, api) as site:
            await deliver(site, "whatsapp", text(1, "Hello *there*"))
            [first] = await api.sent()
            assert first["to"] == "972987654321"
            assert first["text"] == {"body": "You said: Hello _there_", "preview_url": False}

            voice = {"id": "111", "mime_type": "audio/ogg; codecs=opus", "voice": True}
            await deliver(site, "whatsapp", webhook({"messages": [message(2, "audio", voice)]}))
            _, words, recording = await api.sent(3)
            assert SPOKEN.casefold() in words["text"]["body"].casefold()
            assert recording["audio"] == {"id": "uploaded-1", "voice": True}
            [upload] = api.made(api.media)
            name, data = upload.form["file"]
            assert (name, data[:4], upload.form["type"]) == (
                "answer.ogg",
                b"OggS",
                "audio/ogg; codecs=opus",
            )
            [fetched] = api.made("/media/111")
            assert fetched.headers["authorization"] == f"Bearer {TOKEN}"

            image = {"id": "222", "mime_type": "image/jpeg", "caption": "what is this?"}
            await deliver(site, "whatsapp", webhook({"messages": [message(3, "image", image)]}))
            assert SHOWN in (await api.sent(4))[-1]["text"]["body"]

    async def test_the_customer_sees_that_they_were_read_and_an_answer_is_made(
        self, channels: ChannelSite, api: CloudApi
    ) -> None:
        thinks = asyncio.Event()
        async with open_site(channels, api, policy=EchoPolicy(thinks)) as site:
            await deliver(site, "whatsapp", text(1, "hi there"))
            [call] = await api.wait(api.messages)
            thinks.set()
            await api.sent()
        assert call.json()["status"] == "read"
        assert call.json()["message_id"] == "wamid.1"
        proof = signature(TOKEN.encode()).removeprefix("sha256=")
        assert call.query["appsecret_proof"] == proof
        assert TOKEN not in str(call.query)

    async def test_a_correction_is_answered_with_the_words_it_corrects_gone(
        self, channels: ChannelSite, api: CloudApi
    ) -> None:
        new = {"type": "text", "text": {"body": "where is order 2?"}}
        edit = message(2, "edit", {"original_message_id": "wamid.1", "message": new})
        revoke = message(4, "revoke", {"original_message_id": "wamid.3"})
        async with open_site(channels, api, answers=False) as site:
            await deliver(site, "whatsapp", text(1, "where is order 1?"))
            await deliver(site, "whatsapp", webhook({"messages": [edit]}))
            await deliver(site, "whatsapp", text(3, "and order 9?"))
            await deliver(site, "whatsapp", webhook({"messages": [revoke]}))
        async with open_site(channels, api):
            [answer] = await api.sent()
        assert answer["text"]["body"] == "You said: where is order 2?"

    async def test_an_expired_link_is_asked_for_again(
        self, channels: ChannelSite, api: CloudApi
    ) -> None:
        api.keep("222", shown())
        api.fail("/media/222", Response(status_code=404))
        async with open_site(channels, api) as site:
            image = {"id": "222", "mime_type": "image/jpeg", "caption": "what is this?"}
            await deliver(site, "whatsapp", webhook({"messages": [message(1, "image", image)]}))
            [answer] = await api.sent()
        assert SHOWN in answer["text"]["body"]
        assert len(api.made(f"{VERSION}/222")) == 2

    async def test_media_that_are_gone_or_never_end_are_told(
        self, channels: ChannelSite, api: CloudApi, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("connectors.messaging.downloader.SILENT_S", 0.1)
        monkeypatch.setattr("bot.fetching._FIRST_PAUSE_S", 0.01)
        gone = refusal(400, 100, "Object with ID '333' does not exist", subcode=33)
        api.answer("GET", f"{VERSION}/333", lambda _: gone)
        more = asyncio.Event()
        api.keep("444", b"")
        api.answer("GET", "/media/444", lambda _: never_ending(b"\xff\xd8\xff", more))
        images = [
            message(number, "image", {"id": name, "mime_type": "image/jpeg", "caption": name})
            for number, name in ((1, "333"), (2, "444"))
        ]
        async with open_site(channels, api) as site:
            await deliver(site, "whatsapp", webhook({"messages": images}))
            [answer] = await api.sent()
            more.set()
        assert "333" in answer["text"]["body"]
        assert "444" in answer["text"]["body"]
        assert len(api.made("/media/444")) == 4

    async def test_an_address_of_others_is_not_fetched(
        self, channels: ChannelSite, api: CloudApi
    ) -> None:
        for name, url in (("555", "http://169.254.169.254/meta-data"), ("666", "file:///etc/x")):
            api.answer("GET", f"{VERSION}/{name}", {"url": url, "id": name})
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            for name in ("555", "666"):
                with pytest.raises(Exception, match="media_gone"):
                    [piece async for piece in provider.fetch(name)]

    async def test_how_far_an_answer_came_is_noted(
        self, channels: ChannelSite, api: CloudApi
    ) -> None:
        async with open_site(channels, api) as site:
            await deliver(site, "whatsapp", text(1, "hi there"))
            await api.sent()
            status = {"id": "mid.1", "status": "delivered", "timestamp": str(now_s())}
            assert await site.state_of_part("whatsapp", CHAT, "0") == ""
            assert await deliver(site, "whatsapp", webhook({"statuses": [status]})) == 200
            assert await site.state_of_part("whatsapp", CHAT, "0") == "delivered"


class TestRefusals:
    @pytest.mark.parametrize(
        ("answer", "wait_s"),
        [
            (refusal(400, 131056, "(#131056) pair rate limit hit"), 6),
            (refusal(400, 80007, headers={"x-business-use-case-usage": json.dumps(
                {"1": [{"type": "whatsapp", "estimated_time_to_regain_access": 3}]})}), 180),
            (refusal(400, 4, headers={"x-business-use-case-usage": "{"}), 60),
            (refusal(429, 130429, headers={"retry-after": "7"}), 7),
            (refusal(503, 131016), None),
            (refusal(400, 130429), None),
            (refusal(400, 999_999, is_transient=True), None),
            (refusal(401, 190, "Session has expired"), OPERATORS_PAUSE_S),
            (refusal(403, 200, "Requires permission"), OPERATORS_PAUSE_S),
            (refusal(403, 368, "Temporarily blocked"), OPERATORS_PAUSE_S),
        ],
    )  # fmt: skip
    async def test_what_passes_says_when_to_come_again(
        self, channels: ChannelSite, api: CloudApi, answer: Response, wait_s: float | None
    ) -> None:
        error = await self.refused(channels, api, answer)
        assert (error.permanent, error.retry_after_s) == (False, wait_s)

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (refusal(400, 131047, "Re-engagement message"), "more than 24 hours ago"),
            (refusal(400, 131026, "Message undeliverable"), "cannot be reached"),
            (refusal(400, 100, "Invalid parameter", error_data={"details": "body"}), "body"),
            (Response("<html>", 404), "HTTP 404"),
        ],
    )
    async def test_what_does_not_pass_says_why(
        self, channels: ChannelSite, api: CloudApi, answer: Response, words: str
    ) -> None:
        error = await self.refused(channels, api, answer)
        assert error.permanent
        assert words in str(error)

    async def refused(
        self, channels: ChannelSite, api: CloudApi, answer: Response
    ) -> DeliveryFailed:
        api.refusals = [answer]
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            with pytest.raises(DeliveryFailed) as raised:
                await provider.send({"to": "1", "user": ANN}, Text("hi"), "k")
        return raised.value

    async def test_an_answer_comes_once_the_provider_takes_it_and_before_the_next(
        self, channels: ChannelSite, api: CloudApi
    ) -> None:
        api.refusals = [refusal(400, 130429), refusal(400, 131047)]
        async with open_site(channels, api) as site:
            await deliver(site, "whatsapp", text(1, "hi there"))
            await api.sent(2)
            await deliver(site, "whatsapp", text(2, "and again"))
            calls = await api.sent(3)
        assert [call["text"]["body"].removeprefix("You said: ") for call in calls] == [
            "hi there",
            "hi there",
            "and again",
        ]

    async def test_a_recording_that_is_refused_leaves_its_words(
        self, channels: ChannelSite, api: CloudApi
    ) -> None:
        api.keep("111", voice_note())
        api.answer("POST", api.media, lambda _: refusal(400, 131053, "Media upload error"))
        voice = {"id": "111", "mime_type": "audio/ogg; codecs=opus", "voice": True}
        async with open_site(channels, api) as site:
            await deliver(site, "whatsapp", webhook({"messages": [message(1, "audio", voice)]}))
            await api.wait(api.media)
            await deliver(site, "whatsapp", text(2, "thanks a lot"))
            words, after = await api.sent(2)
        assert SPOKEN.casefold() in words["text"]["body"].casefold()
        assert after["text"]["body"] == "You said: thanks a lot"


class TestOperator:
    async def test_the_number_is_named(self, channels: ChannelSite, api: CloudApi) -> None:
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            assert await provider.check() == "Voltaro, +972 12-345-6789"

    async def test_a_wrong_token_is_told_and_not_shown(
        self, channels: ChannelSite, api: CloudApi
    ) -> None:
        wrong = refusal(400, 190, f"Malformed access token {TOKEN}")
        api.answer("GET", f"{VERSION}/{PHONE}", lambda _: wrong)
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            with pytest.raises(OperatorError, match="WHATSAPP_TOKEN") as raised:
                await provider.check()
        assert "Malformed access token …" in str(raised.value)
        assert TOKEN not in str(raised.value)

    async def test_the_webhook_is_entered_for_the_number_and_the_app(
        self, channels: ChannelSite, api: CloudApi
    ) -> None:
        api.answer("POST", f"{VERSION}/4321/subscriptions", {"success": True})
        url = "https://desk.example/channels/whatsapp"
        async with open_site(channels, api, app="4321", answers=False) as site:
            [provider] = site.messaging.providers
            assert url in await provider.register(url)
        [entered] = api.made(f"{VERSION}/{PHONE}")
        override = {"override_callback_uri": url, "verify_token": VERIFY}
        assert entered.json() == {"webhook_configuration": override}
        [subscribed] = api.made(f"{VERSION}/4321/subscriptions")
        assert subscribed.form["object"] == "whatsapp_business_account"
        assert subscribed.form["access_token"] == f"4321|{SECRET}"
