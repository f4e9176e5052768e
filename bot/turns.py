"""The worker: reads the inbox and works through each conversation's turns, in order.

Different conversations run side by side, each in a lane of its own that exists only while there is
something to answer. What comes while a turn is worked on joins it, until its answer has begun.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from bot import keys
from bot.burst import patience_s
from bot.channel import Progress, Typing
from bot.errors import Unavailable
from bot.history import History
from bot.inbox import Inbox, Received
from bot.lease import Leases
from bot.manager import DialogueManager, Outcome, Turn
from bot.messages import ConversationId, Message
from bot.outbox import Outbox, Superseded
from bot.store import Store
from bot.underway import Underway

log = logging.getLogger(__name__)

_MOST_LANES = 2_000
"""Conversations in work at once; the rest waits in Redis."""
_MOST_JOINED = 30
"""Messages that one turn may take in."""
_TYPING_SHOWN_AFTER_S = 0.25
_LONGEST_PAUSE_S = 5.0
_REFUSED_PAUSE_S = 0.2
_MOST_ATTEMPTS = 3
"""How often a turn is tried before the customer is told that it failed."""


class Lane:
    """One conversation's unanswered messages and the task that answers them."""

    def __init__(self) -> None:
        self.waiting: deque[Received] = deque()
        self.held: set[str] = set()
        """Inbox entries that are waiting or in work; a second reading of them is ignored."""
        self.arrival = asyncio.Event()
        self.last_sign = time.monotonic()
        """When the customer last sent or typed something."""
        self.task: asyncio.Task[None] | None = None

    def add(self, received: Received) -> None:
        if received.entry in self.held:
            return
        self.held.add(received.entry)
        self.waiting.append(received)
        self.sign()

    def sign(self) -> None:
        self.last_sign = time.monotonic()
        self.arrival.set()


class TurnRunner:
    """Answers what is in the inbox, while this process owns its partitions."""

    def __init__(
        self,
        *,
        store: Store,
        leases: Leases,
        inbox: Inbox,
        outbox: Outbox,
        history: History,
        manager: DialogueManager,
        show: Callable[[Progress], None],
    ) -> None:
        self._store = store
        self._leases = leases
        self._inbox = inbox
        self._outbox = outbox
        self._history = history
        self._manager = manager
        self._show = show
        self._lanes: dict[ConversationId, Lane] = {}
        self._underway = Underway(self._file_changed)
        """Files that customers are sending to this process."""
        self._after: dict[int, str] = {}
        self._left_behind: dict[int, str] = {}
        """The newest inbox entry that was there when the partition was taken over."""
        self._room = asyncio.Event()
        self._room.set()
        self._owns = asyncio.Event()
        """Set while any partition is this process's."""

    async def run(self) -> None:
        """Work until cancelled. What is unfinished then stays in Redis."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._leases.keep(self._gained, self._lost), name="leases")
                group.create_task(self._read(), name="inbox reader")
                group.create_task(self._outbox.follow(), name="outbox reader")
        finally:
            tasks = [lane.task for lane in self._lanes.values() if lane.task]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._manager.preparing.close()
            await self._outbox.close()

    def customer_types(self, conversation: ConversationId) -> None:
        """The customer is writing: a burst that waits for words waits on."""
        if lane := self._lanes.get(conversation):
            lane.sign()

    def customer_sends(self, conversation: ConversationId) -> AbstractContextManager[None]:
        """While this lasts, a file of the customer's comes: see `bot.underway`."""
        return self._underway.sending(conversation)

    def _file_changed(self, conversation: ConversationId) -> None:
        if lane := self._lanes.get(conversation):
            lane.arrival.set()

    def prepare(self, message: Message, stands: Callable[[str, str], None]) -> None:
        """Begin the answer to a message that seems to come, if it will be answered here and
        nothing else is to be answered before it."""
        conversation = message.conversation
        if keys.partition_of(conversation) in self._after and conversation not in self._lanes:
            self._manager.preparing.begin(message, stands)

    def drop_prepared(self, conversation: ConversationId) -> None:
        """It does not come, or comes otherwise."""
        self._manager.preparing.drop(conversation)

    async def _gained(self, partitions: Sequence[int]) -> None:
        newest = await asyncio.gather(
            *(
                self._store.run("XREVRANGE", keys.inbox(partition), "+", "-", "COUNT", 1)
                for partition in partitions
            )
        )
        for partition, rows in zip(partitions, newest, strict=True):
            self._left_behind[partition] = rows[0][0].decode() if rows else "0-0"
        await self._outbox.take_over(partitions)
        # Together: a reading that has begun sees what is in the others only when it ends.
        self._after |= dict.fromkeys(partitions, "0")
        self._owns.set()

    def _lost(self, partition: int) -> None:
        self._after.pop(partition, None)
        self._outbox.release(partition)
        if not self._after:
            self._owns.clear()

    async def _read(self) -> None:
        """Bring messages from the inbox to their conversations' lanes."""
        pause_s = 0.05
        while True:
            await self._room.wait()
            await self._owns.wait()
            try:
                found = await self._inbox.read(self._after)
                pause_s = 0.05
            except Unavailable:
                await asyncio.sleep(pause_s)
                pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)
                continue
            for partition, messages in found.items():
                if partition not in self._after:
                    continue
                self._after[partition] = messages[-1].entry
                for received in messages:
                    self._bring(received)

    def _bring(self, received: Received) -> None:
        conversation = received.message.conversation
        if received.message.attachments:
            self._underway.message_came(conversation)
        lane = self._lanes.get(conversation)
        if lane is None:
            self._lanes[conversation] = lane = Lane()
            if len(self._lanes) >= _MOST_LANES:
                self._room.clear()
        lane.add(received)
        if lane.task is None:
            lane.task = asyncio.create_task(self._work(conversation, lane), name="lane")

    async def _work(self, conversation: ConversationId, lane: Lane) -> None:
        """Answer one conversation until nothing is left to answer."""
        try:
            while lane.waiting:
                await self._one_turn(conversation, lane)
        finally:
            del self._lanes[conversation]
            self._room.set()

    async def _one_turn(self, conversation: ConversationId, lane: Lane) -> None:
        received: list[Received] = []
        started = time.monotonic()
        _take(lane, received)
        await self._settle(lane, received, started)
        turn = Turn(conversation, received, started=started)
        channel = received[0].message.channel
        typing = asyncio.get_running_loop().call_later(
            _TYPING_SHOWN_AFTER_S, self._show, Typing(conversation, True, channel)
        )
        answered = False
        try:
            outcome = await self._answer(turn, lane)
            await self._commit(turn, outcome)
            answered = outcome.reply is not None
        except Superseded as error:
            log.warning("turn.superseded", extra={"turn": turn.id, "reason": str(error)})
        except Exception:
            log.exception("turn.broken", extra={"turn": turn.id})
            lane.waiting.extendleft(reversed(received))
            await asyncio.sleep(_LONGEST_PAUSE_S)
            return
        finally:
            typing.cancel()
            if not answered:
                self._show(Typing(conversation, False, channel))
        lane.held.difference_update(item.entry for item in received)

    async def _settle(self, lane: Lane, received: list[Received], started: float) -> None:
        """Wait for the rest of a burst that is not complete."""
        while len(received) < _MOST_JOINED:
            now = time.monotonic()
            wait_s = patience_s(
                [item.message for item in received],
                waited_s=now - started,
                since_last_s=now - lane.last_sign,
                sending=self._underway.any(received[0].message.conversation),
            )
            if wait_s <= 0:
                return
            lane.arrival.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await lane.arrival.wait()
            except TimeoutError:
                self._underway.give_up(received[0].message.conversation)
                return
            _take(lane, received)

    async def _answer(self, turn: Turn, lane: Lane) -> Outcome:
        """Have the turn answered; what has come meanwhile joins it, and it is answered anew."""
        attempts = -1
        while True:
            try:
                if attempts < 0:
                    attempts = await self._earlier_attempts(turn)
                if attempts >= _MOST_ATTEMPTS:
                    return self._manager.give_up(turn)
                outcome = await self._manager.handle(
                    turn, lambda: bool(lane.waiting) and len(turn.received) < _MOST_JOINED
                )
            except Unavailable:
                await self._store_back()
                continue
            except Exception:
                attempts += 1
                log.exception("turn.failed", extra={"turn": turn.id, "attempt": attempts})
                continue
            if outcome is not None:
                return outcome
            _take(lane, turn.received)

    async def _commit(self, turn: Turn, outcome: Outcome) -> None:
        while True:
            try:
                seq = await self._outbox.commit(
                    self._leases.worker,
                    turn.received,
                    outcome.reply,
                    outcome.trace,
                    outcome.perceived,
                )
                await self._history.trim(turn.conversation, turn.received[0].seq - 1, seq)
                return
            except Unavailable:
                await self._store_back()

    async def _earlier_attempts(self, turn: Turn) -> int:
        """How many processes have died over this turn. Counted only for turns that were left
        behind by another process: the others have had no chance to be tried."""
        partition = keys.partition_of(turn.conversation)
        if _order(turn.received[0].entry) > _order(self._left_behind.get(partition, "0-0")):
            return 0
        key = keys.conversation(turn.conversation)
        return int(await self._store.run("HINCRBY", key, "attempts", 1)) - 1

    async def _store_back(self) -> None:
        """Leave Redis alone for a moment: it may refuse without having gone, and would be asked
        again and again."""
        await asyncio.sleep(_REFUSED_PAUSE_S)


def _take(lane: Lane, received: list[Received]) -> None:
    while lane.waiting and len(received) < _MOST_JOINED:
        received.append(lane.waiting.popleft())


def _order(entry: str) -> tuple[int, int]:
    """A stream entry's id as numbers, so that ids compare."""
    milliseconds, _, number = entry.partition("-")
    return int(milliseconds), int(number or 0)
