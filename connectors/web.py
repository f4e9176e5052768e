"""The web application: the channels' routes, the site's pages, what every answer carries."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import isroutine
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.errors import Unavailable
from connectors.calls.front import PATH as CALLS_PATH
from connectors.picture_page import PicturePage
from connectors.requests import headers_of
from connectors.webchat.connector import WebchatConnector
from connectors.webchat.origins import Origins
from connectors.webchat.widget_files import WidgetFiles

log = logging.getLogger(__name__)

SOCKET_PATH = "/webchat/socket"
WELCOME_FOLDER = Path(__file__).parent / "welcome"
WIDGET_FOLDER = Path(__file__).parent / "webchat" / "static"

Article = Callable[[str], Awaitable[str | None]]
"""Article id → the whole HTML page of it, already cleaned of scripts; None if there is none."""
Check = Callable[[], Awaitable[None]]
"""Returns if the desk can take messages; raises `Unavailable`."""

_ON_EVERY_ANSWER = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"strict-origin-when-cross-origin",
}
_ARTICLE_POLICY = (
    "default-src 'none'; img-src 'self' data: https:; style-src 'unsafe-inline' 'self'; "
    "base-uri 'none'; form-action 'none'"
)
_FOREIGN = ("/webchat/",)
"""What pages of other sites load and call; everything else is for the desk's own."""
_PRIVATE = ("/v1/", "/webchat/uploads/", "/channels/", CALLS_PATH)
"""Answers about a customer, which nobody may keep, where they do not say otherwise."""


def build_app(
    *,
    webchat: WebchatConnector | None = None,
    api: FastAPI | None = None,
    messaging: Sequence[BaseRoute] = (),
    calls: ASGIApp | None = None,
    article: Article | None = None,
    check: Check | None = None,
    pictures: PicturePage | None = None,
    site: Path | None = None,
) -> ASGIApp:
    """The whole web application. `messaging`: the routes of the messaging apps. `calls`: what
    answers below `/calls/`. `pictures`: the page that callers show pictures by.

    `site`: a folder of pages for `/`; only files in it are served, links out of it are not.
    Without one, a page that shows the widget and how to embed it.
    """
    routes: list[BaseRoute] = [
        Route("/healthz", _alive),
        Route("/readyz", _readiness(check)),
    ]
    if webchat is not None:
        routes += webchat.routes
        routes.append(Mount("/webchat", WidgetFiles(WIDGET_FOLDER)))
    routes += messaging
    if pictures is not None:
        routes += pictures.routes
    if article is not None:
        routes.append(Route("/articles/{article:path}", _article_page(article)))
    app = api if api is not None else FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.router.routes[:0] = routes
    if site is None and webchat is not None:
        site = WELCOME_FOLDER
    if site is not None:
        app.router.routes.append(Mount("/", _Revalidated(directory=site, html=True)))
    return _Site(app, webchat, calls, _direct(messaging))


class _Site:
    """The outermost application: the widget's socket goes straight to its connector, all other
    answers get the headers that they have in common."""

    def __init__(
        self,
        app: ASGIApp,
        webchat: WebchatConnector | None,
        calls: ASGIApp | None,
        direct: Mapping[str, ASGIApp],
    ) -> None:
        """`direct`: applications by path that need nothing of what `app` does for a request."""
        self._app = app
        self._webchat = webchat
        self._calls = calls
        self._direct = direct

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            if self._webchat is not None and scope["path"] == SOCKET_PATH:
                await self._webchat.socket(scope, receive, send)
                return
            if self._calls is not None and scope["path"].startswith(CALLS_PATH):
                await self._calls(scope, receive, send)
                return
        elif scope["type"] == "http":
            added = dict(_ON_EVERY_ANSWER)
            if scope["path"].startswith(_PRIVATE):
                added[b"cache-control"] = b"no-store"
            if self._webchat is not None and scope["path"].startswith(_FOREIGN):
                cors = _cors(scope, self._webchat.origins)
                if scope["method"] == "OPTIONS":
                    await Response(status_code=204 if cors else 403, headers=cors)(
                        scope, receive, send
                    )
                    return
                added |= {name.encode(): value.encode() for name, value in (cors or {}).items()}
            send = _with_headers(send, added)
            if self._calls is not None and scope["path"].startswith(CALLS_PATH):
                await self._calls(scope, receive, send)
                return
            if scope["method"] in ("POST", "GET") and scope["path"] in self._direct:
                await self._direct[scope["path"]](scope, receive, send)
                return
        await self._app(scope, receive, send)


def _direct(routes: Sequence[BaseRoute]) -> dict[str, ASGIApp]:
    """The webhooks by path: there may be thousands a second, and the way through all routes and
    FastAPI takes longer than to verify, parse and keep one."""
    return {
        route.path: route.endpoint
        for route in routes
        if isinstance(route, Route) and not isroutine(route.endpoint) and "{" not in route.path
    }


def _with_headers(send: Send, added: dict[bytes, bytes]) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = message["headers"]
            names = {name.lower() for name, _ in own}
            message["headers"] = [*own, *((n, v) for n, v in added.items() if n not in names)]
        await send(message)

    return wrapped


def _cors(scope: Scope, origins: Origins) -> dict[str, str] | None:
    """What lets an allowed page of another site read the answer; None for one that may not.

    No cookies are ever involved: `Access-Control-Allow-Credentials` stays away.
    """
    headers = headers_of(scope)
    if not origins.allow(headers):
        return None
    shared = {"cross-origin-resource-policy": "cross-origin", "vary": "Origin"}
    if "origin" in headers:
        shared["access-control-allow-origin"] = headers["origin"]
        shared["access-control-allow-methods"] = "GET, PUT"
        shared["access-control-allow-headers"] = "content-type, range"
        shared["access-control-expose-headers"] = "content-range, retry-after"
        shared["access-control-max-age"] = "7200"
    return shared


class _Revalidated(StaticFiles):
    """Files with an ETag that browsers ask about each time: an update shows at once, and an
    unchanged file costs a 304."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "public, max-age=0, must-revalidate"
        return response


async def _alive(_: Request) -> Response:
    return JSONResponse({"status": "alive"})


def _readiness(check: Check | None) -> Callable[[Request], Awaitable[Response]]:
    async def ready(_: Request) -> Response:
        try:
            if check is not None:
                await check()
        except Unavailable as error:
            log.warning("web.not_ready", extra={"reason": str(error)})
            return JSONResponse({"status": "unavailable"}, 503, {"retry-after": "2"})
        return JSONResponse({"status": "ready"})

    return ready


def _article_page(article: Article) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        html = await article(request.path_params["article"])
        if html is None:
            return HTMLResponse("<!doctype html><title>404</title><p>404", 404)
        return HTMLResponse(
            html,
            headers={
                "content-security-policy": _ARTICLE_POLICY,
                "cache-control": "public, max-age=60",
            },
        )

    return page
