"""Text messages of the desk's own: by Twilio and Vonage, and by no channel that has none."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.channel_settings import TelegramSection, VonageSection
from bot.errors import DeliveryFailed
from bot.limiter import RedisLimiter
from bot.store import Store
from connectors.messaging.front import Limits, Messaging, open_messaging
from connectors.messaging.texting import texting
from connectors.webchat import Signer
from tests.builders import EchoPolicy, build_desk
from tests.connectors.messaging.stand_in import StandIn


@asynccontextmanager
async def messaging(
    store: Store, folder: Path, configured: dict[str, tuple[str, Any]]
) -> AsyncIterator[Messaging]:
    async with open_messaging(
        configured,
        desk=build_desk(store, folder, EchoPolicy()),
        limiter=RedisLimiter(store),
        signer=Signer(b"s" * 32),
        limits=Limits(text_chars=8_000, attachments=10, upload_bytes=1),
    ) as opened:
        yield opened


async def test_vonage_sends_an_sms(store: Store, tmp_path: Path) -> None:
    api = StandIn()
    api.answer("POST", "/v1/messages", {"message_uuid": "1"})
    async with api.serving():
        section = VonageSection.model_validate(
            {"key": "k", "secret": "s", "signature_secret": "x", "api": api.url}
        )
        configured = {"vonage": ("connectors.vonage", section)}
        async with messaging(store, tmp_path, configured) as opened:
            send = texting(opened.providers, "vonage", "Voltaro")
            assert send
            await send("+4741234567", "Look here")
            assert texting(opened.providers, "twilio", "Voltaro") is None
    [made] = api.made("/v1/messages")
    asked = made.json()
    assert (asked["channel"], asked["to"], asked["from"], asked["text"]) == (
        "sms",
        "4741234567",
        "Voltaro",
        "Look here",
    )


async def test_an_app_without_text_messages_sends_none(store: Store, tmp_path: Path) -> None:
    section = TelegramSection.model_validate({"token": "123456:" + "A" * 35})
    configured = {"telegram": ("connectors.telegram", section)}
    async with messaging(store, tmp_path, configured) as opened:
        send = texting(opened.providers, "telegram", "Voltaro")
        assert send
        with pytest.raises(DeliveryFailed, match="telegram sends no text messages"):
            await send("+4741234567", "Look here")


async def test_an_answer_that_surprises_the_channel_is_a_failure(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def surprised(*_: object) -> str:
        raise KeyError("message_uuid")

    section = VonageSection.model_validate({"key": "k", "secret": "s", "signature_secret": "x"})
    configured = {"vonage": ("connectors.vonage", section)}
    async with messaging(store, tmp_path, configured) as opened:
        monkeypatch.setattr(opened.providers[0], "send", surprised)
        send = texting(opened.providers, "vonage", "Voltaro")
        assert send
        with pytest.raises(DeliveryFailed, match="KeyError in the channel"):
            await send("+4741234567", "Look here")
