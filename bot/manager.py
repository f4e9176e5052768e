"""The dialogue manager: one turn, from what the customer sent to what the desk answers."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from bot.channel import Progress, Sentence
from bot.draft import Draft
from bot.errands import Errand, Told
from bot.errors import CustomerError
from bot.fetching import Fetching
from bot.history import History, Past
from bot.inbox import Received
from bot.linking import Asked, Linking, asked_in, without_commands
from bot.messages import (
    Attachment,
    AttachmentId,
    ConversationId,
    Message,
    Reply,
    ReplyKind,
    TurnId,
    reply_id,
)
from bot.perception import Perceived, Perception
from bot.policy import Decision, Policy, explain_finding
from bot.preparing import Ahead, Preparing
from bot.recognition import Recogniser, observation_of, pictures_of
from bot.speech import Speaker, Spoken
from bot.texts import say
from bot.trace import Trace
from bot.understanding import Understanding, corrected, understand


class Turn:
    """What one answer is for: the messages, and what has been perceived in them so far."""

    def __init__(
        self, conversation: ConversationId, received: list[Received], *, started: float
    ) -> None:
        """`received`: oldest first, at least one. `started`: monotonic seconds of its arrival."""
        self.conversation = conversation
        self.received = received
        self.withdrawn: frozenset[int] = frozenset()
        """Numbers of messages that were deleted since they came."""
        self.perceiving: dict[AttachmentId, asyncio.Task[Perceived]] = {}
        self.begun = False
        """A caller may have heard the beginning of the answer: nothing joins the turn any more,
        though the answer should have to be made anew."""
        self.id = TurnId(str(received[0].seq))
        """The number of its first message: the same when the turn is done again after a crash."""
        self.trace = Trace(
            turn=self.id,
            conversation=conversation,
            channel=received[0].message.channel,
            waited_ms=round((time.monotonic() - started) * 1000, 1),
        )

    @property
    def standing(self) -> list[Received]:
        """Those that the customer has not deleted."""
        return [item for item in self.received if item.seq not in self.withdrawn]

    @property
    def messages(self) -> list[Message]:
        return [item.message for item in self.standing]


class Outcome(msgspec.Struct, frozen=True):
    """A finished turn, ready to be committed."""

    reply: Reply | None
    """None: there is nothing left to answer."""
    trace: bytes
    perceived: Mapping[AttachmentId, Perceived]


class DialogueManager:
    def __init__(
        self,
        *,
        history: History,
        perception: Perception,
        policy: Policy,
        speaker: Speaker,
        show: Callable[[Progress], None],
        say: Callable[[Sentence], bool],
        language: str,
        fetching: Fetching,
        linking: Linking,
        recogniser: Recogniser | None = None,
        errands: Sequence[Errand] = (),
    ) -> None:
        """`show` passes on that an answer is being made, and `say` its sentences; it tells whether
        somebody speaks them. `language`: of the business, for customers whose language nothing
        tells. Without a `recogniser` no intents are told. `errands`: what is done for customers
        beside answering."""
        self._history = history
        self._perception = perception
        self._policy = policy
        self._speaker = speaker
        self._show = show
        self._say = say
        self._language = language
        self._recogniser = recogniser
        self._fetching = fetching
        self._linking = linking
        self._errands = tuple(errands)
        self.preparing = Preparing(self._decide_ahead)
        """Answers to what callers seem to have said."""

    async def handle(self, turn: Turn, joined: Callable[[], bool]) -> Outcome | None:
        """Answer a turn. None if `joined()` told, before the answer began, that more messages
        have come which belong to it; the caller adds them and calls again."""
        trace = turn.trace
        with trace.step("history"):
            first = turn.received[0]
            turn.withdrawn, past = await asyncio.gather(
                self._history.withdrawn(turn.conversation),
                self._history.before(first.message, first.seq),
            )
        if not turn.messages:
            trace.note(decision={"kind": "none", "why": "the customer deleted it"})
            return Outcome(None, trace.to_json(), {})
        with trace.step("perception"):
            perceived = await self._perceive(turn)
        if joined() and not turn.begun:
            return None
        with trace.step("understanding"):
            asked = asked_in(turn.standing)
            messages = corrected(without_commands(turn.messages))
            understanding = understand(messages, perceived, past, self._language)
            wants_answer = asked is None or not understanding.empty or bool(understanding.problems)
            told = Told(turn.id, messages, understanding)
            decision = await self._errand(told) if wants_answer else None
            ahead = None
            if decision:
                self.preparing.drop(turn.conversation)
            elif ahead := self.preparing.take(turn.conversation, understanding, past):
                trace.note(prepared=ahead.account())
            else:
                understanding = await self._recognised(understanding, messages, perceived, past)
        with self._draft(turn, understanding, asked) as (draft, spoken):
            with trace.step("policy"), trace.current():
                if ahead:
                    understanding, decision = await ahead.decided(draft)
                    decision = await self._offered(told, decision)
                elif decision is None and wants_answer:
                    decision = await self._policy.decide(understanding, past, draft)
                    decision = await self._offered(told, decision)
            # What the customer has seen or heard the beginning of is finished.
            if joined() and not draft.shown and not turn.begun:
                return None
            if asked:
                linked = await self._linking.answer(asked, understanding.language)
                decision = _together(linked, decision)
            assert decision
            speech: tuple[Attachment, ...] = ()
            if spoken:
                draft.put(decision.text)
                with trace.step("speech"):
                    speech = await spoken.finish(decision.text)
        trace.note(**_account(turn, past, perceived, understanding, decision))
        reply = _reply(turn, decision, understanding.language, speech, perceived)
        return Outcome(reply, trace.to_json(), perceived)

    async def _errand(self, told: Told) -> Decision | None:
        """What a turn asks to be done, done; None where it is to be answered."""
        for errand in self._errands:
            if decision := await errand.answer(told):
                return decision
        return None

    async def _offered(self, told: Told, decision: Decision) -> Decision:
        for errand in self._errands:
            decision = await errand.offer(told, decision)
        return decision

    @contextmanager
    def _draft(
        self, turn: Turn, understanding: Understanding, asked: Asked | None
    ) -> Iterator[tuple[Draft, Spoken | None]]:
        """What the customer sees of the answer while it grows, and what is spoken of it."""
        spoken = None
        if understanding.by_voice and not asked:
            spoken = self._speaker.begin(understanding.language, turn.conversation)
        reply, language = reply_id(turn.conversation, turn.id), understanding.language
        # What became of a command, and what is wrong with a file, is said before the answer.
        begins = not asked and not understanding.problems

        def speak(at: int, sentence: str) -> None:
            if spoken:
                spoken.add(sentence)
            if begins:
                heard = self._say(Sentence(turn.conversation, reply, at, sentence, language))
                turn.begun = turn.begun or heard

        channel = turn.received[0].message.channel
        try:
            yield Draft(turn.conversation, reply, channel, self._show, speak), spoken
        finally:
            if spoken:
                spoken.close()

    def give_up(self, turn: Turn) -> Outcome:
        """The outcome of a turn that has failed too often: the customer is told."""
        locale = next((m.locale for m in reversed(turn.messages) if m.locale), self._language)
        decision = Decision(ReplyKind.PROBLEM, say("turn_failed", locale), why="failed repeatedly")
        turn.trace.note(decision={"kind": decision.kind, "why": decision.why})
        reply = _reply(turn, decision, locale, (), {})
        return Outcome(reply, turn.trace.to_json(), {})

    async def _decide_ahead(self, message: Message, ahead: Ahead) -> tuple[Understanding, Decision]:
        """The answer to what would be a turn's only message; nothing is kept of it."""
        past = await self._history.before(message)
        understanding = understand([message], {}, past, self._language)
        ahead.understanding, ahead.past = understanding, past
        with ahead.steps.current():
            understanding = await self._recognised(understanding, [message], {}, past)
            decision = await self._policy.decide(understanding, past, ahead.draft)
        ahead.draft.whole(decision.text)
        return understanding, decision

    async def _recognised(
        self,
        understanding: Understanding,
        messages: Sequence[Message],
        perceived: Mapping[AttachmentId, Perceived],
        past: Past,
    ) -> Understanding:
        """With what the trained model says, where there is one and it has something to go by."""
        if self._recogniser is None or understanding.empty or understanding.social:
            return understanding
        found = await self._recogniser.recognise(
            observation_of(messages, perceived, past), understanding.language
        )
        if found:
            pictures = pictures_of(messages, perceived)
            found = msgspec.structs.replace(found, pictures=pictures)
        return msgspec.structs.replace(understanding, recognised=found)

    async def _perceive(self, turn: Turn) -> dict[AttachmentId, Perceived]:
        """All attachments at once. What an earlier call has begun for this turn is kept."""
        attachments = [(message, a) for message in turn.messages for a in message.attachments]
        for message, attachment in attachments:
            known = turn.perceiving.get(attachment.id)
            if known is None or (known.done() and known.exception()):
                turn.perceiving[attachment.id] = asyncio.create_task(
                    self._look_at(message, attachment), name="perception"
                )
        return {a.id: await turn.perceiving[a.id] for _, a in attachments}

    async def _look_at(self, message: Message, attachment: Attachment) -> Perceived:
        """What is in an attachment, fetched first where its provider still has it."""
        try:
            attachment = await self._fetching.bring(message, attachment)
        except CustomerError as error:
            return Perceived(
                attachment.id,
                attachment.kind,
                problem=error.code,
                problem_params=dict(error.params),
            )
        return await self._perception.perceive(attachment)


def _reply(
    turn: Turn,
    decision: Decision,
    language: str,
    speech: tuple[Attachment, ...],
    perceived: Mapping[AttachmentId, Perceived],
) -> Reply:
    first = turn.received[0].message
    return Reply(
        id=reply_id(turn.conversation, turn.id),
        channel=first.channel,
        conversation=turn.conversation,
        customer=first.customer,
        turn=turn.id,
        kind=decision.kind,
        text=decision.text,
        citations=decision.citations,
        suggestions=decision.suggestions,
        waits_s=decision.waits_s,
        speech=speech,
        transcripts={name: what.said for name, what in perceived.items() if what.said},
        locale=language,
        created_at=time.time(),
    )


def _together(done: Decision, decision: Decision | None) -> Decision:
    """What became of a command, and below it the answer to what else was said."""
    if decision is None:
        return done
    return msgspec.structs.replace(decision, text=f"{done.text}\n\n{decision.text}")


def _account(
    turn: Turn,
    past: Past,
    perceived: Mapping[AttachmentId, Perceived],
    understanding: Understanding,
    decision: Decision,
) -> dict[str, Any]:
    """The facts of a turn, for its trace."""
    return {
        "remembered": {
            "entries": len(past.entries),
            "summary": past.summary,
            "calls": past.calls,
        },
        "messages": [
            {
                "seq": item.seq,
                "text": item.message.text,
                "attachments": [a.id for a in item.message.attachments],
            }
            for item in turn.received
        ],
        "perceived": [what.account() for what in perceived.values()],
        "understanding": {
            "typed": understanding.typed,
            "said": understanding.said,
            "shown": understanding.shown,
            "language": understanding.language,
            "by_voice": understanding.by_voice,
        },
        "recognised": msgspec.to_builtins(understanding.recognised),
        "search": explain_finding(decision.finding),
        "decision": {
            "kind": decision.kind,
            "why": decision.why,
            "articles": [citation.article for citation in decision.citations],
        },
        **({"assistant": msgspec.to_builtins(decision.assistant)} if decision.assistant else {}),
    }
