"""The links that were given out: each opens for one picture of one call, for some minutes.

A link is 128 bits that nobody can guess; Redis knows its digest alone. It is good until a picture
came by it, its call ended, or its time is over, whichever is first.
"""

import asyncio
import hashlib
import secrets

import msgspec

from bot import keys
from bot.messages import ChannelName, ConversationId, CustomerId, MessageId
from bot.store import Store

_TAKING_S = 660
"""How long an upload may take, and a little; then another one may begin."""
_encode = msgspec.json.Encoder().encode


class Link(msgspec.Struct, frozen=True):
    """Whose picture it is."""

    call: str
    conversation: ConversationId
    channel: ChannelName
    customer: CustomerId
    phone: str
    locale: str


class _Given(msgspec.Struct, frozen=True):
    """The link that a call has."""

    turn: str
    digest: str
    sent: bool = False


_decode = msgspec.json.Decoder(Link).decode


class Links:
    """Raises `Unavailable` where Redis does not answer, in each of its methods."""

    def __init__(self, store: Store, good_s: int) -> None:
        """`good_s`: seconds that a link is good for."""
        self._store = store
        self._good_s = good_s

    @property
    def minutes(self) -> int:
        return self._good_s // 60

    async def give(self, link: Link, turn: str) -> str:
        """A new link, as the last part of its address; the one that the call has is good no more.
        Empty where this turn has been given one, and it was `sent`: it is done again."""
        given = await self._given(link.call)
        if given and given.turn == turn and given.sent:
            return ""
        if given:
            await self._store.run("DEL", keys.picture_link(given.digest))
        token = secrets.token_urlsafe(16)
        digest = _digest(token)
        kept = self._store.run("SET", keys.picture_link(digest), _encode(link), "EX", self._good_s)
        await asyncio.gather(kept, self._name(link.call, _Given(turn, digest)))
        return token

    async def sent(self, call: str) -> None:
        """The call's link is on its way."""
        if given := await self._given(call):
            await self._name(call, msgspec.structs.replace(given, sent=True))

    async def find(self, token: str) -> Link | None:
        raw = await self._store.run("GET", keys.picture_link(_digest(token)))
        return _decode(raw) if raw else None

    async def claim(self, token: str) -> Link | None:
        """The link, for the one upload that may use it now; None where it is good no more, or a
        picture is on its way."""
        link = await self.find(token)
        if link is None:
            return None
        key = keys.picture_taken(_digest(token))
        return link if await self._store.run("SET", key, 1, "NX", "EX", _TAKING_S) else None

    async def release(self, token: str) -> None:
        """No picture came by it: it may be tried again."""
        await self._store.run("DEL", keys.picture_taken(_digest(token)))

    async def used(self, token: str) -> None:
        """A picture came by it, and no other will."""
        await self._store.run("DEL", keys.picture_link(_digest(token)))

    async def end(self, call: str) -> None:
        """The call is over: so is its link."""
        if given := await self._given(call):
            await self._store.run("DEL", keys.picture_link(given.digest))
            await self._store.run("DEL", keys.picture_link_of(call))

    async def _name(self, call: str, given: _Given) -> None:
        key = keys.picture_link_of(call)
        await self._store.run("SET", key, _encode(given), "EX", self._good_s)

    async def _given(self, call: str) -> _Given | None:
        raw = await self._store.run("GET", keys.picture_link_of(call))
        return msgspec.json.decode(raw, type=_Given) if raw else None


def message_of(token: str) -> MessageId:
    """Of the message that brings the link's picture: the same if it should be sent again, so that
    it is taken once."""
    return MessageId(f"m_{_digest(token)[:32]}")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
