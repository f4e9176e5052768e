"""Who gets a link to show a picture, and what becomes of it: a part of the caller's turn."""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from bot.calls.talk import CALL
from bot.calls.timeline import Timeline
from bot.calls.transport import Call, EndReason
from bot.channel import Desk
from bot.dialling import Dialling
from bot.errands import Told
from bot.errors import CustomerError, DeliveryFailed, TooFast
from bot.limiter import RedisLimiter
from bot.messages import AnswerAs, Message, ReplyKind
from bot.picture_links.asking import wants_to_show
from bot.picture_links.links import Link, Links, message_of
from bot.policy import Decision
from bot.store import Store
from bot.texts import say

log = logging.getLogger(__name__)

Text = Callable[[str, str], Awaitable[None]]
"""Sends a text message: to a number (`+4722334455`), these words. Raises `DeliveryFailed`."""
WAITS_S = 60.0
"""For which a caller who was sent a link is left alone: to find it, open it, and choose."""
_HOUR_S = 3600
_DAY_S = 24 * _HOUR_S
_PER_CALL = 3
_PER_DAY = 10
"""Links to one number."""


class PictureLinks:
    """Implements `bot.errands.Errand`, `bot.channel.PictureDoor` and
    `bot.calls.switchboard.Watch`."""

    def __init__(
        self,
        store: Store,
        *,
        dialling: Dialling,
        business: str,
        minutes: int,
        per_hour: int,
        upload_bytes: int,
    ) -> None:
        """`minutes`: that a link is good for. `per_hour`: links that are sent to all callers
        together. `upload_bytes`: the largest picture."""
        self._links = Links(store, minutes * 60)
        self._limiter = RedisLimiter(store)
        self._dialling = dialling
        self._business = business
        self._per_hour = per_hour
        self._upload_bytes = upload_bytes
        self._send: Text | None = None
        self._address = ""
        self._desk: Desk | None = None

    def serve(self, desk: Desk, send: Text, address: str) -> None:
        """From now on links are sent by `send`; they open below `address`, which ends in a slash,
        and what comes by them goes to `desk`."""
        self._desk, self._send, self._address = desk, send, address

    # In the conversation

    async def answer(self, told: Told) -> Decision | None:
        if not self._in_phone_call(told) or not wants_to_show(told.text):
            return None
        language = told.understanding.language
        if not self._dialling.takes_texts(told.phone):
            return _notice("picture_no_mobile", language)
        call = self._call_of(told)
        link = Link(call, told.last.conversation, CALL, told.last.customer, told.phone, language)
        assert self._send
        try:
            await self._count(call, told)
            if token := await self._links.give(link, f"{told.last.conversation}:{told.turn}"):
                minutes = self._links.minutes
                await self._send(
                    told.phone,
                    say(
                        "picture_text",
                        language,
                        business=self._business,
                        url=f"{self._address}{token}",
                        minutes=minutes,
                    ),
                )
                await self._links.sent(call)
        except TooFast:
            log.warning("picture_link.too_many", extra={"call": call})
            return _notice("picture_too_many", language)
        except DeliveryFailed as error:
            log.error("picture_link.not_sent", extra={"call": call, "reason": str(error)})
            await self._links.end(call)
            return _notice("picture_not_sent", language)
        log.info("picture_link.sent", extra={"call": call})
        text = say("picture_sent", language, minutes=self._links.minutes)
        return Decision(ReplyKind.NOTICE, text, why="picture link: sent", waits_s=WAITS_S)

    async def offer(self, told: Told, decision: Decision) -> Decision:
        """Where words have not helped, a picture may; told once in a call."""
        if decision.kind is not ReplyKind.UNKNOWN or not self._in_phone_call(told):
            return decision
        if not self._dialling.takes_texts(told.phone):
            return decision
        if not await self._limiter.first("picture-offer", self._call_of(told), _HOUR_S):
            return decision
        offer = say("picture_offer", told.understanding.language)
        return msgspec.structs.replace(decision, text=f"{decision.text}\n\n{offer}")

    def _in_phone_call(self, told: Told) -> bool:
        return self._send is not None and told.in_call and told.last.channel == CALL

    @staticmethod
    def _call_of(told: Told) -> str:
        return next(m.utterance.call for m in reversed(told.messages) if m.utterance)

    async def _count(self, call: str, told: Told) -> None:
        """Raises `TooFast` where it is one too many."""
        turn = f"{told.last.conversation}:{told.turn}"
        for name, client, most, span_s in (
            ("picture-link-call", call, _PER_CALL, _DAY_S),
            ("picture-link-number", told.phone, _PER_DAY, _DAY_S),
            ("picture-link", "all", self._per_hour, _HOUR_S),
        ):
            await self._limiter.within(name, client, most, span_s, turn)

    # At the page

    @property
    def upload_bytes(self) -> int:
        return self._upload_bytes

    async def locale(self, token: str) -> str | None:
        link = await self._links.find(token)
        return link.locale if link else None

    async def take(self, token: str, chunks: AsyncIterator[bytes], claimed_type: str) -> None:
        if not claimed_type.lower().startswith("image/"):  # what it really is shows when it comes
            raise CustomerError("picture_only")
        link = await self._links.claim(token)
        if link is None or self._desk is None:
            raise CustomerError("picture_link_gone")
        try:
            with self._desk.customer_sends(link.conversation):
                attachment = await self._desk.keep_media(
                    chunks,
                    owner=link.customer,
                    name="",
                    claimed_type=claimed_type,
                    limit_bytes=self._upload_bytes,
                )
            if await self._links.find(token) is None:  # the call has ended while it came
                raise CustomerError("picture_link_gone")
            await self._desk.accept(
                Message(
                    id=message_of(token),
                    channel=link.channel,
                    conversation=link.conversation,
                    customer=link.customer,
                    attachments=(attachment,),
                    phone=link.phone,
                    locale=link.locale,
                    answer_as=AnswerAs.TEXT,
                    sent_at=time.time(),
                )
            )
            await self._links.used(token)
        finally:
            await self._links.release(token)
        log.info("picture_link.used", extra={"call": link.call})

    # With the call

    async def reached(self, call: Call) -> None:
        return

    async def over(self, call: Call, reason: EndReason, timeline: Timeline) -> None:
        await self._links.end(call.id)


def _notice(code: str, language: str) -> Decision:
    return Decision(ReplyKind.NOTICE, say(code, language), why=f"picture link: {code}")
