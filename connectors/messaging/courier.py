"""Brings replies to customers: rendered for the app, part by part, each part once, at the pace that
the provider allows."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import msgspec

from bot.channel import Delta, Desk, Progress, Typing, Whereabouts
from bot.errors import DeliveryFailed, TooFast, Unavailable
from bot.messages import ChannelName, ConversationId, Reply, ReplyId
from connectors.limiter import Limiter, Rate
from connectors.messaging.document import read_markdown
from connectors.messaging.provider import Address, Provider
from connectors.messaging.render import Part, Text, Voice, render
from connectors.messaging.split import split

log = logging.getLogger(__name__)

_decode_address = msgspec.json.Decoder(dict[str, str]).decode

DRAFT = "draft"
"""Under this name the id of a growing answer is kept until it is whole."""
_DRAFT_EVERY_S = 1.0
_COUNTED_S = 24 * 3600
_MOST_TASKS = 1_000
"""Signs of progress on their way at once; more are left out."""


class Courier:
    """`bot.channel.Connector` for a provider."""

    def __init__(
        self,
        provider: Provider,
        desk: Desk,
        limiter: Limiter,
        *,
        public_url: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock`: Unix time in seconds."""
        self.channel: ChannelName = provider.channel
        self._provider = provider
        self._desk = desk
        self._limiter = limiter
        self._public_url = public_url
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._drafts: dict[ReplyId, _Draft] = {}

    async def deliver(self, reply: Reply, seq: int) -> None:
        """Send what has not been sent of a reply. Raises `DeliveryFailed` and `Unavailable`."""
        where = await self._desk.whereabouts(reply.conversation)
        address = self._address(where)
        self._check_window(where)
        await self._check_answers(reply)
        draft = self._drafts.pop(reply.id, None)
        if draft:
            await draft.settled()
        sent = await self._desk.sent_parts(reply.conversation, reply.id)
        for number, part in enumerate(render(reply, self._provider.can, self._public_url)):
            if str(number) in sent:
                continue
            identifier = await self._hand_over(reply, address, number, part, sent.get(DRAFT, ""))
            await self._desk.note_part(
                self.channel, reply.conversation, reply.id, str(number), identifier
            )

    def show(self, progress: Progress) -> None:
        if isinstance(progress, Typing):
            if progress.on and self._provider.can.typing:
                self._start(self._show_typing(progress.conversation))
        elif self._provider.can.edits:
            self._grow(progress)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _hand_over(
        self, reply: Reply, address: Address, number: int, part: Part, draft: str
    ) -> str:
        """Gives the provider's id; empty for a recording that it would not take."""
        await self._pace(reply.conversation)
        if draft and number == 0:
            await self._provider.edit(address, draft, part)
            return draft
        try:
            return await self._provider.send(address, part, f"{reply.id}_{number}")
        except DeliveryFailed as error:
            if not (error.permanent and isinstance(part, Voice)):
                raise
            # The words have arrived; an app that refuses the recording must not hold up the rest.
            log.error("courier.voice_refused", extra={"reply": reply.id, "reason": str(error)})
            return ""

    async def _pace(self, conversation: ConversationId) -> None:
        """Wait until one more request is within the provider's limits."""
        can = self._provider.can
        for client, rate in (("all", can.pace), (conversation, can.chat_pace)):
            await self._allowed(client, rate)

    async def _allowed(self, client: str, rate: Rate) -> None:
        while True:
            try:
                return await self._limiter.allow(f"send-{self.channel}", client, rate)
            except TooFast as error:
                await asyncio.sleep(error.retry_after_s)

    def _address(self, where: Whereabouts) -> Address:
        if not where.address:
            raise DeliveryFailed("the conversation has no address any more", permanent=True)
        return _decode_address(where.address)

    def _check_window(self, where: Whereabouts) -> None:
        window = self._provider.can.window
        if window and self._clock() - where.heard_at > window.total_seconds():
            hours = window.total_seconds() / 3600
            raise DeliveryFailed(
                f"the customer last wrote more than {hours:g} hours ago, and the provider lets "
                "nobody write to them freely after that",
                permanent=True,
            )

    async def _check_answers(self, reply: Reply) -> None:
        """Count an answer once, however often it is tried."""
        rate, name = self._provider.can.answers, f"answers-{self.channel}"
        if rate is None or not await self._limiter.first(name, reply.id, _COUNTED_S):
            return
        try:
            await self._limiter.allow(name, reply.customer, rate)
        except TooFast as error:
            raise DeliveryFailed(
                f"more than {rate.burst} answers to one customer: it may be a machine",
                permanent=True,
            ) from error

    async def _show_typing(self, conversation: ConversationId) -> None:
        where = await self._desk.whereabouts(conversation)
        await self._provider.type(self._address(where))

    def _grow(self, delta: Delta) -> None:
        draft = self._drafts.get(delta.reply)
        if draft is None:
            if len(self._drafts) >= _MOST_TASKS:
                return
            self._drafts[delta.reply] = draft = _Draft(delta.conversation, delta.reply)
        draft.text = draft.text[: delta.at] + delta.text
        if draft.task is None:
            draft.task = self._start(self._write(draft))

    async def _write(self, draft: "_Draft") -> None:
        """Send the growing answer, and change it while it grows."""
        where = await self._desk.whereabouts(draft.conversation)
        address = self._address(where)
        sent = await self._desk.sent_parts(draft.conversation, draft.reply)
        identifier, shown = sent.get(DRAFT, ""), ""
        while draft.reply in self._drafts and draft.text != shown:
            shown = draft.text
            part = self._first_words(shown)
            await self._pace(draft.conversation)
            if identifier:
                await self._provider.edit(address, identifier, part)
            else:
                identifier = await self._provider.send(address, part, f"{draft.reply}_{DRAFT}")
                await self._desk.note_part(
                    self.channel, draft.conversation, draft.reply, DRAFT, identifier
                )
            await draft.pause(_DRAFT_EVERY_S)
        draft.task = None

    def _first_words(self, markdown: str) -> Text:
        can = self._provider.can
        texts = split(read_markdown(markdown), can.dialect, can.text_limit, can.unit.length)
        return Text(texts[0] if texts else "…")

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
        if len(self._tasks) >= _MOST_TASKS:
            work.close()
            return None
        task = asyncio.create_task(self._optional(work), name=f"{self.channel} progress")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _optional(self, work: Coroutine[Any, Any, None]) -> None:
        """Signs of progress are a courtesy: the reply itself comes without them."""
        try:
            await work
        except Unavailable as error:
            log.info("courier.no_progress", extra={"channel": self.channel, "reason": str(error)})


class _Draft:
    """An answer that grows in the customer's app."""

    def __init__(self, conversation: ConversationId, reply: ReplyId) -> None:
        self.conversation = conversation
        self.reply = reply
        self.text = ""
        self.task: asyncio.Task[None] | None = None
        self._whole = asyncio.Event()

    async def pause(self, longest_s: float) -> None:
        """Wait before the next change, but not longer than until the answer is whole."""
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                await self._whole.wait()

    async def settled(self) -> None:
        """The answer is whole: wait for a request that is on its way."""
        self._whole.set()
        if self.task:
            await asyncio.wait({self.task})
