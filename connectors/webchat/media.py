"""Attachments and spoken answers, at signed addresses that work for a while."""

import logging
import math

from starlette.requests import Request
from starlette.responses import Response

from bot.channel import Desk
from bot.errors import TooFast, Unavailable
from bot.messages import Attachment, AttachmentId
from connectors.limiter import Limiter, Rate
from connectors.media_response import serve_media
from connectors.requests import client_of
from connectors.webchat.tokens import MediaAddress, Signer, TokenInvalid

log = logging.getLogger(__name__)


class MediaPages:
    def __init__(self, *, desk: Desk, signer: Signer, limiter: Limiter, rate: Rate) -> None:
        """`rate`: requests that one network address may send."""
        self._desk = desk
        self._signer = signer
        self._limiter = limiter
        self._rate = rate

    async def get(self, request: Request) -> Response:
        """GET /webchat/media/{token}"""
        try:
            await self._limiter.allow("lookup", client_of(request.scope), self._rate)
            return await self._get(request)
        except TokenInvalid:
            return Response(status_code=404)
        except TooFast as error:
            retry_after_s = str(math.ceil(error.retry_after_s))
            return Response(status_code=429, headers={"retry-after": retry_after_s})
        except Unavailable as error:
            log.warning("webchat.media_unavailable", extra={"reason": str(error)})
            return Response(status_code=503, headers={"retry-after": "2"})

    async def _get(self, request: Request) -> Response:
        address = self._signer.read(MediaAddress, request.path_params["token"])
        attachment = Attachment(
            AttachmentId(address.attachment),
            address.kind,
            address.media_type,
            address.size_bytes,
            address.name,
        )
        return await serve_media(self._desk, request, attachment)
