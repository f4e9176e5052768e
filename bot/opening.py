"""A desk as it is configured: the one file that knows all the others, and wires them together."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from bot import language, weights
from bot.article_page import article_page
from bot.call_backs.arranging import Arranging
from bot.call_backs.calling import Calling
from bot.call_opening import (
    arranging_of,
    calls_of,
    picture_links_of,
    recordings_of,
    turn_judge_of,
)
from bot.calls.switchboard import Switchboard
from bot.config import Config
from bot.desk import FrontDesk
from bot.engines import maker
from bot.errors import OperatorError, Unavailable
from bot.inbox import InboxLimits
from bot.intents import IntentBook
from bot.intents.intent import missing_articles
from bot.knowledge import IngestReport, Knowledge, ingest
from bot.media import MediaStore
from bot.messages import ArticleId
from bot.perception import Limits as PerceptionLimits
from bot.perception import Perception
from bot.picture_links.sending import PictureLinks
from bot.policy import DeskPolicy, Policy
from bot.recognition import Recogniser
from bot.redis_server import RedisServer
from bot.speech import Speaker
from bot.store import Store
from bot.told_transcriber import ToldTranscriber
from models.text_encoder import TextEncoder
from models.transcriber import Transcriber
from models.understanding.versions import Versions

if TYPE_CHECKING:
    from bot.assistant import Assistant, Summarizer

log = logging.getLogger(__name__)

_RETRY_S = 1.0


class OpenDesk(msgspec.Struct, frozen=True):
    """A desk with what its pages need."""

    desk: FrontDesk
    knowledge: Knowledge
    intents: IntentBook
    recogniser: Recogniser
    calls: Switchboard
    call_backs: Calling | None
    """None: nobody is called back."""
    pictures: PictureLinks | None
    """None: callers are sent no links."""
    hearing: ToldTranscriber
    ingested: IngestReport
    config: Config

    async def run(self) -> None:
        """Answer what comes, and follow the knowledge, the names in it, the intents and their
        model, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.desk.run(), name="desk")
            group.create_task(self.knowledge.follow(self.config.index_folder), name="knowledge")
            group.create_task(self.intents.follow(), name="intents")
            group.create_task(self.recogniser.follow(), name="recogniser")
            group.create_task(recordings_of(self.config).follow(), name="recordings sweeper")
            if self.config.transcriber.knowledge_names:
                group.create_task(self.hearing.follow(self.knowledge), name="names")

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
        knowledge, ingested = await _open_knowledge(config, encoder, progress, stack)
        intents = await _open_intents(config, knowledge)
        media = MediaStore(config.media_place, options=config.media.options)
        names = (config.name,) if config.transcriber.knowledge_names else ()
        hearing = ToldTranscriber(maker(config.transcriber, config.device), names)
        perception = perception_of(config, media, hearing)
        stack.push_async_callback(perception.close)
        recogniser = await _open_recogniser(config, encoder, perception, stack)
        assistant, summarizer = await _open_assistant(config, store, knowledge, perception)
        speaker = await _open_speaker(config, media, stack)
        policy = DeskPolicy(
            knowledge, intents, config.name, config.suggestions, config.person, assistant
        )
        arranging, pictures = arranging_of(config, store), picture_links_of(config, store)
        parts = media, perception, policy, speaker, recogniser
        desk = _front_desk(config, store, alone, *parts, arranging, pictures)
        complete = await asyncio.to_thread(turn_judge_of, config)
        calls, call_backs = calls_of(
            config, desk, hearing, complete, speaker, desk.summaries(summarizer), pictures
        )
        stack.callback(calls.close)
        probing = [assistant.probe()] if assistant else []
        for behind in (perception.warm_up(), calls.warm_up(), *probing):
            stack.callback(asyncio.create_task(behind, name="warm-up").cancel)
        yield OpenDesk(
            desk,
            knowledge,
            intents,
            recogniser,
            calls,
            call_backs,
            pictures,
            hearing,
            ingested,
            config,
        )


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


async def _open_knowledge(
    config: Config,
    encoder: TextEncoder,
    progress: Callable[[str, int, int], None] | None,
    stack: AsyncExitStack,
) -> tuple[Knowledge, IngestReport]:
    ingested = await asyncio.to_thread(
        ingest, config.knowledge.folder, config.index_folder, encoder, progress
    )
    knowledge = await asyncio.to_thread(Knowledge.open, config.index_folder, encoder)
    stack.push_async_callback(knowledge.close)
    return knowledge, ingested


async def _open_intents(config: Config, knowledge: Knowledge) -> IntentBook:
    intents = await asyncio.to_thread(IntentBook, config.understanding.folder)
    for problem in missing_articles(intents.intents, knowledge.index.articles):
        log.warning("intents.article_missing", extra={"reason": problem})
    return intents


async def _open_recogniser(
    config: Config, encoder: TextEncoder, perception: Perception, stack: AsyncExitStack
) -> Recogniser:
    recogniser = Recogniser(
        Versions(config.understanding_folder),
        encoder,
        config.intent_languages,
        lambda: perception.image_encoder,
    )
    stack.push_async_callback(recogniser.close)
    await recogniser.renew()
    return recogniser


async def _open_speaker(config: Config, media: MediaStore, stack: AsyncExitStack) -> Speaker:
    synthesizer = await asyncio.to_thread(maker(config.synthesizer, config.device))
    speaker = Speaker(synthesizer, media)
    stack.callback(speaker.close)
    return speaker


def _front_desk(
    config: Config,
    store: Store,
    alone: bool,
    media: MediaStore,
    perception: Perception,
    policy: Policy,
    speaker: Speaker,
    recogniser: Recogniser,
    arranging: Arranging | None,
    pictures: PictureLinks | None,
) -> FrontDesk:
    return FrontDesk(
        store=store,
        media=media,
        perception=perception,
        policy=policy,
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
        errands=[errand for errand in (arranging, pictures) if errand],
        call_backs=arranging,
    )


async def _open_assistant(
    config: Config, store: Store, knowledge: Knowledge, perception: Perception
) -> "tuple[Assistant, Summarizer] | tuple[None, None]":
    """What words answers, and what sums calls up."""
    settings = config.assistant
    if settings is None:
        return None, None
    try:
        from bot.assistant import Assistant, Budget, Summarizer, open_model
    except ImportError as error:
        raise OperatorError(
            f"the assistant needs a package that is missing: {error}",
            remedy=f"install it: `pip install 'frontdesk[{settings.extra}]'`",
        ) from error
    model = await asyncio.to_thread(open_model, settings, config.device)
    budget = Budget(store, settings, config.history.keep_days * 24 * 3600)
    assistant = Assistant(
        model,
        settings,
        knowledge=knowledge,
        budget=budget,
        business=config.name,
        open_picture=perception.open_picture,
    )
    summarizer = Summarizer(
        model, settings, knowledge=knowledge, budget=budget, business=config.name
    )
    return assistant, summarizer


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
