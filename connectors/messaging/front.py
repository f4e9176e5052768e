"""The messaging apps that the operator has configured, wired to the desk and running."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib import import_module
from typing import Any

import msgspec
from starlette.routing import Route

from bot.channel import Connector, Desk, Fetch
from bot.errors import DeliveryFailed, Unavailable
from bot.messages import Attachment, ChannelName
from connectors.limiter import Limiter, Rate
from connectors.messaging.api import Api
from connectors.messaging.courier import Courier
from connectors.messaging.downloader import Downloader
from connectors.messaging.events import Event
from connectors.messaging.hook import Malformed
from connectors.messaging.intake import Intake
from connectors.messaging.provider import Memory, ProcessMemory, Provider, Services
from connectors.messaging.webhook import Webhook
from connectors.webchat.media import MediaPages
from connectors.webchat.tokens import MediaAddress, Signer

log = logging.getLogger(__name__)

MEDIA_URL_S = 24 * 3600
"""How long a provider, or the app behind it, may fetch what it was sent."""
MEDIA_PACE = Rate(per_minute=6_000, burst=1_000)
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0


class Limits(msgspec.Struct, frozen=True):
    """Of what the desk takes in one message."""

    text_chars: int
    attachments: int
    upload_bytes: int


class Messaging:
    """All configured apps."""

    def __init__(self, providers: tuple[Provider, ...], couriers: tuple[Courier, ...]) -> None:
        self.providers = providers
        self.couriers = couriers
        self.routes: list[Route] = []
        self._intakes: dict[str, Intake] = {}

    def connect(self, provider: Provider, intake: Intake, public_url: str) -> None:
        """Let a provider's webhooks in at `/channels/NAME`."""
        hook = Webhook(provider, intake, public_url=public_url)
        self.routes.append(Route(f"/channels/{provider.channel}", hook, methods=["GET", "POST"]))
        self._intakes[provider.channel] = intake

    async def run(self) -> None:
        """Fetch events from providers that push none, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for provider in self.providers:
                intake = self._intakes[provider.channel]
                group.create_task(_keep_running(provider, intake), name=provider.channel)


@asynccontextmanager
async def open_messaging(
    configured: Mapping[str, tuple[str, Any]],
    *,
    desk: Desk,
    limiter: Limiter,
    signer: Signer,
    limits: Limits,
    memory: Memory | None = None,
    public_url: str = "",
    on_call: Callable[[Mapping[str, Any]], None] | None = None,
) -> AsyncIterator[Messaging]:
    """`configured`: channel → (import path of its module, its settings). `memory`: without one,
    what providers remember ends with the process. `public_url`: the desk's address as providers
    know it. `on_call`: as `Services.on_call`. Raises `OperatorError`."""
    async with AsyncExitStack() as stack:
        trusted = [getattr(settings, "api", "") for _, settings in configured.values()]
        services = Services(
            api=await stack.enter_async_context(Api()),
            download=await stack.enter_async_context(
                Downloader(trusted=trusted, limit_bytes=limits.upload_bytes)
            ),
            open_media=desk.open_media,
            as_mp3=desk.as_mp3,
            media_url=_media_urls(signer, public_url),
            public_url=public_url,
            memory=memory or ProcessMemory(),
            on_call=on_call,
        )
        providers = tuple(
            _named(name, import_module(module).provider(settings, services))
            for name, (module, settings) in configured.items()
        )
        couriers = tuple(
            Courier(provider, desk, limiter, public_url=public_url) for provider in providers
        )
        messaging = Messaging(providers, couriers)
        for provider, courier in zip(providers, couriers, strict=True):
            stack.push_async_callback(courier.close)
            intake = Intake(
                desk,
                provider.channel,
                provider.account,
                text_chars=limits.text_chars,
                attachments=limits.attachments,
            )
            messaging.connect(provider, intake, public_url)
        if providers:
            pages = MediaPages(desk=desk, signer=signer, limiter=limiter, rate=MEDIA_PACE)
            messaging.routes.append(Route("/channels/media/{token}", pages.get, methods=["GET"]))
        yield messaging


@asynccontextmanager
async def open_provider(
    module: str, settings: Any, *, public_url: str = ""
) -> AsyncIterator[tuple[Provider, Api]]:
    """One app by itself, without a desk, to be checked and registered; and what it calls by.
    Raises `OperatorError`."""
    trusted = [getattr(settings, "api", "")]
    async with Api() as api, Downloader(trusted=trusted, limit_bytes=0) as download:
        services = Services(
            api=api,
            download=download,
            open_media=_no_media,
            as_mp3=_no_media,
            media_url=_no_media,
            public_url=public_url,
        )
        yield import_module(module).provider(settings, services), api


def fetches(provider: Provider) -> bool:
    """Whether it has a loop of its own, and may need no webhooks."""
    return type(provider).run is not Provider.run


def _named(name: str, provider: Provider) -> Provider:
    """A channel goes by the name that it has in `frontdesk.yaml`."""
    provider.channel = ChannelName(name)
    return provider


def connections(messaging: Messaging) -> list[tuple[Connector, Fetch]]:
    """What the desk is to be connected to: each app's courier, and how its files are fetched."""
    pairs = zip(messaging.couriers, messaging.providers, strict=True)
    return [(courier, provider.fetch) for courier, provider in pairs]


def _no_media(_: object) -> Any:
    raise DeliveryFailed("there is no desk to take media from", permanent=True)


def _media_urls(signer: Signer, public_url: str) -> Any:
    def media_url(attachment: Attachment) -> str:
        if not public_url:
            raise DeliveryFailed(
                "the provider fetches media by itself, and the desk has no public address: set "
                "`server.url`",
                permanent=True,
            )
        address = MediaAddress(
            attachment=attachment.id,
            customer="",
            kind=attachment.kind,
            media_type=attachment.media_type,
            size_bytes=attachment.size_bytes,
            name=attachment.name,
        )
        return f"{public_url}/channels/media/{signer.sign(address, expires_in_s=MEDIA_URL_S)}"

    return media_url


async def _take(intake: Intake, provider: Provider, event: Event) -> None:
    """What makes no sense is left out: fetched again, it would hold up all that comes after it."""
    try:
        await intake.take(event)
    except Malformed as error:
        log.warning("event.malformed", extra={"channel": provider.channel, "reason": str(error)})


async def _keep_running(provider: Provider, intake: Intake) -> None:
    """Run a provider's own loop, and again when its connection is lost."""
    pause_s = _FIRST_PAUSE_S
    while True:
        started = asyncio.get_running_loop().time()
        try:
            return await provider.run(partial(_take, intake, provider))
        except Unavailable as error:
            log.warning(
                "channel.interrupted",
                extra={"channel": provider.channel, "reason": str(error), "pause_s": pause_s},
            )
        except Exception:
            # One channel's trouble is not the others'.
            log.exception("channel.failed", extra={"channel": provider.channel})
        if asyncio.get_running_loop().time() - started > _LONGEST_PAUSE_S:
            pause_s = _FIRST_PAUSE_S
        await asyncio.sleep(pause_s)
        pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)
