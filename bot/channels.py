"""Starts the channels that the configuration names, and the web server they are reached by.

`bot` knows no connector: they are named by import path, as engines are, and get from here the desk
and what the operator decided about them.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from bot.desk import OpenDesk
from bot.limiter import RedisLimiter

CHANNELS = {"webchat": "connectors.webchat", "http": "connectors.http_api"}
"""Name in `frontdesk.yaml` → the package that has the connector."""

_BURSTS = 2
"""So many minutes' worth may come at once from one network address; offices share one."""


def web_server(opened: OpenDesk, on_ready: Callable[[str], None]) -> Any:
    """A `connectors.server.Server` with the configured channels, connected to the desk.

    `on_ready` is called with the URL once connections are taken.
    """
    config = opened.config
    web, server = import_module("connectors.web"), import_module("connectors.server")
    limiter = RedisLimiter(opened.desk.store)
    webchat = _webchat(opened, limiter) if config.channels.webchat.enabled else None
    api = _http(opened, limiter)
    opened.desk.connect(api)
    if webchat is not None:
        opened.desk.connect(webchat)
    app = web.build_app(
        webchat=webchat,
        api=api.app,
        article=opened.article,
        check=opened.check,
        site=config.channels.webchat.page,
    )
    return server.Server(
        app,
        host=config.server.host,
        port=config.server.port,
        trusted_proxies=config.server.trusted_proxies,
        on_ready=on_ready,
    )


def _webchat(opened: OpenDesk, limiter: RedisLimiter) -> Any:
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
        signer=webchat.Signer(webchat.load_secret(config.data)),
        identity=webchat.Identity(
            {site: secret.get_secret_value() for site, secret in section.identity.items()}
        ),
        origins=webchat.Origins(section.origins),
        limiter=limiter,
        settings=settings,
    )


def _http(opened: OpenDesk, limiter: RedisLimiter) -> Any:
    config = opened.config
    http = import_module(CHANNELS["http"])
    return http.HttpApi(
        desk=opened.desk,
        keys=http.ApiKeys(config.channels.http.keys),
        limiter=limiter,
        upload_bytes=int(config.limits.upload_bytes),
        attachments=config.limits.attachments,
    )
