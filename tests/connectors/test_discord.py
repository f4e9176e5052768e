"""Discord: who may speak for it, what it is sent, and what is heard over its gateway."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.responses import JSONResponse, Response

from bot.channel_settings import DiscordSection
from bot.errors import CustomerError, DeliveryFailed, OperatorError
from bot.messages import Attachment, CustomerId
from connectors.discord import Discord
from connectors.discord_voice import waveform
from connectors.messaging.document import read_markdown
from connectors.messaging.events import Chat
from connectors.messaging.render import Text, Voice
from connectors.messaging.split import split
from tests.connectors.messaging.discord import (
    ANN,
    APPLICATION,
    CHANNEL,
    DIRECT,
    DM,
    TOKEN,
    DiscordApi,
    GatewaySide,
    ask,
    file,
    in_guild,
    message,
    press,
    refusal,
)
from tests.connectors.messaging.samples import SHOWN, SPOKEN, shown, voice_note
from tests.connectors.messaging.site import ChannelSite
from tests.connectors.messaging.stand_in import never_ending

KEY = Ed25519PrivateKey.generate()
PUBLIC_KEY = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
MESSAGES = f"/channels/{DIRECT}/messages"


@pytest.fixture
async def side() -> AsyncIterator[GatewaySide]:
    side = GatewaySide()
    async with side.serving():
        yield side


@pytest.fixture
async def api(side: GatewaySide) -> AsyncIterator[DiscordApi]:
    api = DiscordApi()
    limit = {"total": 1000, "remaining": 999, "reset_after": 14400000, "max_concurrency": 1}
    found = {"url": side.url, "shards": 1, "session_start_limit": limit}
    api.answer("GET", "/gateway/bot", found)
    async with api.serving():
        yield api


@asynccontextmanager
async def open_site(
    channels: ChannelSite, api: DiscordApi, *, answers: bool = True, public_key: str = PUBLIC_KEY
) -> AsyncIterator[ChannelSite]:
    section = DiscordSection(
        token=TOKEN, application=APPLICATION, public_key=public_key, api=api.url
    )
    async with channels.open({"discord": ("connectors.discord", section)}, answers=answers):
        yield channels


def provider_of(site: ChannelSite) -> Discord:
    [provider] = site.messaging.providers
    assert isinstance(provider, Discord)
    return provider


def signed(body: bytes, key: Ed25519PrivateKey = KEY, age_s: float = 0) -> dict[str, str]:
    stamp = str(int(time.time() - age_s))
    signature = key.sign(stamp.encode() + body).hex()
    return {"X-Signature-Timestamp": stamp, "X-Signature-Ed25519": signature}


async def deliver(site: ChannelSite, payload: Any, headers: dict[str, str] | None = None) -> Any:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    kind = {"Content-Type": "application/json"}
    return await site.post("discord", body, (signed(body) if headers is None else headers) | kind)


class TestWebhook:
    async def test_a_ping_is_answered(self, channels: ChannelSite, api: DiscordApi) -> None:
        async with open_site(channels, api, answers=False) as site:
            answer = await deliver(site, {"type": 1, "application_id": APPLICATION})
            assert (answer.status_code, answer.json()) == (200, {"type": 1})
            assert answer.headers["content-type"].startswith("application/json")

    async def test_forged_and_replayed_requests_change_nothing(
        self, channels: ChannelSite, api: DiscordApi
    ) -> None:
        body = json.dumps(ask()).encode()
        genuine = signed(body)
        forged: list[dict[str, str]] = [
            {},
            signed(body, Ed25519PrivateKey.generate()),
            signed(body, age_s=301),
            signed(body, age_s=-330),
            signed(body[:-1]),
            genuine | {"X-Signature-Timestamp": "1"},
            genuine | {"X-Signature-Timestamp": "soon"},
            genuine | {"X-Signature-Ed25519": "not hex"},
            genuine | {"X-Signature-Ed25519": "00"},
            {"X-Signature-Ed25519": genuine["X-Signature-Ed25519"]},
        ]
        async with open_site(channels, api, answers=False) as site:
            for headers in forged:
                assert (await deliver(site, body, headers)).status_code == 401, headers
            assert await site.nothing_was_taken()
            assert (await deliver(site, body, genuine)).status_code == 200

    async def test_without_a_public_key_no_webhook_is_believed(
        self, channels: ChannelSite, api: DiscordApi
    ) -> None:
        async with open_site(channels, api, answers=False, public_key="") as site:
            assert (await deliver(site, ask())).status_code == 401
            assert await site.nothing_was_taken()

    async def test_a_truncated_or_senseless_body_is_refused(
        self, channels: ChannelSite, api: DiscordApi
    ) -> None:
        another = ask(application_id="5")
        async with open_site(channels, api, answers=False) as site:
            for body in (
                b"",
                b"{",
                b"[]",
                b"\xff\xfe",
                {"type": 2},
                {"type": 3, "data": 5},
                another,
            ):
                assert (await deliver(site, body)).status_code == 400, body
            assert await site.nothing_was_taken()

    async def test_a_command_shows_its_question_and_a_duplicate_is_taken_once(
        self, channels: ChannelSite, api: DiscordApi
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            answers = await asyncio.gather(*(deliver(site, ask()) for _ in range(3)))
            assert [each.json()["data"]["content"] for each in answers] == ["> where is it?"] * 3
            assert (await deliver(site, press(id="2"))).json() == {"type": 6}
            texts = [each.text for each in await site.messages("discord", DM)]
            assert texts == ["where is it?", "Where is it?"]


class TestConversation:
    async def test_words_a_voice_message_and_a_screenshot(
        self, channels: ChannelSite, api: DiscordApi, side: GatewaySide
    ) -> None:
        recording = file(
            1,
            filename="voice-message.ogg",
            content_type="audio/ogg",
            duration_secs=2.0,
            url=api.keep("1", voice_note()),
        )
        picture = file(2, url=api.keep("2", shown("image/png")))
        async with open_site(channels, api):
            line = await side.ready()
            await side.tell(line, "MESSAGE_CREATE", message(1, content="Hello <b> @everyone"))
            [first] = await api.wait(MESSAGES)
            assert first.headers["authorization"] == f"Bot {TOKEN}"
            assert first.headers["user-agent"].startswith("DiscordBot (")
            asked = first.json()
            assert asked["content"] == "You said: Hello \\<b\\> @\u200beveryone"
            assert asked["allowed_mentions"] == {"parse": []}
            assert asked["enforce_nonce"] is True
            assert len(asked["nonce"]) == 25
            assert "message_reference" not in asked

            spoken = message(2, flags=1 << 13, attachments=[recording])
            await side.tell(line, "MESSAGE_CREATE", spoken)
            calls = await api.wait(MESSAGES, 3)
            [answer] = [call for call in calls if call.form]
            payload = json.loads(answer.form["payload_json"])
            assert payload["flags"] == 1 << 13
            assert payload["attachments"][0]["duration_secs"] > 0.5
            assert len(base64.b64decode(payload["attachments"][0]["waveform"])) > 5
            name, data = answer.form["files[0]"]
            assert name == "voice-message.ogg"
            assert data.startswith(b"OggS")
            edits = [
                call.json()["content"]
                for call in api.calls
                if call.method == "PATCH" and call.path.startswith(MESSAGES)
            ]
            heard = api.texts() + edits
            assert any(SPOKEN.casefold() in each.casefold() for each in heard)

            seen = message(3, content="what is this?", attachments=[picture])
            await side.tell(line, "MESSAGE_CREATE", seen)
            await api.wait(MESSAGES, 4)
            assert SHOWN in api.texts()[-1]

    async def test_a_mention_in_a_server_is_answered_by_a_reply(
        self, channels: ChannelSite, api: DiscordApi, side: GatewaySide
    ) -> None:
        async with open_site(channels, api) as site:
            asked = in_guild(content="<@1000000000000000001> hi there")
            await side.tell(await side.ready(), "MESSAGE_CREATE", asked)
            [answer] = await api.wait(f"/channels/{CHANNEL}/messages")
            assert len(await site.replies("discord", Chat(ANN, {}, CHANNEL))) == 1
        assert answer.json()["content"] == "You said: hi there"
        assert answer.json()["message_reference"] == {
            "message_id": asked["id"],
            "fail_if_not_exists": False,
        }

    async def test_a_corrected_a_deleted_and_a_repeated_message(
        self, channels: ChannelSite, api: DiscordApi, side: GatewaySide
    ) -> None:
        changed = message(1, content="order 2", edited_timestamp="2026-07-11T17:30:00+00:00")
        async with open_site(channels, api, answers=False) as site:
            hearing = asyncio.create_task(site.messaging.run())
            line = await side.ready()
            for name, data in (
                ("MESSAGE_CREATE", message(1, content="order 1")),
                ("MESSAGE_CREATE", message(1, content="order 1")),
                ("MESSAGE_CREATE", message(2, content="my card is 4111")),
                ("MESSAGE_UPDATE", changed),
                ("MESSAGE_DELETE", {"id": message(2)["id"], "channel_id": DIRECT}),
                ("MESSAGE_DELETE", {"id": "999", "channel_id": DIRECT}),
                ("MESSAGE_DELETE_BULK", {"ids": ["998"], "channel_id": DIRECT}),
                ("TYPING_START", {"channel_id": DIRECT, "user_id": ANN}),
                ("OF_NEXT_YEAR", {}),
            ):
                await side.tell(line, name, data)
            # Frames are read in order: whoever answers the last one has taken the others.
            await line.say({"op": 1, "d": None})
            await line.wait(lambda frame: frame == {"op": 1, "d": side.number})
            texts = [each.text for each in await site.messages("discord", DM)]
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
        assert texts == ["order 1", "order 2"]

    async def test_without_a_public_address_a_command_comes_over_the_gateway(
        self, channels: ChannelSite, api: DiscordApi, side: GatewaySide
    ) -> None:
        asked = ask()
        path = f"/interactions/{asked['id']}/{asked['token']}/callback"
        api.answer("POST", path, lambda _: Response(status_code=204))
        api.fail(path, refusal(404, 10062, "Unknown interaction"))
        async with open_site(channels, api, public_key="") as site:
            line = await side.ready()
            await side.tell(line, "INTERACTION_CREATE", asked)
            await side.tell(line, "INTERACTION_CREATE", asked)
            calls = await api.wait(path, 2)
            assert calls[1].json()["type"] == 4
            await api.wait(MESSAGES)
            assert len(await site.messages("discord", DM)) == 1
        assert api.texts() == ["You said: where is it?"]

    async def test_too_many_requests_are_waited_for(
        self, channels: ChannelSite, api: DiscordApi, side: GatewaySide
    ) -> None:
        limited = {"message": "You are being rate limited.", "retry_after": 0.3, "global": False}
        api.fail(MESSAGES, JSONResponse(limited, 429))
        async with open_site(channels, api):
            await side.tell(await side.ready(), "MESSAGE_CREATE", message(content="hi there"))
            await api.wait(MESSAGES, 2)
        assert api.texts() == ["You said: hi there"] * 2

    async def test_a_blocked_bot_does_not_try_again(
        self, channels: ChannelSite, api: DiscordApi, side: GatewaySide
    ) -> None:
        api.fail(MESSAGES, refusal(403, 50007, "Cannot send messages to this user"))
        async with open_site(channels, api):
            line = await side.ready()
            await side.tell(line, "MESSAGE_CREATE", message(1, content="hi there"))
            await api.wait(MESSAGES)
            await side.tell(line, "MESSAGE_CREATE", message(2, content="and again"))
            await api.wait(MESSAGES, 2)
        assert api.texts() == ["You said: hi there", "You said: and again"]


class TestSending:
    """What the desk asks of the channel, without a conversation around it."""

    async def test_the_same_part_sent_again_is_one_message(
        self, channels: ChannelSite, api: DiscordApi
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            provider = provider_of(site)
            first = await provider.send(DM.address, Text("hi"), "rep_1_0")
            again = await provider.send(DM.address, Text("hi"), "rep_1_0")
            other = await provider.send(DM.address, Text("hi"), "rep_1_1")
        assert first == again != other

    async def test_choices_are_rows_of_buttons(
        self, channels: ChannelSite, api: DiscordApi
    ) -> None:
        choices = tuple(f"Choice {number}" for number in range(7))
        async with open_site(channels, api, answers=False) as site:
            provider = provider_of(site)
            sent = await provider.send(DM.address, Text("Which?", choices), "rep_1_0")
            await provider.edit(DM.address, sent, Text("Which one?"))
            await provider.type(DM.address)
        rows = api.made(MESSAGES)[0].json()["components"]
        assert [len(row["components"]) for row in rows] == [5, 2]
        buttons = [button for row in rows for button in row["components"]]
        assert [each["label"] for each in buttons] == list(choices)
        assert len({each["custom_id"] for each in buttons}) == 7
        [edit] = api.made(f"{MESSAGES}/{sent}")
        assert edit.json()["content"] == "Which one?"
        assert edit.json()["allowed_mentions"] == {"parse": []}
        assert api.made(f"/channels/{DIRECT}/typing")

    async def test_where_voice_messages_are_not_allowed_a_recording_is_a_file(
        self, channels: ChannelSite, api: DiscordApi
    ) -> None:
        api.fail(MESSAGES, refusal(400, 50173, "You cannot send voice messages in this channel."))
        async with open_site(channels, api, answers=False) as site:
            sent = await provider_of(site).send(DM.address, await kept(site), "rep_1_1")
        first, second = (json.loads(call.form["payload_json"]) for call in api.made(MESSAGES))
        assert first["flags"] == 1 << 13
        assert "flags" not in second
        assert second["attachments"] == [{"id": 0, "filename": "answer.ogg"}]
        assert sent == "900"

    async def test_errors_that_pass_are_told_from_those_that_do_not(
        self, channels: ChannelSite, api: DiscordApi
    ) -> None:
        limited = JSONResponse({"message": "slow", "retry_after": 64.57, "global": False}, 429)
        passing = [
            limited,
            refusal(401, 0, "401: Unauthorized"),
            refusal(400, 40003),
            refusal(403, 40062),
            Response("<html>", 502),
        ]
        permanent = [
            refusal(403, 50001, "Missing Access"),
            refusal(403, 50013, "Missing Permissions"),
            refusal(404, 10003, "Unknown Channel"),
            refusal(400, 50035, "Invalid Form Body"),
            Response("<html>", 403),
        ]
        async with open_site(channels, api, answers=False) as site:
            for answer in passing + permanent:
                api.fail(MESSAGES, answer)
                with pytest.raises(DeliveryFailed) as told:
                    await provider_of(site).send(DM.address, Text("hi"), "rep_1_0")
                assert told.value.permanent == (answer in permanent), str(told.value)
                assert TOKEN not in str(told.value)
                if answer is limited:
                    assert told.value.retry_after_s == 64.57

    async def test_a_limit_on_all_requests_stops_all_of_them(
        self, channels: ChannelSite, api: DiscordApi
    ) -> None:
        limited = JSONResponse({"message": "slow", "retry_after": 30, "global": True}, 429)
        api.fail(MESSAGES, limited)
        async with open_site(channels, api, answers=False) as site:
            provider = provider_of(site)
            with pytest.raises(DeliveryFailed):
                await provider.send(DM.address, Text("hi"), "rep_1_0")
            with pytest.raises(DeliveryFailed) as told:
                await provider.type({"channel": CHANNEL})
            assert told.value.retry_after_s is not None
            assert 0 < told.value.retry_after_s <= 30
        assert not api.made(f"/channels/{CHANNEL}/typing")

    def test_nobody_is_called_by_what_is_written(self) -> None:
        words = "Hello @everyone, @here, <@1> and `@everyone`"
        [text] = split(read_markdown(words), Discord.can.dialect, 2000)
        assert text == "Hello @\u200beveryone, @\u200bhere, \\<@1\\> and `@everyone`"


class TestFetching:
    async def test_an_expired_link_is_replaced_by_the_message_s_new_one(
        self, channels: ChannelSite, api: DiscordApi
    ) -> None:
        fresh = file(1, url=api.keep("fresh", b"bytes"))
        api.answer("GET", f"{MESSAGES}/5", message(5, attachments=[fresh]))
        forwarded = {"message": {"attachments": [fresh]}}
        api.answer("GET", f"{MESSAGES}/6", message(6, message_snapshots=[forwarded]))
        async with open_site(channels, api, answers=False) as site:
            for number in (5, 6):
                source = f"{DIRECT}/{number}/701 {api.url}/attachments/expired"
                pieces = provider_of(site).fetch(source)
                assert b"".join([piece async for piece in pieces]) == b"bytes"
        assert len(api.made("/attachments/expired")) == 2

    async def test_what_is_gone_is_told(self, channels: ChannelSite, api: DiscordApi) -> None:
        api.answer("GET", f"{MESSAGES}/5", message(5))
        gone = f"{api.url}/attachments/gone"
        async with open_site(channels, api, answers=False) as site:
            for source in (f"{DIRECT}/5/701 {gone}", f"{DIRECT}/6/701 {gone}", f" {gone}"):
                with pytest.raises(CustomerError, match="media_gone"):
                    await anext(aiter(provider_of(site).fetch(source)))

    @pytest.mark.parametrize(
        "url", ["https://evil.example/x", "http://cdn.discordapp.com/x", "https://127.0.0.1/x",
                "https://cdn.discordapp.com.evil.io/x", "https://cdn.discordapp.com:8443/x"]
    )  # fmt: skip
    async def test_files_come_from_discord_alone(
        self, channels: ChannelSite, api: DiscordApi, url: str
    ) -> None:
        async with open_site(channels, api, answers=False) as site:
            with pytest.raises(CustomerError, match="media_gone"):
                await anext(aiter(provider_of(site).fetch(f" {url}")))

    async def test_large_and_slow_files(self, channels: ChannelSite, api: DiscordApi) -> None:
        large = api.keep("large", b"x" * (6 << 20))
        more = asyncio.Event()
        api.answer("GET", "/attachments/slow", lambda _: never_ending(b"begins", more))
        async with open_site(channels, api, answers=False) as site:
            with pytest.raises(CustomerError, match="upload_too_large"):
                await anext(aiter(provider_of(site).fetch(f" {large}")))
            slow = provider_of(site).fetch(f" {api.url}/attachments/slow")
            assert await anext(aiter(slow)) == b"begins"
            more.set()
            assert [piece async for piece in slow] == []


class TestOperator:
    async def test_the_account_is_named(self, channels: ChannelSite, api: DiscordApi) -> None:
        async with open_site(channels, api, answers=False, public_key="") as site:
            assert await provider_of(site).check() == "Shop"
            api.fail("/applications/@me", refusal(401, 0, "401: Unauthorized"))
            with pytest.raises(OperatorError, match="DISCORD_TOKEN"):
                await provider_of(site).check()
            api.fail("/applications/@me", JSONResponse({"id": "5", "name": "Other"}))
            with pytest.raises(OperatorError, match="Application ID"):
                await provider_of(site).check()

    async def test_a_wrong_public_key_is_told(self, channels: ChannelSite, api: DiscordApi) -> None:
        async with open_site(channels, api, answers=False) as site:
            with pytest.raises(OperatorError, match="Public Key"):
                await provider_of(site).check()

    async def test_the_command_and_the_webhook_are_registered(
        self, channels: ChannelSite, api: DiscordApi
    ) -> None:
        url = "https://desk.example/channels/discord"
        async with open_site(channels, api, answers=False) as site:
            assert url in await provider_of(site).register(url)
            api.fail("/applications/@me", refusal(400, 50035, "could not be verified"))
            with pytest.raises(OperatorError, match="could not be verified"):
                await provider_of(site).register(url)
        command = api.made(f"/applications/{APPLICATION}/commands")[0].json()
        assert (command["name"], command["contexts"]) == ("ask", [0, 1])
        [first, _] = api.made("/applications/@me")
        assert first.json() == {"interactions_endpoint_url": url}

    async def test_a_refused_token_ends_the_gateway_and_is_told(
        self, channels: ChannelSite, api: DiscordApi, caplog: pytest.LogCaptureFixture
    ) -> None:
        api.fail("/gateway/bot", refusal(401, 0, "401: Unauthorized"))
        async with open_site(channels, api, answers=False) as site:

            async def take(_: Any) -> None: ...

            await provider_of(site).run(take)
        [record] = [each for each in caplog.records if each.message == "discord.refused"]
        assert "DISCORD_TOKEN" in record.__dict__["remedy"]

    def test_settings_that_cannot_be_are_refused(self) -> None:
        with pytest.raises(ValueError, match="application"):
            DiscordSection(token=TOKEN, application="shop")
        with pytest.raises(ValueError, match="public_key"):
            DiscordSection(token=TOKEN, application=APPLICATION, public_key="abc")


class TestWaveform:
    def test_it_follows_the_recording(self) -> None:
        picture = base64.b64decode(waveform(voice_note()))
        assert 5 < len(picture) <= 256
        assert (min(picture), max(picture)) == (0, 255)

    def test_half_a_recording_is_a_flat_line(self) -> None:
        assert set(base64.b64decode(waveform(voice_note()[:40]))) == {0}

    @pytest.mark.parametrize("broken", [b"", b"OggS", b"RIFF...."])
    def test_what_is_no_recording_is_a_flat_line(self, broken: bytes) -> None:
        assert base64.b64decode(waveform(broken)) == b"\0"


async def kept(site: ChannelSite) -> Voice:
    async def pieces() -> AsyncIterator[bytes]:
        yield voice_note()

    attachment: Attachment = await site.desk.keep_media(
        pieces(),
        owner=CustomerId("cus_1"),
        name="answer.ogg",
        claimed_type="audio/ogg",
        limit_bytes=1 << 20,
    )
    return Voice(attachment)
