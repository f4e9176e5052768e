"""What has to be known before somebody is called back, and how it is asked for. Pure.

Number, time, and a yes to both read back. A conversation's form is a few turns long; who speaks of
something else is answered as ever, and the form is put away.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from bot.call_backs.phrases import asks_for_call_back, cancels_call_back, is_no, is_yes
from bot.call_backs.times import SOON, moment_in_words, wish_in
from bot.dialling import Dialling, looks_like_number, written
from bot.office_hours import OfficeHours
from bot.texts import say

_MOST_TRIES = 2
"""Times that something is asked for again."""


class Step(StrEnum):
    """What was asked for."""

    OFFER = "offer"
    NUMBER = "number"
    TIME = "time"
    CONFIRM = "confirm"


class Form(msgspec.Struct, frozen=True, omit_defaults=True):
    step: Step
    number: str = ""
    """As `+4722334455`."""
    at: float = 0.0
    """Unix time in seconds; 0: not known yet."""
    soon: bool = False
    tries: int = 0


class Terms(msgspec.Struct, frozen=True):
    """What holds for a conversation's call-back."""

    own_number: str
    """Of the customer, as their channel has verified it or the line tells it; empty where it may
    not be called, or none is known."""
    any_number: bool
    """They may give another one."""
    days_ahead: int
    now: datetime
    language: str


class Answered(msgspec.Struct, frozen=True):
    """What is said next."""

    text: str
    form: Form | None
    """None: it is put away."""
    book: bool = False
    """The number and the time are confirmed: `form` is to be booked."""

    @property
    def asks(self) -> bool:
        return self.form is not None and not self.book


class Asking:
    """Asks one conversation's customer."""

    def __init__(self, dialling: Dialling, hours: OfficeHours, terms: Terms) -> None:
        self._dialling = dialling
        self._hours = hours
        self._terms = terms

    @property
    def possible(self) -> bool:
        """Whether there is a number that may be called, or could be given."""
        return bool(self._terms.own_number) or self._terms.any_number

    def begin(self, text: str) -> Answered:
        """They have asked to be called back, and perhaps said when."""
        if not self.possible:
            return Answered(self._say("callback_number_none"), None)
        form = Form(Step.TIME, self._terms.own_number)
        return self._filled(self._taken(form, text)) if text else self._filled(form)

    def go_on(self, form: Form, text: str) -> Answered | None:
        """They have said something to what was asked; None: it was no answer to that."""
        language = self._terms.language
        if cancels_call_back(text, language):
            return Answered(self._say("callback_declined"), None)
        taken = self._taken(form, text)
        told = taken != form
        if told:
            return self._filled(taken)
        if refused := self._refused_number(form, text):
            return refused
        if is_no(text, language):
            return self._objected(form)
        if is_yes(text, language) or asks_for_call_back(text, language):
            return self._agreed(form)
        return None if form.step is Step.OFFER else self._again(form, text)

    def _agreed(self, form: Form) -> Answered:
        if form.step is Step.CONFIRM:
            return Answered("", form, book=True)
        if form.step is Step.OFFER:
            return self.begin("")
        return self._filled(form)

    def _objected(self, form: Form) -> Answered:
        if form.step is not Step.CONFIRM:
            return Answered(self._say("callback_declined"), None)
        if form.tries >= _MOST_TRIES:
            return Answered(self._say("callback_given_up"), None)
        if self._terms.any_number:
            asked = Form(Step.NUMBER, tries=form.tries + 1)
            return Answered(self._say("callback_ask_number"), asked)
        asked = Form(Step.TIME, form.number, tries=form.tries + 1)
        return Answered(self._say("callback_when"), asked)

    def _again(self, form: Form, text: str) -> Answered | None:
        """What they said was nothing that was asked for."""
        if text.rstrip().endswith(("?", "？", "؟")) or form.tries >= _MOST_TRIES:
            return None
        form = msgspec.structs.replace(form, tries=form.tries + 1)
        match form.step:
            case Step.NUMBER:
                return Answered(self._say("callback_number_unclear"), form)
            case Step.TIME:
                return Answered(self._say("callback_time_unclear"), form)
            case _:
                return self._filled(form)

    def _taken(self, form: Form, text: str) -> Form:
        """With what of it is in a text."""
        language, number = self._terms.language, ""
        if self._terms.any_number:
            number = self._dialling.read(text, language)
        if number:
            form = msgspec.structs.replace(form, number=number)
        if form.step is Step.NUMBER or number or looks_like_number(text, language):
            return form  # its digits are no hours
        wish = wish_in(text, language, self._terms.now)
        if wish is None or (form.step is Step.OFFER and is_no(text, language)):
            return form
        return msgspec.structs.replace(form, at=wish.at.timestamp(), soon=wish.soon)

    def _refused_number(self, form: Form, text: str) -> Answered | None:
        """They gave a number that may not be called."""
        if not looks_like_number(text, self._terms.language):
            return None
        if self._terms.any_number:
            if form.tries >= _MOST_TRIES:
                return Answered(self._say("callback_given_up"), None)
            asked = Form(Step.NUMBER, at=form.at, soon=form.soon, tries=form.tries + 1)
            return Answered(self._say("callback_number_refused"), asked)
        own = self._terms.own_number
        asked = Form(Step.TIME, own, tries=form.tries + 1)
        return Answered(self._say("callback_number_own", number=written(own)), asked)

    def _filled(self, form: Form) -> Answered:
        """Ask for what is missing."""
        terms = self._terms
        number = form.number or terms.own_number
        if not number:
            form = msgspec.structs.replace(form, step=Step.NUMBER)
            return Answered(self._say("callback_ask_number"), form)
        form = msgspec.structs.replace(form, number=number)
        if not form.at:
            form = msgspec.structs.replace(form, step=Step.TIME)
            return Answered(self._say("callback_ask_time", number=written(number)), form)
        return self._fitted(form)

    def _fitted(self, form: Form) -> Answered:
        """The time, moved to when somebody is there."""
        now = self._terms.now
        wished = datetime.fromtimestamp(form.at, now.tzinfo)
        asked = msgspec.structs.replace(form, step=Step.TIME, at=0.0, soon=False)
        if wished <= now:
            return Answered(self._say("callback_time_past"), asked)
        at = self._hours.next_open(wished)
        if (at - now).days >= self._terms.days_ahead:
            days = self._terms.days_ahead
            return Answered(say("callback_time_far", self._terms.language, days=days), asked)
        soon = form.soon and at - now <= 2 * SOON
        form = msgspec.structs.replace(form, step=Step.CONFIRM, at=at.timestamp(), soon=soon)
        code = "callback_confirm" if at == wished else "callback_closed"
        return Answered(said_of(code, form, self._terms.language, now), form)

    def _say(self, code: str, **params: str) -> str:
        return say(code, self._terms.language, **params)


def said_of(code: str, form: Form, language: str, now: datetime) -> str:
    """A sentence about a form's number and time."""
    moment = datetime.fromtimestamp(form.at, now.tzinfo)
    when = say("callback_soon", language) if form.soon else moment_in_words(moment, language)
    return say(code, language, number=written(form.number), moment=when)
