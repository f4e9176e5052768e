"""Attachments and spoken answers, at signed addresses that work for a while."""

import logging

from starlette.requests import Request
from starlette.responses import Response

from bot.channel import Desk
from bot.errors import Unavailable
from bot.messages import Attachment, AttachmentId
from connectors.media_response import serve_media
from connectors.webchat.tokens import MediaAddress, Signer, TokenInvalid

log = logging.getLogger(__name__)


class MediaPages:
    def __init__(self, *, desk: Desk, signer: Signer) -> None:
        self._desk = desk
        self._signer = signer

    async def get(self, request: Request) -> Response:
        """GET /webchat/media/{token}"""
        try:
            address = self._signer.read(MediaAddress, request.path_params["token"])
        except TokenInvalid:
            return Response(status_code=404)
        attachment = Attachment(
            AttachmentId(address.attachment),
            address.kind,
            address.media_type,
            address.size_bytes,
            address.name,
        )
        try:
            return await serve_media(self._desk, request, attachment)
        except Unavailable as error:
            log.warning("webchat.media_unavailable", extra={"reason": str(error)})
            return Response(status_code=503, headers={"retry-after": "2"})
