"""One page and one upload, for whoever has a link's secret; nobody else learns anything by it.

A link that is good no more, one that was used, and one that never was look the same. Opening the
page changes nothing, for the apps that show messages open links as well; only a picture uses it up.
"""

import html
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from string import Template

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from bot import texts
from bot.channel import PictureDoor
from bot.errors import CustomerError, TooFast, Unavailable
from connectors.limiter import Limiter, Rate
from connectors.requests import (
    body_pieces,
    client_of,
    declared_length,
    end_after,
    preferred_locale,
)
from connectors.webchat.widget_files import WidgetFiles

log = logging.getLogger(__name__)

PATH = "/show/"
_FOLDER = Path(__file__).parent / "static"
_PAGE = Template((_FOLDER / "page.html").read_text("utf-8"))
_LOOKS = Rate(per_minute=60, burst=30)
"""From one network address, at any links: secrets are not to be guessed."""
_UPLOADS = Rate(per_minute=10, burst=10)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "cache-control": "no-store",
    # The address is the secret.
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, nofollow",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_STATUS = {
    "picture_link_gone": 404,
    "picture_only": 415,
    "upload_too_large": 413,
    "upload_type": 415,
    "upload_mismatch": 415,
    "upload_empty": 422,
    "too_fast": 429,
}
_RIGHT_TO_LEFT = ("ar",)


class PicturePage:
    def __init__(self, door: PictureDoor, limiter: Limiter, *, business: str) -> None:
        self._door = door
        self._limiter = limiter
        self._business = business

    @property
    def routes(self) -> list[BaseRoute]:
        return [
            Mount(f"{PATH}static", WidgetFiles(_FOLDER)),
            Route(f"{PATH}{{token}}", self._told(self._get), methods=["GET"]),
            Route(f"{PATH}{{token}}", self._told(self._put), methods=["PUT"]),
        ]

    async def _get(self, request: Request) -> Response:
        await self._limiter.allow("picture-look", client_of(request.scope), _LOOKS)
        locale = await self._door.locale(request.path_params["token"])
        if locale is None:
            raise CustomerError("picture_link_gone")
        return HTMLResponse(self._page(locale))

    async def _put(self, request: Request) -> Response:
        client = client_of(request.scope)
        await self._limiter.allow("picture-look", client, _LOOKS)
        token = request.path_params["token"]
        if await self._door.locale(token) is None:
            raise CustomerError("picture_link_gone")
        await self._limiter.allow("picture-upload", client, _UPLOADS)
        limit = self._door.upload_bytes
        if (declared_length(request) or 0) > limit:
            raise CustomerError("upload_too_large", limit_mb=limit / 1024**2)
        await self._door.take(token, body_pieces(request), request.headers.get("content-type", ""))
        return Response(status_code=204)

    def _told(
        self, answer: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """With errors in the caller's language, and the headers that all answers have."""

        async def told(request: Request) -> Response:
            try:
                response = await answer(request)
            except (CustomerError, Unavailable) as error:
                response = end_after(await self._refusal(request, error), request)
            response.headers.update(_HEADERS)
            return response

        return told

    async def _refusal(self, request: Request, error: CustomerError | Unavailable) -> Response:
        code = error.code if isinstance(error, CustomerError) else "unavailable"
        params = error.params if isinstance(error, CustomerError) else {}
        log.info("picture_page.refused", extra={"code": code, "client": client_of(request.scope)})
        status = _STATUS.get(code, 503 if code == "unavailable" else 400)
        locale = preferred_locale(request.headers.get("accept-language", ""))
        response: Response
        if request.method == "GET":
            response = HTMLResponse(self._page(locale, texts.say(code, locale, **params)), status)
        else:
            said = {"code": code, "text": texts.say(code, locale, **params)}
            response = Response(
                msgspec.json.encode({"error": said}), status, media_type="application/json"
            )
        if isinstance(error, TooFast):
            response.headers["retry-after"] = str(max(1, round(error.retry_after_s)))
        return response

    def _page(self, locale: str, ended: str = "") -> str:
        """The page in a language; `ended`: why no picture can be sent by it."""
        language = locale.partition("-")[0].lower()
        language = language if language in texts.languages() else texts.FALLBACK

        def say(code: str) -> str:
            return html.escape(texts.say(code, language, business=self._business))

        return _PAGE.substitute(
            language=language,
            direction="rtl" if language in _RIGHT_TO_LEFT else "ltr",
            form_hidden="hidden" if ended else "",
            ended=html.escape(ended),
            business=html.escape(self._business),
            **{code.removeprefix("picture_"): say(code) for code in _SENTENCES},
        )


_SENTENCES = (
    "picture_title", "picture_lead", "picture_choose", "picture_other", "picture_chosen",
    "picture_send", "picture_sending", "picture_thanks", "picture_failed", "picture_script",
)  # fmt: skip
