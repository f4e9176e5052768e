"""Call-backs in conversations: offered where nobody can be reached, arranged when asked for.

What is asked is in `form`, what is arranged in `book`. The form of a conversation is kept with the
turn that filled it, so that a turn done again begins where the first try did.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, tzinfo

import msgspec

from bot import keys
from bot.call_backs.book import Book, CallBack, State
from bot.call_backs.form import Answered, Asking, Form, Step, Terms, said_of
from bot.call_backs.phrases import asks_for_call_back, cancels_call_back
from bot.call_backs.times import SOON
from bot.dialling import Dialling
from bot.errands import Told
from bot.errors import TooFast
from bot.limiter import RedisLimiter
from bot.messages import Conversation, ConversationId, Reply, ReplyId, ReplyKind, TurnId, new_id
from bot.office_hours import OfficeHours
from bot.policy import Decision
from bot.store import Store
from bot.texts import say

log = logging.getLogger(__name__)

_FORM_S = 900
_HOUR_S = 3600
_DAY_S = 24 * _HOUR_S
_encode = msgspec.json.Encoder().encode


class Limits(msgspec.Struct, frozen=True):
    """Of what may be arranged."""

    per_day: int = 3
    """By one customer, and to one number."""
    per_hour: int = 30
    """By all of them."""
    days_ahead: int = 14
    any_number: bool = False


class _Kept(msgspec.Struct, frozen=True):
    """A form, and what it was before the turn that filled it last."""

    turn: str
    form: Form | None
    before: Form | None


class Arranging:
    """Implements `bot.errands.Errand`."""

    def __init__(
        self,
        store: Store,
        book: Book,
        *,
        dialling: Dialling,
        hours: OfficeHours,
        zone: tzinfo | None,
        limits: Limits,
        person_there: Callable[[], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`zone`: that the hours and the times are of; None: this machine's, whose moments are
        naive: an offset of today's may not be that of the day of the call. `person_there`: whether
        a caller can be connected with a person now."""
        self._store = store
        self._book = book
        self._limiter = RedisLimiter(store, clock)
        self._dialling = dialling
        self._hours = hours
        self._zone = zone
        self._limits = limits
        self._person_there = person_there
        self._clock = clock

    async def answer(self, told: Told) -> Decision | None:
        before = await self._form(told)
        language, text = told.understanding.language, told.text
        if not text:
            return None
        if before is None and cancels_call_back(text, language):
            return await self._cancel(told)
        asking = self._asking(told)
        answered = asking.go_on(before, text) if before else None
        if answered is None:
            if not asks_for_call_back(text, language):
                if before:
                    await self._keep(told, None, before)
                return None
            if told.last.shared:
                return _notice("callback_shared", language)
            arranged = await self._book.of(told.last.customer)
            if before is None and arranged:
                return self._arranged(arranged, language)
            answered = asking.begin(text)
        return await self._decided(told, answered, before)

    async def offer(self, told: Told, decision: Decision) -> Decision:
        """Who is told how to reach a person may rather be called back."""
        if decision.kind is not ReplyKind.PERSON or told.last.shared:
            return decision
        if told.in_call and self._person_there():
            return decision  # they are connected; where that fails, they are asked then
        if not self._asking(told).possible or (not told.in_call and not told.phone):
            return decision
        await self._keep(told, Form(Step.OFFER), None)
        offer = say("callback_offer", told.understanding.language)
        return msgspec.structs.replace(
            decision,
            text=f"{decision.text}\n\n{offer}",
            suggestions=_yes_no(told.understanding.language),
        )

    async def nobody_reached(
        self, conversation: Conversation, phone: str, locale: str
    ) -> Reply | None:
        """A caller could not be connected: the reply that offers to call them back; None where
        that cannot be. Raises `Unavailable`."""
        if not (self._dialling.allows(phone) or self._limits.any_number):
            return None
        await self._put(conversation.id, _Kept("", Form(Step.OFFER), None))
        return Reply(
            id=ReplyId(new_id("rep")),
            channel=conversation.channel,
            conversation=conversation.id,
            customer=conversation.customer,
            turn=TurnId(""),
            kind=ReplyKind.CLARIFY,
            text=say("callback_nobody", locale),
            suggestions=_yes_no(locale),
            locale=locale,
            created_at=time.time(),
        )

    async def _decided(self, told: Told, answered: Answered, before: Form | None) -> Decision:
        language = told.understanding.language
        await self._keep(told, answered.form if answered.asks else None, before)
        if answered.book:
            assert answered.form
            return await self._arrange(told, answered.form)
        if answered.asks:
            assert answered.form
            sure = answered.form.step is Step.CONFIRM
            return Decision(
                ReplyKind.CLARIFY,
                answered.text,
                why=f"call-back: asks for {answered.form.step}",
                suggestions=_yes_no(language) if sure else (),
            )
        return Decision(ReplyKind.NOTICE, answered.text, why="call-back: none")

    async def _arrange(self, told: Told, form: Form) -> Decision:
        language = told.understanding.language
        now = self._now()
        if form.soon:
            form = msgspec.structs.replace(form, at=max(form.at, (now + SOON).timestamp()))
        message = told.last
        call_back = CallBack(
            id=_id_of(told),
            number=form.number,
            customer=message.customer,
            conversation=message.conversation,
            channel=message.channel,
            locale=language,
            at=form.at,
            booked_at=now.timestamp(),
        )
        try:
            await self._count(call_back)
        except TooFast:
            log.warning("call_back.too_many", extra={"conversation": message.conversation})
            return _notice("callback_too_many", language)
        await self._book.keep(call_back)
        log.info("call_back.arranged", extra={"call_back": call_back.id, "at": round(form.at)})
        text = said_of("callback_booked", form, language, now)
        return Decision(ReplyKind.NOTICE, text, why="call-back: arranged")

    async def _count(self, call_back: CallBack) -> None:
        """Raises `TooFast` where it is one too many."""
        limits = self._limits
        for name, client, most, span_s in (
            ("call-back-customer", call_back.customer, limits.per_day, _DAY_S),
            ("call-back-number", call_back.number, limits.per_day, _DAY_S),
            ("call-back", "all", limits.per_hour, _HOUR_S),
        ):
            await self._limiter.within(name, client, most, span_s, call_back.id)

    async def _cancel(self, told: Told) -> Decision:
        language = told.understanding.language
        arranged = await self._book.of(told.last.customer)
        done = arranged and await self._book.end(arranged, State.CANCELLED, "by the customer")
        if done or await self._cancelled_since(told):
            return _notice("callback_cancelled", language)
        return _notice("callback_nothing", language)

    async def _cancelled_since(self, told: Told) -> bool:
        """This turn has cancelled it, at its first try."""
        asked = told.last
        return asked.sent_at > 0 and any(
            each.customer == asked.customer
            and each.state is State.CANCELLED
            and each.at >= asked.sent_at
            for each in await self._book.over()
        )

    def _arranged(self, call_back: CallBack, language: str) -> Decision:
        form = Form(Step.CONFIRM, call_back.number, call_back.at)
        text = said_of("callback_arranged", form, language, self._now())
        return Decision(ReplyKind.NOTICE, text, why="call-back: arranged before")

    def _asking(self, told: Told) -> Asking:
        own = told.phone if self._dialling.allows(told.phone) else ""
        terms = Terms(
            own_number=own,
            any_number=self._limits.any_number,
            days_ahead=self._limits.days_ahead,
            now=self._now(),
            language=told.understanding.language,
        )
        return Asking(self._dialling, self._hours, terms)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), self._zone)

    async def _form(self, told: Told) -> Form | None:
        """As it was before this turn. What an earlier try of it has arranged and offered is put
        aside: more may have been said since, and mean something else."""
        raw = await self._store.run("GET", keys.call_back_form(told.last.conversation))
        if not raw:
            return None
        kept = msgspec.json.decode(raw, type=_Kept)
        if kept.turn != told.turn:
            return kept.form
        if arranged := await self._book.find(_id_of(told)):
            await self._book.end(arranged, State.CANCELLED, "its turn was done again")
        await self._keep(told, kept.before, kept.before)
        return kept.before

    async def _keep(self, told: Told, form: Form | None, before: Form | None) -> None:
        await self._put(told.last.conversation, _Kept(told.turn, form, before))

    async def _put(self, conversation: ConversationId, kept: _Kept) -> None:
        key = keys.call_back_form(conversation)
        await self._store.run("SET", key, _encode(kept), "EX", _FORM_S)


def _id_of(told: Told) -> str:
    """Of the call-back that a turn arranges."""
    return f"cb_{told.last.conversation.removeprefix('con_')}_{told.turn}"


def _yes_no(language: str) -> tuple[str, str]:
    return say("answer_yes", language), say("answer_no", language)


def _notice(code: str, language: str) -> Decision:
    return Decision(ReplyKind.NOTICE, say(code, language), why=f"call-back: {code}")
