"""Files from the widget: a place is reserved on the socket, the bytes come by PUT, once."""

import logging
import secrets

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bot import texts
from bot.channel import Desk
from bot.errors import CustomerError, TooFast, Unavailable
from bot.messages import Conversation, ConversationId, CustomerId
from connectors.limiter import Limiter
from connectors.requests import body_pieces, client_of, declared_length, end_after
from connectors.webchat.protocol import Upload
from connectors.webchat.render import Renderer
from connectors.webchat.settings import WebchatSettings
from connectors.webchat.tokens import Signer, TokenInvalid, UploadPlace

log = logging.getLogger(__name__)

_STATUS = {
    "upload_too_large": 413,
    "upload_type": 415,
    "upload_mismatch": 415,
    "upload_empty": 422,
    "upload_place_gone": 410,
    "too_fast": 429,
    "unavailable": 503,
}
_TAKEN = ("image/", "audio/", "video/", "text/plain", "application/pdf", "application/octet-stream")
"""What may be announced; what a file really is shows when it comes. Some browsers announce
nothing for the types that they do not know, HEIC among them."""


class Uploads:
    def __init__(
        self,
        *,
        desk: Desk,
        signer: Signer,
        limiter: Limiter,
        renderer: Renderer,
        settings: WebchatSettings,
    ) -> None:
        self._desk = desk
        self._signer = signer
        self._limiter = limiter
        self._renderer = renderer
        self._settings = settings

    async def reserve(
        self, upload: Upload, conversation: Conversation, *, client: str, locale: str
    ) -> str:
        """The address to send this file to.

        Raises `CustomerError` (`upload_too_large`, `upload_empty`, `upload_type`), `TooFast` and
        `Unavailable`; the widget learns it before it has sent a byte.
        """
        limits = self._settings.limits
        if upload.size_bytes > limits.upload_bytes:
            raise CustomerError("upload_too_large", limit_mb=limits.upload_bytes / 1024**2)
        if upload.size_bytes == 0:
            raise CustomerError("upload_empty")
        if upload.media_type and not upload.media_type.lower().startswith(_TAKEN):
            raise CustomerError("upload_type")
        await self._limiter.allow("upload", client, limits.uploads)
        place = UploadPlace(
            customer=conversation.customer,
            conversation=conversation.id,
            name=upload.name,
            media_type=upload.media_type,
            size_bytes=upload.size_bytes,
            locale=locale,
            nonce=secrets.token_urlsafe(12),
        )
        token = self._signer.sign(place, expires_in_s=self._settings.upload_url_s)
        return f"/webchat/uploads/{token}"

    async def put(self, request: Request) -> Response:
        """PUT /webchat/uploads/{token}"""
        place = None
        try:
            client = client_of(request.scope)
            await self._limiter.allow("lookup", client, self._settings.limits.lookups)
            place = self._signer.read(UploadPlace, request.path_params["token"])
            return await self._take(request, place)
        except TokenInvalid:
            error: CustomerError | Unavailable = CustomerError("upload_place_gone")
        except (CustomerError, Unavailable) as caught:
            error = caught
        answer = self._refusal(error, place.locale if place else "", client_of(request.scope))
        return end_after(answer, request)

    async def _take(self, request: Request, place: UploadPlace) -> Response:
        announced = min(place.size_bytes, self._settings.limits.upload_bytes)
        length = declared_length(request)
        if length is not None and length > announced:
            raise CustomerError("upload_too_large", limit_mb=announced / 1024**2)
        remember_s = int(self._settings.upload_url_s) + 60
        if not await self._limiter.first("upload-place", place.nonce, remember_s):
            raise CustomerError("upload_place_gone")
        customer = CustomerId(place.customer)
        with self._desk.customer_sends(ConversationId(place.conversation)):
            attachment = await self._desk.keep_media(
                body_pieces(request),
                owner=customer,
                name=place.name,
                claimed_type=place.media_type,
                limit_bytes=announced,
            )
        kept = self._renderer.attachment(attachment, customer)
        return _json({"attachment": kept}, status=201)

    def _refusal(self, error: CustomerError | Unavailable, locale: str, client: str) -> Response:
        code = error.code if isinstance(error, CustomerError) else "unavailable"
        params = error.params if isinstance(error, CustomerError) else {}
        log.info("webchat.upload_refused", extra={"code": code, "client": client})
        said = {"code": code, "text": texts.say(code, locale, **params)}
        response = _json({"error": said}, status=_STATUS.get(code, 400))
        if isinstance(error, TooFast):
            response.headers["retry-after"] = str(max(1, round(error.retry_after_s)))
        return response


def _json(content: object, *, status: int) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
