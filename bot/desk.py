"""The desk: what connectors talk to. `bot.opening` opens one as it is configured; tests and
benchmarks build one with a policy of their own."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from bot.call_backs.arranging import Arranging
from bot.calls.summaries import Summaries, Summarizer, kept_summaries
from bot.channel import Connector, Fetch, Progress, Receipt, Sentence, Whereabouts
from bot.deliveries import Deliveries
from bot.errands import Errand
from bot.errors import Unavailable
from bot.explanation import explain
from bot.fetching import Fetching
from bot.history import History
from bot.inbox import Inbox, InboxLimits
from bot.lease import Leases
from bot.linking import Linking
from bot.manager import DialogueManager
from bot.media import MediaStore
from bot.messages import (
    Attachment,
    AttachmentId,
    CallSummary,
    ChannelName,
    Conversation,
    ConversationId,
    CustomerId,
    Entry,
    Message,
    MessageId,
    Reply,
    ReplyId,
    TurnId,
)
from bot.outbox import Outbox
from bot.people import People
from bot.perception import Perception
from bot.policy import Policy
from bot.recognition import Recognised, Recogniser
from bot.speech import Speaker, as_mp3
from bot.store import Store
from bot.turns import TurnRunner

log = logging.getLogger(__name__)

_SWEEP_EVERY_S = 3600.0


class FrontDesk:
    """Implements `bot.channel.Desk` and `bot.calls.talk.CallDesk`."""

    def __init__(
        self,
        *,
        store: Store,
        media: MediaStore,
        perception: Perception,
        policy: Policy,
        speaker: Speaker,
        limits: InboxLimits,
        keep_days: int,
        keep_entries: int,
        language: str,
        alone: bool,
        recogniser: Recogniser | None = None,
        upload_bytes: int = 25 * 1024**2,
        delivery_s: float = 24 * 3600,
        errands: Sequence[Errand] = (),
        call_backs: Arranging | None = None,
    ) -> None:
        """`alone`: no other process can be answering on this Redis; see `bot.lease`. `recogniser`:
        none for a desk whose policy wants no intents. `upload_bytes`: the largest file that is
        fetched from a provider. `delivery_s`: how long a reply is tried to be delivered, in
        seconds. `errands`: what it does for customers beside answering. `call_backs`: the one of
        them that offers to call who could not be connected; None: nobody is called back."""
        self.store = store
        self._recogniser = recogniser
        self._media = media
        self._perception = perception
        self._connectors: dict[ChannelName, Connector] = {}
        self._listening: dict[ConversationId, Callable[[Sentence], None]] = {}
        """The calls, which speak answers while they grow."""
        self._keep_s = keep_days * 24 * 3600
        self._language = language
        self._people = People(store, self._keep_s)
        self._history = History(store, self._people, keep_s=self._keep_s, keep_entries=keep_entries)
        self._inbox = Inbox(store, limits, self._keep_s)
        self._deliveries = Deliveries(store, self._keep_s)
        self._fetching = Fetching(media, limit_bytes=upload_bytes)
        self._call_backs = call_backs
        self._outbox = Outbox(store, self._keep_s, self._connectors, give_up_s=delivery_s)
        self._runner = TurnRunner(
            store=store,
            leases=Leases(store, alone=alone),
            inbox=self._inbox,
            outbox=self._outbox,
            history=self._history,
            manager=self._manager(policy, speaker, errands),
            show=self._show,
        )

    def _manager(
        self, policy: Policy, speaker: Speaker, errands: Sequence[Errand]
    ) -> DialogueManager:
        return DialogueManager(
            history=self._history,
            perception=self._perception,
            policy=policy,
            speaker=speaker,
            show=self._show,
            say=self._say,
            language=self._language,
            recogniser=self._recogniser,
            fetching=self._fetching,
            linking=Linking(self._people, self._outbox.tell),
            errands=errands,
        )

    def summaries(self, summarizer: Summarizer | None = None) -> Summaries:
        """What keeps the summaries of this desk's calls, worded by `summarizer` where there is
        one."""
        return Summaries(
            self.store,
            self._history,
            keep_s=self._keep_s,
            language=self._language,
            summarizer=summarizer,
        )

    def connect(self, connector: Connector, fetch: Fetch | None = None) -> None:
        """Have a channel's replies delivered by this connector, and the files that its provider
        keeps brought by `fetch`. Before `run`."""
        self._connectors[connector.channel] = connector
        if fetch:
            self._fetching.serve(connector.channel, fetch)

    async def run(self) -> None:
        """Answer what comes, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._runner.run(), name="turns")
            group.create_task(self._forget_media(), name="media sweeper")

    async def open_conversation(
        self,
        channel: ChannelName,
        customer: CustomerId,
        conversation: ConversationId | None = None,
    ) -> Conversation:
        return await self._history.open(channel, customer, conversation)

    async def accept(
        self, message: Message, address: str = "", verified: Sequence[str] = ()
    ) -> Receipt:
        # Before the message is taken, for its own turn is to know who they are.
        await asyncio.gather(*(self._people.verified(message.customer, each) for each in verified))
        number = next((each[4:] for each in verified if each.startswith("tel:+")), "")
        if number and not message.phone:
            message = msgspec.structs.replace(message, phone=re.sub(r"[\s().-]", "", number))
        return await self._inbox.accept(message, address)

    async def withdraw(self, conversation: ConversationId, message: MessageId) -> None:
        for attachment in await self._inbox.withdraw(conversation, message):
            await self._media.forget(attachment)

    async def whereabouts(self, conversation: ConversationId) -> Whereabouts:
        return await self._deliveries.whereabouts(conversation)

    async def sent_parts(self, conversation: ConversationId, reply: ReplyId) -> Mapping[str, str]:
        return await self._deliveries.sent_parts(conversation, reply)

    async def note_part(
        self,
        channel: ChannelName,
        conversation: ConversationId,
        reply: ReplyId,
        part: str,
        identifier: str,
    ) -> None:
        await self._deliveries.note_part(channel, conversation, reply, part, identifier)

    async def note_state(
        self, channel: ChannelName, identifier: str, state: str, reason: str
    ) -> None:
        await self._deliveries.note_state(channel, identifier, state, reason)

    async def note_heard(self, conversation: ConversationId, reply: ReplyId, words: str) -> None:
        await self._history.note_heard(conversation, reply, words)

    def prepare(self, message: Message, stands: Callable[[str, str], None]) -> None:
        self._runner.prepare(message, stands)

    def drop_prepared(self, conversation: ConversationId) -> None:
        self._runner.drop_prepared(conversation)

    def listen(
        self, conversation: ConversationId, hear: Callable[[Sentence], None]
    ) -> Callable[[], None]:
        self._listening[conversation] = hear

        def stop() -> None:
            if self._listening.get(conversation) is hear:
                del self._listening[conversation]

        return stop

    def customer_types(self, conversation: ConversationId) -> None:
        self._runner.customer_types(conversation)

    def customer_sends(self, conversation: ConversationId) -> AbstractContextManager[None]:
        return self._runner.customer_sends(conversation)

    async def entries(
        self, conversation: ConversationId, after: int = 0, limit: int = 200
    ) -> list[Entry]:
        return await self._history.entries(conversation, after, limit)

    async def next_reply(
        self, conversation: ConversationId, after: int, timeout_s: float
    ) -> Entry | None:
        return await self._history.next_reply(conversation, after, timeout_s)

    async def conversations(self, customer: CustomerId) -> list[Conversation]:
        return await self._history.of_customer(customer)

    async def keep_media(
        self,
        chunks: AsyncIterator[bytes],
        *,
        owner: CustomerId,
        name: str,
        claimed_type: str,
        limit_bytes: int,
    ) -> Attachment:
        return await self._media.keep(
            chunks, owner=owner, name=name, claimed_type=claimed_type, limit_bytes=limit_bytes
        )

    async def find_media(self, attachment: AttachmentId, owner: CustomerId) -> Attachment | None:
        return await self._media.find(attachment, owner)

    def open_media(self, attachment: AttachmentId) -> AsyncIterator[bytes]:
        return self._media.open(attachment)

    async def as_mp3(self, attachment: AttachmentId) -> bytes:
        return await asyncio.to_thread(as_mp3, await self._media.read(attachment))

    async def trace(self, conversation: ConversationId, turn: TurnId) -> dict[str, Any] | None:
        stored = await self._history.trace(conversation, turn)
        if stored is None:
            return None
        trace: dict[str, Any] = msgspec.json.decode(stored)
        if self._recogniser and trace.get("recognised"):
            recognised = msgspec.convert(trace["recognised"], Recognised)
            predictor = self._recogniser.serving(recognised.version)
            if predictor:
                why = await explain(predictor, recognised, self._perception)
                trace["attribution"] = msgspec.to_builtins(why)
            # What it was made from stands in the trace already, but for numbers nobody reads.
            for name in ("observation", "pictures"):
                trace["recognised"].pop(name, None)
        if calls := await self.calls(conversation):
            trace["calls"] = msgspec.to_builtins(calls)
        return trace

    async def tell(self, reply: Reply) -> None:
        """Bring a reply that no turn has made to its conversation, once. Raises `Unavailable`."""
        await self._outbox.tell(reply)

    async def nobody_reached(self, conversation: Conversation, phone: str, locale: str) -> bool:
        if self._call_backs is None:
            return False
        reply = await self._call_backs.nobody_reached(conversation, phone, locale)
        if reply is not None:
            await self.tell(reply)
        return reply is not None

    async def calls(self, conversation: ConversationId) -> list[CallSummary]:
        return await kept_summaries(self.store, conversation)

    async def _forget_media(self) -> None:
        """Delete attachments that are older than a conversation is remembered."""
        while True:
            try:
                gone = await self._media.sweep(self._keep_s)
            except Unavailable as error:
                log.warning("media.sweep_failed", extra={"reason": str(error)})
            else:
                if gone:
                    log.info("media.swept", extra={"attachments": gone})
            await asyncio.sleep(_SWEEP_EVERY_S)

    def _say(self, sentence: Sentence) -> bool:
        hear = self._listening.get(sentence.conversation)
        if hear:
            hear(sentence)
        return hear is not None

    def _show(self, progress: Progress) -> None:
        if connector := self._connectors.get(progress.channel):
            connector.show(progress)
