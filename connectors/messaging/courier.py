"""Brings replies to customers: rendered for the app, part by part, each part once, at the pace that
the provider allows."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import msgspec

from bot.channel import DRAFT, Delta, Desk, Progress, Typing, Whereabouts
from bot.errors import DeliveryFailed, TooFast, Unavailable
from bot.messages import ChannelName, ConversationId, Reply, ReplyId
from connectors.limiter import Limiter, Rate
from connectors.messaging.capabilities import Capabilities
from connectors.messaging.document import read_markdown
from connectors.messaging.provider import Address, Provider
from connectors.messaging.render import Part, Text, Voice, render
from connectors.messaging.split import split

log = logging.getLogger(__name__)

_decode_address = msgspec.json.Decoder(dict[str, str]).decode

_DRAFT_EVERY_S = 1.0
_DRAFT_FORGOTTEN_S = 600.0
"""A draft whose reply never came: another worker had its turn."""
_TYPING_LONGEST_S = 120.0
"""How long typing is shown at most; answers that take longer are none."""
_COUNTED_S = 24 * 3600
_MOST_TASKS = 1_000
"""Signs of progress on their way at once; more are left out."""
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
BROKEN = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a channel raises that its provider's answer, or a file that is gone, has surprised."""


About = TypeVar("About")


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
        self._typing: dict[ConversationId, asyncio.Task[None]] = {}
        self._turnstile = asyncio.Lock()
        """Whoever is next to be sent, over all chats: in the order in which they came."""

    async def deliver(self, reply: Reply, seq: int) -> None:
        """Send what has not been sent of a reply. Raises `DeliveryFailed` and `Unavailable`."""
        self._stop_typing(reply.conversation)
        where = await self._desk.whereabouts(reply.conversation)
        address = self._address(where)
        can = self._provider.can_at(address)
        self._check_window(where, can)
        await self._check_answers(reply, can)
        if draft := self._drafts.pop(reply.id, None):
            await draft.settled()
        sent = await self._desk.sent_parts(reply.conversation, reply.id)
        for number, part in enumerate(render(reply, can, self._public_url)):
            if str(number) in sent:
                continue
            identifier = await self._hand_over(reply, address, number, part, sent.get(DRAFT, ""))
            await self._note(reply.conversation, reply.id, str(number), identifier)

    def show(self, progress: Progress) -> None:
        match progress:
            case Typing(on=False):
                self._stop_typing(progress.conversation)
            case Typing() if self._provider.can.typing:
                self._begin_typing(progress.conversation)
            case Delta() if self._provider.can.edits:
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
        if draft and number == 0 and isinstance(part, Text):
            try:
                await self._provider.edit(address, draft, part)
                return draft
            except DeliveryFailed as error:
                if not error.permanent:
                    raise
                # The customer may have deleted it: the answer is sent anew.
                log.info("courier.draft_gone", extra={"reply": reply.id, "reason": str(error)})
        try:
            return await self._send(address, part, f"{reply.id}_{number}")
        except DeliveryFailed as error:
            if not (error.permanent and isinstance(part, Voice)):
                raise
            # The words have arrived; an app that refuses the recording must not hold up the rest.
            log.error("courier.voice_refused", extra={"reply": reply.id, "reason": str(error)})
            return ""

    async def _send(self, address: Address, part: Part, key: str) -> str:
        try:
            return await self._provider.send(address, part, key)
        except BROKEN as error:
            # It may have been sent; trying again would send it again and again.
            log.exception("courier.provider_broken", extra={"part": key})
            raise DeliveryFailed(f"{type(error).__name__} in the channel", permanent=True) from None

    async def _note(
        self, conversation: ConversationId, reply: ReplyId, part: str, identifier: str
    ) -> None:
        """Keep that a part was sent. Waits for Redis: what is not noted would be sent again."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return await self._desk.note_part(
                    self.channel, conversation, reply, part, identifier
                )
            except Unavailable as error:
                log.warning("courier.not_noted", extra={"reply": reply, "reason": str(error)})
            await asyncio.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)

    async def _pace(self, conversation: ConversationId) -> None:
        """Wait until one more request is within the provider's limits. Other conversations wait
        only for what all of them share."""
        can = self._provider.can
        await self._allowed(conversation, can.chat_pace)
        async with self._turnstile:
            await self._allowed("all", can.pace)

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

    def _check_window(self, where: Whereabouts, can: Capabilities) -> None:
        window = can.window
        if window and self._clock() - where.heard_at > window.total_seconds():
            hours = window.total_seconds() / 3600
            raise DeliveryFailed(
                f"the customer last wrote more than {hours:g} hours ago, and the provider lets "
                "nobody write to them freely after that",
                permanent=True,
            )

    async def _check_answers(self, reply: Reply, can: Capabilities) -> None:
        """Count an answer once, however often it is tried."""
        rate, name = can.answers, f"answers-{self.channel}"
        if rate is None or not await self._limiter.first(name, reply.id, _COUNTED_S):
            return
        try:
            await self._limiter.allow(name, reply.customer, rate)
        except TooFast as error:
            raise DeliveryFailed(
                f"more than {rate.burst} answers to one customer: it may be a machine",
                permanent=True,
            ) from error

    def _begin_typing(self, conversation: ConversationId) -> None:
        if conversation in self._typing:
            return
        if task := self._start(self._show_typing, conversation):
            self._typing[conversation] = task
            task.add_done_callback(partial(self._typing_ended, conversation))

    def _typing_ended(self, conversation: ConversationId, task: asyncio.Task[None]) -> None:
        if self._typing.get(conversation) is task:
            del self._typing[conversation]

    def _stop_typing(self, conversation: ConversationId) -> None:
        if task := self._typing.pop(conversation, None):
            task.cancel()

    async def _show_typing(self, conversation: ConversationId) -> None:
        """Until cancelled: providers show it for some seconds, and a turn may take longer."""
        address = self._address(await self._desk.whereabouts(conversation))
        can = self._provider.can_at(address)
        if not can.typing:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_TYPING_LONGEST_S):
                while True:
                    await self._provider.type(address)
                    await asyncio.sleep(can.typing_every_s)

    def _grow(self, delta: Delta) -> None:
        draft = self._drafts.get(delta.reply)
        if draft is None:
            self._forget_drafts()
            if len(self._drafts) >= _MOST_TASKS:
                return
            self._drafts[delta.reply] = draft = _Draft(delta.conversation, delta.reply)
        draft.text = draft.text[: delta.at] + delta.text
        if draft.task is None and draft.text.strip():
            draft.task = self._start(self._write, draft)

    async def _write(self, draft: "_Draft") -> None:
        """Send the growing answer, and change it while it grows."""
        where = await self._desk.whereabouts(draft.conversation)
        address = self._address(where)
        can = self._provider.can_at(address)
        self._check_window(where, can)
        sent = await self._desk.sent_parts(draft.conversation, draft.reply)
        identifier, shown = sent.get(DRAFT, ""), ""
        while not draft.whole and draft.text != shown:
            try:
                await self._limiter.allow(f"send-{self.channel}", draft.conversation, can.chat_pace)
            except TooFast as error:
                await draft.pause(error.retry_after_s)
                continue
            shown = draft.text
            part = _first_words(shown, can)
            if identifier:
                await self._provider.edit(address, identifier, part)
            else:
                identifier = await self._send(address, part, f"{draft.reply}_{DRAFT}")
                await self._note(draft.conversation, draft.reply, DRAFT, identifier)
            await draft.pause(_DRAFT_EVERY_S)
        draft.task = None

    def _forget_drafts(self) -> None:
        """Those that have long been waiting for their reply, which are the first."""
        before = asyncio.get_running_loop().time() - _DRAFT_FORGOTTEN_S
        while self._drafts and next(iter(self._drafts.values())).begun < before:
            del self._drafts[next(iter(self._drafts))]

    def _start(
        self, work: Callable[[About], Coroutine[Any, Any, None]], about: About
    ) -> asyncio.Task[None] | None:
        if len(self._tasks) >= _MOST_TASKS:
            return None
        task = asyncio.create_task(self._optional(work, about), name=f"{self.channel} progress")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _optional(
        self, work: Callable[[About], Coroutine[Any, Any, None]], about: About
    ) -> None:
        """Signs of progress are a courtesy: the reply itself comes without them."""
        try:
            await work(about)
        except Unavailable as error:
            log.info("courier.no_progress", extra={"channel": self.channel, "reason": str(error)})
        except Exception:
            log.exception("courier.progress_broken", extra={"channel": self.channel})


def _first_words(markdown: str, can: Capabilities) -> Text:
    texts = split(read_markdown(markdown), can.dialect, can.text_limit, can.unit.length)
    return Text(texts[0] if texts else "…")


class _Draft:
    """An answer that grows in the customer's app."""

    def __init__(self, conversation: ConversationId, reply: ReplyId) -> None:
        self.conversation = conversation
        self.reply = reply
        self.text = ""
        self.task: asyncio.Task[None] | None = None
        self.begun = asyncio.get_running_loop().time()
        self._whole = asyncio.Event()

    @property
    def whole(self) -> bool:
        """The answer itself is on its way."""
        return self._whole.is_set()

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
