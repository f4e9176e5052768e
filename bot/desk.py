"""The desk: what connectors talk to, with every collaborator wired in.

This is the one file that knows all the others. `open_desk` builds a desk from a configuration;
tests and benchmarks build one with a policy of their own.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec

from bot import language, weights
from bot.article_page import article_page
from bot.calls.manner import Manner
from bot.calls.switchboard import CallLimits, Switchboard
from bot.calls.turn_taking import Timing
from bot.channel import Connector, Fetch, Progress, Receipt, Whereabouts
from bot.config import Config
from bot.deliveries import Deliveries
from bot.engines import maker
from bot.errors import OperatorError, Unavailable
from bot.explanation import explain
from bot.fetching import Fetching
from bot.history import History
from bot.inbox import Inbox, InboxLimits
from bot.intents import IntentBook
from bot.intents.intent import missing_articles
from bot.knowledge import IngestReport, Knowledge, ingest
from bot.lease import Leases
from bot.linking import Linking
from bot.manager import DialogueManager
from bot.media import MediaStore
from bot.messages import (
    ArticleId,
    Attachment,
    AttachmentId,
    ChannelName,
    Conversation,
    ConversationId,
    CustomerId,
    Entry,
    Message,
    MessageId,
    ReplyId,
    TurnId,
)
from bot.outbox import Outbox
from bot.people import People
from bot.perception import Limits as PerceptionLimits
from bot.perception import Perception
from bot.policy import DeskPolicy, Policy
from bot.recognition import Recognised, Recogniser
from bot.redis_server import RedisServer
from bot.speech import Speaker, as_mp3
from bot.store import Store
from bot.texts import FALLBACK
from bot.turns import TurnRunner
from models.transcriber import Transcriber
from models.understanding.versions import Versions

if TYPE_CHECKING:
    from bot.assistant import Assistant

log = logging.getLogger(__name__)

_RETRY_S = 1.0
_SWEEP_EVERY_S = 3600.0


class FrontDesk:
    """Implements `bot.channel.Desk`."""

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
    ) -> None:
        """`alone`: no other process can be answering on this Redis; see `bot.lease`. `recogniser`:
        none for a desk whose policy wants no intents. `upload_bytes`: the largest file that is
        fetched from a provider. `delivery_s`: how long a reply is tried to be delivered, in
        seconds."""
        self.store = store
        self._recogniser = recogniser
        self._media = media
        self._perception = perception
        self._connectors: dict[ChannelName, Connector] = {}
        self._keep_s = keep_days * 24 * 3600
        self._people = People(store, self._keep_s)
        self._history = History(store, self._people, keep_s=self._keep_s, keep_entries=keep_entries)
        self._inbox = Inbox(store, limits, self._keep_s)
        self._deliveries = Deliveries(store, self._keep_s)
        self._fetching = Fetching(media, limit_bytes=upload_bytes)
        outbox = Outbox(store, self._keep_s, self._connectors, give_up_s=delivery_s)
        manager = DialogueManager(
            history=self._history,
            perception=perception,
            policy=policy,
            speaker=speaker,
            show=self._show,
            language=language,
            recogniser=recogniser,
            fetching=self._fetching,
            linking=Linking(self._people, outbox.tell),
        )
        self._runner = TurnRunner(
            store=store,
            leases=Leases(store, alone=alone),
            inbox=self._inbox,
            outbox=outbox,
            history=self._history,
            manager=manager,
            show=self._show,
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

    def customer_types(self, conversation: ConversationId) -> None:
        self._runner.customer_types(conversation)

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
        return trace

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

    def _show(self, progress: Progress) -> None:
        if connector := self._connectors.get(progress.channel):
            connector.show(progress)


class OpenDesk(msgspec.Struct, frozen=True):
    """A desk with what its pages need."""

    desk: FrontDesk
    knowledge: Knowledge
    intents: IntentBook
    recogniser: Recogniser
    calls: Switchboard
    ingested: IngestReport
    config: Config

    async def run(self) -> None:
        """Answer what comes, and follow the knowledge, the intents and their model, until
        cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.desk.run(), name="desk")
            group.create_task(self.knowledge.follow(self.config.index_folder), name="knowledge")
            group.create_task(self.intents.follow(), name="intents")
            group.create_task(self.recogniser.follow(), name="recogniser")

    async def article(self, article: str) -> str | None:
        """The page of an article; None if there is none of that id."""
        found = self.knowledge.article(ArticleId(article))
        if found is None:
            return None
        return article_page(found, business=self.config.name, language=self.config.language)

    async def check(self) -> None:
        """Returns if messages can be taken. Raises `Unavailable`."""
        await self.desk.store.run("PING")


@asynccontextmanager
async def open_desk(
    config: Config, *, progress: Callable[[str, int, int], None] | None = None
) -> AsyncIterator[OpenDesk]:
    """Everything that `config` names, started; `run()` is the caller's.

    Weights that are not here yet are fetched first. Text can be answered when this is entered;
    hearing and reading warm up behind it. `progress` is told how the knowledge is taken in, from
    another thread. Raises `OperatorError` and `EngineMissing`.
    """
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(weights.fetch, config)
        store, alone = await _open_store(config, stack)
        encoder, _ = await asyncio.gather(
            asyncio.to_thread(maker(config.text_encoder, config.device)),
            asyncio.to_thread(language.warm_up),
        )
        ingested = await asyncio.to_thread(
            ingest, config.knowledge.folder, config.index_folder, encoder, progress
        )
        knowledge = await asyncio.to_thread(Knowledge.open, config.index_folder, encoder)
        stack.push_async_callback(knowledge.close)
        intents = await asyncio.to_thread(IntentBook, config.understanding.folder)
        _warn_of_missing_articles(intents, knowledge)
        media = MediaStore(config.media_place, options=config.media.options)
        hearing = _made_once(maker(config.transcriber, config.device))
        perception = perception_of(config, media, hearing)
        stack.push_async_callback(perception.close)
        recogniser = Recogniser(
            Versions(config.understanding_folder),
            encoder,
            config.intent_languages,
            lambda: perception.image_encoder,
        )
        stack.push_async_callback(recogniser.close)
        await recogniser.renew()
        assistant = await _open_assistant(config, store, knowledge, perception)
        synthesizer = await asyncio.to_thread(maker(config.synthesizer, config.device))
        speaker = Speaker(synthesizer, media)
        stack.callback(speaker.close)
        desk = FrontDesk(
            store=store,
            media=media,
            perception=perception,
            policy=DeskPolicy(
                knowledge, intents, config.name, config.suggestions, config.person, assistant
            ),
            speaker=speaker,
            limits=InboxLimits(
                text_chars=config.limits.text_chars,
                attachments=config.limits.attachments,
                messages_per_minute=config.limits.messages_per_minute,
                burst=config.limits.messages_burst,
            ),
            keep_days=config.history.keep_days,
            keep_entries=config.history.keep_messages,
            language=config.language,
            alone=alone,
            recogniser=recogniser,
            upload_bytes=int(config.limits.upload_bytes),
            delivery_s=config.limits.delivery_hours * 3600,
        )
        calls = _calls(config, desk, hearing, speaker)
        stack.callback(calls.close)
        for warm_up in (perception.warm_up(), calls.warm_up()):
            warming = asyncio.create_task(warm_up, name="warm-up")
            stack.callback(warming.cancel)
        if assistant:
            probing = asyncio.create_task(assistant.probe(), name="assistant probe")
            stack.callback(probing.cancel)
        yield OpenDesk(desk, knowledge, intents, recogniser, calls, ingested, config)


def perception_of(
    config: Config, media: MediaStore, transcriber: Callable[[], Transcriber] | None = None
) -> Perception:
    """With the engines that `config` names, none of them made yet; `transcriber`, where it is
    shared with others."""
    return Perception(
        transcriber=transcriber or maker(config.transcriber, config.device),
        text_reader=maker(config.text_reader, config.device),
        image_encoder=maker(config.image_encoder, config.device),
        media=media,
        limits=PerceptionLimits(
            timeout_s=config.limits.attachment_seconds,
            audio_s=config.limits.audio_minutes * 60,
            video_s=config.limits.video_minutes * 60,
            pdf_pages=config.limits.pdf_pages,
        ),
    )


def _calls(
    config: Config, desk: FrontDesk, hearing: Callable[[], Transcriber], speaker: Speaker
) -> Switchboard:
    calls = config.calls
    greeting = calls.greeting.get(config.language) or calls.greeting.get(FALLBACK, "")
    return Switchboard(
        desk,
        transcriber=hearing,
        speaker=speaker,
        manner=Manner(
            business=config.name,
            language=config.language,
            greeting=greeting,
            transfer_to=calls.transfer_to,
            longest_s=calls.longest_minutes * 60,
            patience=calls.patience,
            timing=Timing(idle_s=calls.idle_seconds),
        ),
        limits=CallLimits(at_once=calls.at_once),
        recordings=config.recordings_folder if calls.record else None,
    )


def _made_once(make: Callable[[], Transcriber]) -> Callable[[], Transcriber]:
    """The same engine for all who ask, in whichever threads: its model is large."""
    lock = Lock()
    made: list[Transcriber] = []

    def get() -> Transcriber:
        with lock:
            if not made:
                made.append(make())
            return made[0]

    return get


async def _open_assistant(
    config: Config, store: Store, knowledge: Knowledge, perception: Perception
) -> "Assistant | None":
    settings = config.assistant
    if settings is None:
        return None
    try:
        from bot.assistant import Assistant, Budget, open_model
    except ImportError as error:
        raise OperatorError(
            f"the assistant needs a package that is missing: {error}",
            remedy=f"install it: `pip install 'frontdesk[{settings.extra}]'`",
        ) from error
    return Assistant(
        await asyncio.to_thread(open_model, settings),
        settings,
        knowledge=knowledge,
        budget=Budget(store, settings, config.history.keep_days * 24 * 3600),
        business=config.name,
        open_picture=perception.open_picture,
    )


def _warn_of_missing_articles(intents: IntentBook, knowledge: Knowledge) -> None:
    for problem in missing_articles(intents.intents, knowledge.index.articles):
        log.warning("intents.article_missing", extra={"reason": problem})


async def _open_store(config: Config, stack: AsyncExitStack) -> tuple[Store, bool]:
    """The store, and whether no other process can be answering on it."""
    url, alone = config.redis, False
    if url == "embedded":
        server = RedisServer(config.redis_folder)
        await server.start()
        stack.push_async_callback(server.stop)
        url, alone = server.url, server.owned
    store = Store(url)
    stack.push_async_callback(store.close)
    while True:
        try:
            await store.connect()
        except Unavailable as error:
            log.error("redis.unavailable", extra={"reason": str(error)})
            await asyncio.sleep(_RETRY_S)
        else:
            return store, alone
