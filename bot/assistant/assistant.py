"""Words an answer with a language model, from the passages that were found and from nothing else.

Comes into `bot.policy` after the knowledge was asked. Whatever goes wrong, there is no answer, and
the policy says what it would have said without a model, in the same turn.
"""

import asyncio
import io
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing

import msgspec
from PIL.Image import Image

from bot.assistant.addresses import addresses_in
from bot.assistant.asking import Asking
from bot.assistant.budget import Budget
from bot.assistant.checking import Checked, Checking, Unusable
from bot.assistant.failures import ModelFailed
from bot.assistant.grounding import Source
from bot.assistant.masking import Masking
from bot.assistant.model import Model, Usage
from bot.assistant.picture import all_known, hidden_parts
from bot.assistant.prompt import Asked, Prompt, Turn, compose
from bot.assistant_settings import AssistantSection
from bot.draft import Draft
from bot.history import Past, words_of
from bot.knowledge import Finding, Knowledge, Passage
from bot.knowledge.screening import screened
from bot.messages import AttachmentId, Message
from bot.understanding import Understanding
from models.errors import MediaError

log = logging.getLogger(__name__)

PASSAGES = 6
PICTURES = 3
"""Of one turn, that are shown to the model."""
_PICTURE_SIDE = 1_024
_FAILURES = 3
"""After so many in a row the model is left alone for a while."""
_REST_S = 30.0
_LONG_REST_S = 120.0
"""After a failure that will not pass by itself: a wrong key, a used-up account."""


class Account(msgspec.Struct, kw_only=True):
    """What the model did in a turn, for its trace."""

    model: str
    outcome: str
    """`answered`, or why not."""
    passages: int = 0
    left_out: int = 0
    """Sentences that no passage backs."""
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    first_word_ms: float = 0.0
    milliseconds: float = 0.0
    turns_told: int = 0
    pictures: int = 0
    masked: dict[str, int] = {}


class Worded(msgspec.Struct, frozen=True):
    """How the model fared."""

    answer: Checked | None
    account: Account


class Assistant:
    """A language model that answers for one business."""

    def __init__(
        self,
        model: Model,
        settings: AssistantSection,
        *,
        knowledge: Knowledge,
        budget: Budget,
        business: str,
        open_picture: Callable[[AttachmentId], Awaitable[Image]],
    ) -> None:
        self._model = model
        self._settings = settings
        self._knowledge = knowledge
        self._budget = budget
        self._business = business
        self._open_picture = open_picture
        self._masks = settings.mask == "always" or (settings.mask == "auto" and model.remote)
        self._failures = 0
        self._rests_until = 0.0

    async def probe(self) -> None:
        """Ask the model for a word, and tell the operator what is wrong with it, if anything is."""
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                await self._model.probe()
        except TimeoutError:
            log.warning("assistant.slow", extra={"model": self._model.name})
        except ModelFailed as error:
            self._failed(error)

    async def answer(
        self, understanding: Understanding, past: Past, finding: Finding, draft: Draft
    ) -> Worded:
        """An answer to the turn from what was found, shown while it grows; none where there is
        nothing to answer from, or the model gives none that may be sent.

        Raises `Unavailable` if Redis does not answer.
        """
        account = Account(model=self._model.name, outcome="")
        started = time.perf_counter()
        try:
            answer = await self._answer(understanding, past, finding, draft, account)
            account.outcome = "answered"
        except Unusable as error:
            answer, account.outcome = None, error.why
        except ModelFailed as error:
            answer, account.outcome = None, error.why
            self._failed(error)
        except TimeoutError:
            answer, account.outcome = None, "slow"
            reason = (
                f"no whole answer within {self._settings.timeout_s:g} s (`assistant.timeout_s`)"
            )
            self._failed(ModelFailed("slow", reason))
        account.milliseconds = round((time.perf_counter() - started) * 1000, 1)
        if answer is None and draft.shown:
            draft.put("")
        return Worded(answer, account)

    async def _answer(
        self,
        understanding: Understanding,
        past: Past,
        finding: Finding,
        draft: Draft,
        account: Account,
    ) -> Checked:
        if time.monotonic() < self._rests_until:
            raise Unusable("rests after failures")
        passages = [p for hit in finding.hits[:PASSAGES] if (p := self._screened(hit.passage))]
        if not passages:
            raise Unusable("no passages")
        sources = [Source(number, passage) for number, passage in enumerate(passages, 1)]
        account.passages = len(sources)
        masking = Masking(understanding.names, understanding.language)
        prompt = await self._prompt(understanding, past, sources, masking, account)
        most = Usage(prompt.tokens, self._settings.answer_tokens)
        if not await self._budget.allows(draft.conversation, most):
            raise Unusable("the conversation's budget is used up")
        backing = asyncio.create_task(self._knowledge.backing(passages), name="backing")
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await self._written(
                    prompt,
                    lambda compared: Checking(
                        sources,
                        compared,
                        masking,
                        own=_own(understanding, past),
                        secret=prompt.tag,
                    ),
                    backing,
                    draft,
                    account,
                )
        finally:
            backing.cancel()

    async def _written(
        self,
        prompt: Prompt,
        check: Callable[..., Checking],
        backing: "asyncio.Task[object]",
        draft: Draft,
        account: Account,
    ) -> Checked:
        asking = Asking(
            self._model, self._budget, draft.conversation, prompt.messages, prompt.tokens
        )
        started = time.perf_counter()
        try:
            checking: Checking | None = None
            async with aclosing(asking.words()) as words:
                async for piece in words:
                    if not account.first_word_ms:
                        account.first_word_ms = round((time.perf_counter() - started) * 1000, 1)
                    checking = checking or check(await backing)
                    for sentence in await checking.add(piece):
                        draft.say(sentence)
                    draft.put(checking.shown)
            self._failures = 0
            if checking is None:
                raise Unusable("empty")
            checked, last = await checking.finish()
            account.left_out = checked.left_out
            draft.put(checked.text)
            for sentence in last:
                draft.say(sentence)
            return checked
        finally:
            account.tokens_in, account.tokens_out = asking.used.given, asking.used.written
            account.cost = round(self._budget.cost_of(asking.used), 6)

    async def _prompt(
        self,
        understanding: Understanding,
        past: Past,
        sources: Sequence[Source],
        masking: Masking,
        account: Account,
    ) -> Prompt:
        hide = masking.mask if self._masks else str
        pictures = await self._pictures(understanding, masking) if self._model.sees else []
        asked = Asked(
            hide(understanding.typed), hide(understanding.said), hide(understanding.shown)
        )
        turns = [
            Turn("customer", hide(words_of(entry.item, past.perceived)))
            if isinstance(entry.item, Message)
            else Turn("desk", hide(entry.item.text))
            for entry in past.entries
        ]
        try:
            prompt = compose(
                business=self._business,
                language=understanding.language,
                sources=sources,
                asked=asked,
                turns=[turn for turn in turns if turn.text.strip()],
                summary=[
                    hide(line) for text in (past.summary, *past.calls) for line in text.splitlines()
                ],
                pictures=pictures,
                room_tokens=self._model.context_tokens - self._settings.answer_tokens,
            )
        except ValueError as error:
            raise Unusable("too long for the model") from error
        account.masked = masking.hidden
        account.turns_told, account.pictures = prompt.turns, len(pictures)
        return prompt

    async def _pictures(self, understanding: Understanding, masking: Masking) -> list[bytes]:
        """As JPEG, what is to be hidden in them painted over."""
        found = []
        for seen in understanding.pictures[:PICTURES]:
            if self._masks and not all_known(seen):
                continue
            try:
                image = await self._open_picture(seen.attachment)
            except (KeyError, MediaError):
                continue  # it has been deleted meanwhile; what was read in it is told
            boxes = hidden_parts(seen, masking) if self._masks else []
            found.append(await asyncio.to_thread(_jpeg, image, boxes))
        return found

    def _screened(self, passage: Passage) -> Passage | None:
        kept = screened(passage)
        if kept != passage:
            log.warning(
                "assistant.passage_gives_orders",
                extra={"article": passage.article, "passage": passage.id, "kept": bool(kept)},
            )
        return kept

    def _failed(self, error: ModelFailed) -> None:
        self._failures += 1
        log.error("assistant.failed", extra={"why": error.why, "reason": str(error)})
        if error.lasting or self._failures >= _FAILURES:
            rest_s = _LONG_REST_S if error.lasting else _REST_S
            self._rests_until = time.monotonic() + rest_s
            log.warning("assistant.rests", extra={"model": self._model.name, "seconds": rest_s})


def _own(understanding: Understanding, past: Past) -> frozenset[str]:
    """The addresses that the customer typed themselves. What a picture or a recording says may
    come from anybody."""
    texts = [understanding.typed]
    texts += [entry.item.text for entry in past.entries if isinstance(entry.item, Message)]
    finder = Masking()
    for text in texts:
        finder.mask(text)
    return frozenset(each for value in finder.values for each in addresses_in(value))


def _jpeg(image: Image, hidden: Sequence[tuple[int, int, int, int]]) -> bytes:
    from PIL import ImageDraw

    shown = image.convert("RGB")
    pen = ImageDraw.Draw(shown)
    for box in hidden:
        pen.rectangle(box, fill="black")
    shown.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE))
    file = io.BytesIO()
    shown.save(file, "JPEG", quality=85)
    return file.getvalue()
