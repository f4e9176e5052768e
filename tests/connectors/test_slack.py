"""Slack: who may speak for it, what it is sent, and its own SDK against the stand-in."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient
from starlette.responses import JSONResponse, Response

from bot.channel_settings import SlackSection
from bot.errors import CustomerError, DeliveryFailed, OperatorError
from bot.messages import CustomerId
from connectors.messaging.render import Text, Voice
from tests.connectors.messaging.samples import SHOWN, SPOKEN, shown, voice_note
from tests.connectors.messaging.site import ChannelSite
from tests.connectors.messaging.slack import (
    ANN,
    APP,
    BOT,
    CHANNEL,
    COMMAND,
    DIRECT,
    DM,
    SECRET,
    TOKEN,
    WebApi,
    button,
    envelope,
    message,
    refusal,
)
from tests.connectors.messaging.stand_in import Call, never_ending


@pytest.fixture
async def api() -> AsyncIterator[WebApi]:
    api = WebApi()
    async with api.serving():
        yield api


@asynccontextmanager
async def open_site(
    channels: ChannelSite,
    api: WebApi,
    *,
    answers: bool = True,
    signing_secret: str = SECRET,
    **settings: Any,
) -> AsyncIterator[ChannelSite]:
    section = SlackSection(
        token=TOKEN, app=APP, signing_secret=signing_secret, api=api.url, **settings
    )
    async with channels.open({"slack": ("connectors.slack", section)}, answers=answers):
        yield channels


def signed(body: bytes, secret: str = SECRET, age_s: float = 0) -> dict[str, str]:
    """Headers as Slack's own SDK computes them; it signs text, and what is none is signed here."""
    stamp = str(int(time.time() - age_s))
    try:
        signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
    except UnicodeDecodeError:
        base = f"v0:{stamp}:".encode() + body
        signature = f"v0={hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()}"
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": str(signature)}


async def post(
    site: ChannelSite, body: bytes, headers: dict[str, str], kind: str = "application/json"
) -> Any:
    return await site.post("slack", body, headers | {"Content-Type": kind})


async def deliver(site: ChannelSite, event: dict[str, Any], **headers: str) -> int:
    body = json.dumps(envelope(event)).encode()
    status: int = (await post(site, body, signed(body) | headers)).status_code
    return status


async def fill_in(site: ChannelSite, fields: dict[str, str]) -> Any:
    body = urlencode(fields).encode()
    return await post(site, body, signed(body), "application/x-www-form-urlencoded")


class TestWebhook:
    async def test_the_address_is_verified(self, channels: ChannelSite, api: WebApi) -> None:
        asked = {"token": "legacy", "challenge": "3eZbrw1aB", "type": "url_verification"}
        body = json.dumps(asked).encode()
        async with open_site(channels, api, answers=False) as site:
            answer = await post(site, body, signed(body))
            assert (answer.status_code, answer.text) == (200, "3eZbrw1aB")
            assert (await post(site, body, {})).status_code == 401

    async def test_forged_and_replayed_requests_change_nothing(
        self, channels: ChannelSite, api: WebApi
    ) -> None:
        body = json.dumps(envelope(message(text="hi"))).encode()
        genuine = signed(body)
        forged = [
            {},
            signed(body, secret="another"),
            signed(body, age_s=301),
            signed(body, age_s=-330),
            signed(body[:-1]),
            genuine | {"X-Slack-Request-Timestamp": "soon"},
            genuine | {"X-Slack-Request-Timestamp": "9" * 400},
            {"X-Slack-Signature": genuine["X-Slack-Signature"]},
        ]
        async with open_site(channels, api, answers=False) as site:
            assert [(await post(site, body, each)).status_code for each in forged] == [401] * 8
            assert await site.nothing_was_taken()
            assert (await post(site, body, genuine)).status_code == 200

    async def test_without_a_signing_secret_no_webhook_is_believed(
        self, channels: ChannelSite, api: WebApi
    ) -> None:
        body = json.dumps(envelope(message(text="hi"))).encode()
        section = SlackSection(token=TOKEN, app=APP, app_token="xapp-1", api=api.url)
        async with channels.open({"slack": ("connectors.slack", section)}, answers=False) as site:
            assert (await post(site, body, {})).status_code == 401
            assert await site.nothing_was_taken()

    async def test_a_truncated_or_senseless_body_is_refused(
        self, channels: ChannelSite, api: WebApi
    ) -> None:
        bodies = [b"", b"{", b"[]", b"\xff\xfe", b'{"type": "x"}', b'{"type": "event_callback"}']
        form = "application/x-www-form-urlencoded"
        async with open_site(channels, api, answers=False) as site:
            for body in bodies:
                headers = signed(body)
                assert (await post(site, body, headers)).status_code == 400, body
                assert (await post(site, body, headers, form)).status_code == 400, body
            assert await site.nothing_was_taken()

    async def test_what_is_meant_for_another_app_is_refused(
        self, channels: ChannelSite, api: WebApi
    ) -> None:
        body = json.dumps(envelope(message(text="hi")) | {"api_app_id": "A2"}).encode()
        async with open_site(channels, api, answers=False) as site:
            assert (await post(site, body, signed(body))).status_code == 400
            assert await site.nothing_was_taken()

    async def test_a_duplicate_and_a_retry_are_taken_once(
        self, channels: ChannelSite, api: WebApi
    ) -> None:
        retry = {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}
        async with open_site(channels, api, answers=False) as site:
            event = message(text="hi")
            statuses = await asyncio.gather(
                deliver(site, event), deliver(site, event), deliver(site, event, **retry)
            )
            assert statuses == [200] * 3
            assert len(await site.messages("slack", DM)) == 1

    async def test_a_message_that_is_deleted_before_it_comes_is_not_taken(
        self, channels: ChannelSite, api: WebApi
    ) -> None:
        event = message(text="my card is 4111")
        deleted = message(
            "1.2", subtype="message_deleted", deleted_ts="1.1", previous_message=event
        )
        async with open_site(channels, api, answers=False) as site:
            assert await deliver(site, deleted) == 200
            assert await deliver(site, event) == 200
            assert await site.messages("slack", DM) == []

    async def test_forms_are_taken_and_answered(self, channels: ChannelSite, api: WebApi) -> None:
        async with open_site(channels, api, answers=False) as site:
            pressed = await fill_in(site, {"payload": json.dumps(button())})
            assert (pressed.status_code, pressed.content) == (200, b"")
            asked = await fill_in(site, COMMAND)
            assert asked.json() == {"response_type": "ephemeral", "text": "> where is it?"}
            assert (await fill_in(site, {"ssl_check": "1", "token": "x"})).status_code == 200
            assert (await fill_in(site, {"other": "1"})).status_code == 400
            assert (await fill_in(site, {"payload": "{"})).status_code == 400
            texts = [each.text for each in await site.messages("slack", DM)]
            assert texts == ["Where is it?", "where is it?"]

    async def test_events_that_slack_leaves_out_are_acknowledged(
        self, channels: ChannelSite, api: WebApi
    ) -> None:
        body = json.dumps({"type": "app_rate_limited", "team_id": "T1", "api_app_id": APP}).encode()
        async with open_site(channels, api, answers=False) as site:
            assert (await post(site, body, signed(body))).status_code == 200


class TestConversation:
    async def test_words_a_voice_clip_and_a_screenshot(
        self, channels: ChannelSite, api: WebApi
    ) -> None:
        clip = {
            "id": "F1", "name": "audio.webm", "mimetype": "video/webm", "subtype": "slack_audio",
            "mode": "hosted", "url_private": api.keep("clip", voice_note("audio/webm")),
        }  # fmt: skip
        picture = {
            "id": "F2", "name": "x.png", "mimetype": "image/png", "mode": "hosted",
            "url_private": api.keep("picture", shown("image/png")),
        }  # fmt: skip
        async with open_site(channels, api) as site:
            await deliver(site, message("1.1", text="Hello *there* &lt;b&gt; <!channel>"))
            [first] = await api.wait("/chat.postMessage")
            assert first.headers["authorization"] == f"Bearer {TOKEN}"
            assert first.json()["text"] == "You said: Hello _there_ &lt;b&gt; @channel"
            assert first.json()["channel"] == DIRECT
            assert "thread_ts" not in first.json()

            await deliver(site, message("1.2", subtype="file_share", files=[clip]))
            [finished] = await api.wait("/files.completeUploadExternal")
            assert finished.form["channel_id"] == DIRECT
            assert json.loads(finished.form["files"]) == [{"id": "F9", "title": "answer.m4a"}]
            [upload] = api.made("/upload/v1/abc")
            assert upload.body[4:8] == b"ftyp"
            assert "authorization" not in upload.headers
            [place] = api.made("/files.getUploadURLExternal")
            assert place.form["length"] == str(len(upload.body))
            assert any(SPOKEN.casefold() in each.casefold() for each in api.texts())

            asked = message("1.3", subtype="file_share", files=[picture], text="what is this?")
            await deliver(site, asked)
            last = (await api.wait("/chat.postMessage", 3))[-1]
            assert SHOWN in last.json()["text"]

    async def test_a_mention_in_a_channel_is_answered_in_its_thread(
        self, channels: ChannelSite, api: WebApi
    ) -> None:
        async with open_site(channels, api) as site:
            await deliver(site, message("5.5", channel=CHANNEL, text=f"<@{BOT}> hi there"))
            [answer] = await api.wait("/chat.postMessage")
        assert answer.json()["thread_ts"] == "5.5"
        assert answer.json()["text"] == "You said: hi there"

    async def test_too_many_requests_are_waited_for(
        self, channels: ChannelSite, api: WebApi
    ) -> None:
        api.fail("/chat.postMessage", refusal("ratelimited", 429, **{"retry-after": "1"}))
        async with open_site(channels, api) as site:
            await deliver(site, message(text="hi there"))
            await api.wait("/chat.postMessage", 2)
        assert api.texts() == ["You said: hi there"] * 2

    async def test_what_is_refused_for_good_is_not_tried_again(
        self, channels: ChannelSite, api: WebApi
    ) -> None:
        api.fail("/chat.postMessage", refusal("is_archived"))
        async with open_site(channels, api) as site:
            await deliver(site, message("1.1", text="hi there"))
            await api.wait("/chat.postMessage")
            await deliver(site, message("1.2", text="and again"))
            await api.wait("/chat.postMessage", 2)
        assert api.texts() == ["You said: hi there", "You said: and again"]

    async def test_a_correction_is_answered_with_the_words_it_corrects_gone(
        self, channels: ChannelSite, api: WebApi
    ) -> None:
        first = message(text="where is order 1?")
        after = first | {"text": "where is order 2?", "edited": {"user": ANN, "ts": "1.2"}}
        changed = message("1.2", subtype="message_changed", message=after, previous_message=first)
        async with open_site(channels, api, answers=False) as site:
            await deliver(site, first)
            await deliver(site, changed)
        async with open_site(channels, api):
            await api.wait("/chat.postMessage")
        assert api.texts() == ["You said: where is order 2?"]


class TestProvider:
    """What the desk asks of the channel, without a conversation around it."""

    async def test_errors_that_pass_are_told_from_those_that_do_not(
        self, channels: ChannelSite, api: WebApi
    ) -> None:
        passing = [
            refusal("ratelimited", 429, **{"retry-after": "30"}),
            refusal("ratelimited"),
            refusal("internal_error"),
            refusal("token_revoked"),
            refusal("invalid_auth"),
            Response("<html>", 503),
        ]
        permanent = [
            *map(refusal, ("channel_not_found", "is_archived", "not_in_channel", "msg_too_long")),
            Response("<html>", 404),
        ]
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            for answer in passing + permanent:
                api.fail("/chat.postMessage", answer)
                with pytest.raises(DeliveryFailed) as told:
                    await provider.send(DM.address, Text("hi"), "rep_1_0")
                assert told.value.permanent == (answer in permanent)
                assert TOKEN not in str(told.value)
                if "retry-after" in answer.headers:
                    assert told.value.retry_after_s == 30

    async def test_a_recording_for_a_person_goes_into_their_direct_messages(
        self, channels: ChannelSite, api: WebApi
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            kept = await site.desk.keep_media(
                pieces(voice_note("audio/mp4")),
                owner=CustomerId("cus_1"),
                name="answer.m4a",
                claimed_type="audio/mp4",
                limit_bytes=1 << 20,
            )
            [provider] = site.messaging.providers
            sent = await provider.send({"channel": ANN, "thread": ""}, Voice(kept), "rep_1_1")
        assert sent == "F9"
        assert api.made("/conversations.open")[0].json() == {"users": ANN}
        assert api.made("/files.completeUploadExternal")[0].form["channel_id"] == DIRECT

    async def test_a_file_of_another_workspace_is_looked_up_first(
        self, channels: ChannelSite, api: WebApi
    ) -> None:
        url = api.keep("x", b"bytes")
        api.answer("POST", "/files.info", {"ok": True, "file": {"id": "F1", "url_private": url}})
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            assert b"".join([piece async for piece in provider.fetch("F1 ")]) == b"bytes"
        assert api.made("/files.info")[0].form == {"file": "F1"}

    @pytest.mark.parametrize(
        "found", [refusal("file_not_found"), refusal("file_deleted"),
                  JSONResponse({"ok": True, "file": {"is_external": True}})]
    )  # fmt: skip
    async def test_a_file_that_is_gone_is_told(
        self, channels: ChannelSite, api: WebApi, found: Response
    ) -> None:
        api.fail("/files.info", found)
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            with pytest.raises(CustomerError, match="media_gone"):
                await anext(provider.fetch("F1 "))

    @pytest.mark.parametrize(
        "url", ["https://evil.example/x", "http://files.slack.com/x", "https://slack.com.evil.io/x",
                "https://127.0.0.1/x", "https://docs.google.com/x"]
    )  # fmt: skip
    async def test_the_token_goes_to_slack_alone(
        self, channels: ChannelSite, api: WebApi, url: str
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            with pytest.raises(CustomerError, match="media_gone"):
                await anext(provider.fetch(f"F1 {url}"))

    async def test_a_file_that_is_too_large_or_asks_to_log_in_is_refused(
        self, channels: ChannelSite, api: WebApi
    ) -> None:
        large = api.keep("large", b"x" * (6 << 20))
        api.answer("GET", "/files-pri/login", _to_log_in)
        more = asyncio.Event()
        api.answer("GET", "/files-pri/slow", lambda _: never_ending(b"begins", more))
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            with pytest.raises(CustomerError, match="upload_too_large"):
                await anext(provider.fetch(f"F1 {large}"))
            with pytest.raises(CustomerError, match="media_gone"):
                await anext(provider.fetch(f"F1 {api.url}/files-pri/login"))
            slow = provider.fetch(f"F1 {api.url}/files-pri/slow")
            assert await anext(slow) == b"begins"
            more.set()
            assert [piece async for piece in slow] == []

    async def test_choices_are_buttons_and_an_edit_keeps_to_its_message(
        self, channels: ChannelSite, api: WebApi
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            sent = await provider.send(DM.address, Text("Which?", ("A", "B")), "rep_1_0")
            await provider.edit(DM.address, sent, Text("Which one?"))
        [post] = api.made("/chat.postMessage")
        words, buttons = post.json()["blocks"]
        assert words["text"] == {"type": "mrkdwn", "text": "Which?"}
        assert [each["value"] for each in buttons["elements"]] == ["A", "B"]
        assert len({each["action_id"] for each in buttons["elements"]}) == 2
        [update] = api.made("/chat.update")
        assert (update.json()["channel"], update.json()["ts"]) == (DIRECT, "900.1")

    async def test_the_account_is_named(self, channels: ChannelSite, api: WebApi) -> None:
        async with open_site(channels, api, answers=False) as site:
            [provider] = site.messaging.providers
            assert await provider.check() == "shop in Shop"
            api.fail("/auth.test", refusal("invalid_auth"))
            with pytest.raises(OperatorError, match="SLACK_TOKEN") as told:
                await provider.check()
            assert TOKEN not in str(told.value)
            assert "request URL" in await provider.register("https://desk.example/channels/slack")

    async def test_answers_grow_where_the_operator_wants_it(
        self, channels: ChannelSite, api: WebApi
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            assert not site.messaging.providers[0].can.edits
        async with open_site(channels, api, answers=False, streaming=True) as site:
            assert site.messaging.providers[0].can.edits

    def test_a_way_in_must_be_configured(self) -> None:
        with pytest.raises(ValueError, match="signing_secret"):
            SlackSection(token=TOKEN, app=APP)
        with pytest.raises(ValueError, match="app"):
            SlackSection(token=TOKEN, app="shop", signing_secret=SECRET)


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _to_log_in(_: Call) -> Response:
    return Response(status_code=302, headers={"location": "https://shop.slack.com/?redir=x"})


async def test_slacks_own_client_gets_along_with_the_stand_in(api: WebApi) -> None:
    """What the channel is tested against is what Slack's SDK expects."""
    client = AsyncWebClient(token=TOKEN, base_url=f"{api.url}/")
    assert (await client.auth_test())["user_id"] == BOT
    posted = await client.chat_postMessage(channel=DIRECT, text="hi", thread_ts="1.1")
    assert posted["ts"] == "900.1"
    await client.chat_update(channel=DIRECT, ts="900.1", text="hi there")
    await client.files_upload_v2(channel=DIRECT, content=b"OggS", filename="answer.ogg")
    assert api.made("/upload/v1/abc")[0].body == b"OggS"
    [call] = api.made("/chat.postMessage")
    assert call.headers["authorization"] == f"Bearer {TOKEN}"
