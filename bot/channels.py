"""Starts the channels that the configuration names, and the web server they are reached by.

`bot` knows no connector: they are named by import path, as engines are, and get from here the desk
and what the operator decided about them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from bot.channel_memory import RedisMemory
from bot.config import ChannelsSection, Config
from bot.config_file import section_of
from bot.errors import OperatorError
from bot.limiter import RedisLimiter
from bot.own_channels import own_channel

if TYPE_CHECKING:
    from bot.call_backs.calling import Calling
    from bot.opening import OpenDesk

CHANNELS = {
    "webchat": "connectors.webchat",
    "http": "connectors.http_api",
    "whatsapp": "connectors.whatsapp",
    "telegram": "connectors.telegram",
    "messenger": "connectors.messenger",
    "instagram": "connectors.instagram",
    "slack": "connectors.slack",
    "discord": "connectors.discord",
    "teams": "connectors.teams",
    "line": "connectors.line",
    "wechat": "connectors.wechat",
    "viber": "connectors.viber",
    "twilio": "connectors.twilio",
    "vonage": "connectors.vonage",
    "email": "connectors.email",
    "webhook": "connectors.webhook",
}
"""Name in `frontdesk.yaml` → the module or package that has the connector."""
_OWN_PROTOCOL = ("webchat", "http")
"""All others, and the operator's own, are messaging apps: `connectors.messaging` has what they
share."""

_BURSTS = 2
"""So many minutes' worth may come at once from one network address; offices share one."""


class Front:
    """The configured channels, and the web server."""

    def __init__(
        self, server: Any, messaging: Any, lines: Any, call_backs: "Calling | None"
    ) -> None:
        self._server = server
        self._call_backs = call_backs
        self._messaging = messaging
        self._lines = lines

    async def run(self) -> None:
        """Serve until `stop` was called. Raises `OperatorError` if the address cannot be used."""
        polling = asyncio.create_task(self._messaging.run(), name="channels")
        lines = asyncio.create_task(self._lines.run(), name="lines")
        lines.add_done_callback(self._lines_ended)
        calling = [
            asyncio.create_task(each.run(self._lines.dial), name="call-backs")
            for each in [self._call_backs]
            if each
        ]
        try:
            await self._server.serve()
        finally:
            polling.cancel()
            lines.cancel()
            for task in calling:
                task.cancel()
            await asyncio.gather(polling, lines, *calling, return_exceptions=True)
        if not lines.cancelled():
            lines.result()

    def _lines_ended(self, lines: asyncio.Task[None]) -> None:
        if not lines.cancelled() and lines.exception():
            self.stop()

    def stop(self) -> None:
        """Take nothing new, and let what is in progress end."""
        self._server.stop()


@asynccontextmanager
async def open_front(opened: "OpenDesk", on_ready: Callable[[str], None]) -> AsyncIterator[Front]:
    """Connects the channels to the desk. `on_ready` is called with the URL once connections are
    taken. Raises `OperatorError`."""
    config = opened.config
    web, server = import_module("connectors.web"), import_module("connectors.server")
    front = import_module("connectors.messaging.front")
    calls = import_module("connectors.calls.front")
    limiter = RedisLimiter(opened.desk.store)
    signer = _signer(config)
    async with (
        calls.open_lines(
            lines_of(config), calls=opened.calls, public_url=config.server.url
        ) as lines,
        front.open_messaging(
            messaging_apps(config),
            desk=opened.desk,
            limiter=limiter,
            signer=signer,
            limits=front.Limits(
                text_chars=config.limits.text_chars,
                attachments=config.limits.attachments,
                upload_bytes=int(config.limits.upload_bytes),
            ),
            memory=RedisMemory(opened.desk.store),
            public_url=config.server.url,
            on_call=getattr(lines.lines.get("whatsapp"), "happened", None),
        ) as messaging,
    ):
        api = _http(opened, limiter, lines.dial)
        opened.desk.connect(api)
        webchat = None
        if config.channels.webchat.enabled:
            webchat = _webchat(opened, limiter, signer, lines.lines.get("browser"))
            opened.desk.connect(webchat)
        for courier, fetch in front.connections(messaging):
            opened.desk.connect(courier, fetch)
        app = web.build_app(
            webchat=webchat,
            api=api.app,
            messaging=messaging.routes,
            calls=lines,
            pictures=_picture_page(opened, limiter, messaging),
            article=opened.article,
            check=opened.check,
            site=config.channels.webchat.page,
        )
        yield Front(
            server.Server(
                app,
                host=config.server.host,
                port=config.server.port,
                trusted_proxies=config.server.trusted_proxies,
                on_ready=on_ready,
            ),
            messaging,
            lines,
            opened.call_backs,
        )


def _picture_page(opened: "OpenDesk", limiter: RedisLimiter, messaging: Any) -> Any:
    """The page that callers show pictures by, and their links with it; None where there are none.
    Raises `OperatorError`."""
    links, section = opened.pictures, opened.config.calls.picture_link
    if links is None or section is None:
        return None
    url = opened.config.server.url
    if not url:
        raise OperatorError(
            "calls.picture_link sends links to the desk, and the desk does not know its address",
            remedy="server: {url: https://desk.example}",
        )
    texting = import_module("connectors.messaging.texting")
    send = texting.texting(messaging.providers, section.channel, section.sender)
    if send is None:
        raise OperatorError(
            f"calls.picture_link sends text messages by a channel that is not there: "
            f"{section.channel}",
            remedy=f"add `channels: {{{section.channel}: …}}`, see docs/channels/README.md",
        )
    page = import_module("connectors.picture_page")
    links.serve(opened.desk, send, f"{url.rstrip('/')}{page.PATH}")
    return page.PicturePage(links, limiter, business=opened.config.name)


def lines_of(config: Config) -> dict[str, Any]:
    """The lines that calls may come in on, and their settings. Raises `OperatorError`."""
    section = config.calls.lines
    lines = {name: getattr(section, name) for name in type(section).model_fields}
    if not section.browser.enabled:
        del lines["browser"]
    whatsapp = lines.pop("whatsapp")
    if whatsapp.enabled:
        if config.channels.whatsapp is None:
            raise OperatorError(
                "calls.lines.whatsapp takes calls to the number of a channel that is not there",
                remedy="add `channels: {whatsapp: …}`, see docs/channels/whatsapp.md",
            )
        lines["whatsapp"] = (whatsapp, config.channels.whatsapp)
    return {name: settings for name, settings in lines.items() if settings is not None}


def messaging_apps(config: Config) -> dict[str, tuple[str, Any]]:
    """Each configured messaging app: the import path of its module, and its settings. Raises
    `OperatorError` for one of the operator's own that cannot be had."""
    sections = {name: getattr(config.channels, name) for name in CHANNELS}
    own = config.channels.own
    return {
        name: (CHANNELS[name], section)
        for name, section in sections.items()
        if name not in _OWN_PROTOCOL and section is not None
    } | {name: own_channel(name, given) for name, given in own.items()}


def section_model(name: str) -> type[BaseModel] | None:
    """The settings of a messaging app; None where there is no such app."""
    field = ChannelsSection.model_fields.get(name)
    if name not in CHANNELS or name in _OWN_PROTOCOL or field is None:
        return None
    return section_of(field.annotation)


def path_of(name: str, public_url: str) -> str:
    """Where a channel is reached, under the desk's public address or by its path alone."""
    paths = {"webchat": "/webchat/socket", "http": "/v1/"}
    return f"{public_url}{paths.get(name, f'/channels/{name}')}"


def _signer(config: Config) -> Any:
    webchat = import_module(CHANNELS["webchat"])
    return webchat.Signer(webchat.load_secret(config.data))


def _webchat(opened: "OpenDesk", limiter: RedisLimiter, signer: Any, calls: Any) -> Any:
    config = opened.config
    section, limits = config.channels.webchat, config.limits
    webchat = import_module(CHANNELS["webchat"])
    rate = import_module("connectors.limiter").Rate
    settings = webchat.WebchatSettings(
        business=webchat.Business(
            config.name,
            config.greeting,
            {language: tuple(texts) for language, texts in config.suggestions.items()},
        ),
        limits=webchat.Limits(
            text_chars=limits.text_chars,
            upload_bytes=int(limits.upload_bytes),
            attachments=limits.attachments,
            sessions=rate(limits.sessions_per_minute, limits.sessions_per_minute * _BURSTS),
            uploads=rate(limits.uploads_per_minute, limits.uploads_per_minute),
        ),
        session_days=section.session_days,
        developer=section.developer,
    )
    return webchat.WebchatConnector(
        desk=opened.desk,
        signer=signer,
        identity=webchat.Identity(
            {site: secret.get_secret_value() for site, secret in section.identity.items()}
        ),
        origins=webchat.Origins(section.origins),
        limiter=limiter,
        settings=settings,
        calls=calls,
    )


def _http(opened: "OpenDesk", limiter: RedisLimiter, dial: Any) -> Any:
    config = opened.config
    http = import_module(CHANNELS["http"])
    return http.HttpApi(
        desk=opened.desk,
        keys=http.ApiKeys(config.channels.http.keys),
        limiter=limiter,
        upload_bytes=int(config.limits.upload_bytes),
        attachments=config.limits.attachments,
        dial=dial,
    )
