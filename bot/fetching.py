"""Brings files that still lie at a channel's provider into the media store, once; used by
`bot.manager` before it looks at them.

A webhook is acknowledged before anything is fetched: the message is in Redis with the provider's
name for the file, and a turn that is done again after a crash finds what was fetched before.
"""

import asyncio
import logging
from collections.abc import AsyncIterator

from bot.channel import Fetch
from bot.errors import CustomerError, DeliveryFailed, Unavailable
from bot.media import MediaStore
from bot.messages import Attachment, ChannelName, CustomerId, Message

log = logging.getLogger(__name__)

_ATTEMPTS = 4
_FIRST_PAUSE_S = 0.5
"""Doubled for each further attempt: a provider may still be preparing the file."""
_LONGEST_S = 120.0
"""All attempts together: the customer waits for an answer."""


class Fetching:
    def __init__(self, media: MediaStore, *, limit_bytes: int) -> None:
        """`limit_bytes`: the largest file."""
        self._media = media
        self._limit_bytes = limit_bytes
        self._sources: dict[ChannelName, Fetch] = {}

    def serve(self, channel: ChannelName, fetch: Fetch) -> None:
        """Have a channel's files brought by `fetch`."""
        self._sources[channel] = fetch

    async def bring(self, message: Message, attachment: Attachment) -> Attachment:
        """The attachment as it lies in the media store, with what it really is.

        Raises `CustomerError` with the reason why it cannot be had, and `Unavailable` if the
        media store does not answer.
        """
        if not attachment.source:
            return attachment
        kept = await self._media.find(attachment.id, message.customer)
        if kept:
            return kept
        fetch = self._sources.get(message.channel)
        if fetch is None:
            # The channel was taken out of frontdesk.yaml since the message came.
            raise CustomerError("media_gone")
        try:
            async with asyncio.timeout(_LONGEST_S):
                return await self._fetched(fetch, attachment, message.customer)
        except TimeoutError:
            log.warning("media.too_slow", extra={"attachment": attachment.id})
            raise CustomerError("media_gone") from None

    async def _fetched(self, fetch: Fetch, attachment: Attachment, owner: CustomerId) -> Attachment:
        pause_s = _FIRST_PAUSE_S
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._media.keep(
                    _from_provider(fetch(attachment.source)),
                    owner=owner,
                    name=attachment.name,
                    claimed_type="",
                    limit_bytes=self._limit_bytes,
                    under=attachment.id,
                )
            except _NotFetched as error:
                log.warning(
                    "media.not_fetched",
                    extra={
                        "attachment": attachment.id,
                        "attempt": attempt,
                        "reason": str(error),
                    },
                )
                if error.permanent:
                    break
            if attempt < _ATTEMPTS:
                await asyncio.sleep(pause_s)
                pause_s *= 2
        raise CustomerError("media_gone")


class _NotFetched(Exception):
    """The provider did not give the file, which is not the media store's fault."""

    def __init__(self, error: Unavailable) -> None:
        self.permanent = isinstance(error, DeliveryFailed) and error.permanent
        super().__init__(str(error))


async def _from_provider(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for piece in pieces:
            yield piece
    except Unavailable as error:
        raise _NotFetched(error) from error
