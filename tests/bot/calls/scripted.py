"""A call in virtual time: a line, ears, a mouth and a desk that follow a script.

A word of the caller is 0.3 s of sound at a level of its own, so that the ears can tell which words
were in what they were given; the desk's words are 0.3 s each as well.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bot.calls.hearing import LONGEST_WAIT_S, Caught
from bot.calls.ledger import Said
from bot.calls.manner import Manner
from bot.calls.session import CallSession
from bot.calls.timeline import Timeline
from bot.calls.transport import (
    Call,
    Caption,
    Dropped,
    Ended,
    EndReason,
    Heard,
    Key,
    LineEvent,
    Played,
    Resumed,
    Sound,
)
from bot.channel import Sentence
from bot.errors import Unavailable
from bot.messages import ChannelName, ConversationId, CustomerId, Reply, ReplyId, ReplyKind, TurnId
from models.melody import Melody
from models.synthesizer import Speech
from models.transcriber import Transcript
from models.voice_activity import PIECE

RATE_HZ = 16_000
FRAME_S = 0.04
WORD_S = 0.3
_LEVEL = 0.2
_STEP = 0.002


class Script:
    """What the caller says, and when; times are seconds since the call was answered."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.parts: list[tuple[float, float, float]] = []
        """From, to, level."""
        self.events: list[tuple[float, LineEvent]] = []

    def says(self, at_s: float, words: str) -> "Script":
        """`|1.2|` among the words is a pause of so many seconds."""
        for token in words.split():
            if token.startswith("|"):
                at_s += float(token.strip("|"))
                continue
            level = _LEVEL + _STEP * len(self.words)
            self.words.append(token)
            self.parts.append((at_s, at_s + WORD_S, level))
            at_s += WORD_S
        return self

    def makes(self, at_s: float, seconds: float) -> "Script":
        """A noise that sounds like a voice and has no words."""
        self.parts.append((at_s, at_s + seconds, 0.1))
        return self

    def presses(self, at_s: float, digits: str) -> "Script":
        self.events += [(at_s + 0.3 * n, Key(digit)) for n, digit in enumerate(digits)]
        return self

    def happens(self, at_s: float, event: LineEvent) -> "Script":
        self.events.append((at_s, event))
        return self

    def frame(self, at_s: float) -> Sound:
        samples = np.zeros(round(FRAME_S * RATE_HZ), np.float32)
        for begin, end, level in self.parts:
            if begin < at_s + FRAME_S and end > at_s:
                first = max(0, round((begin - at_s) * RATE_HZ))
                samples[first : round((end - at_s) * RATE_HZ)] = level
        return samples

    def heard_in(self, samples: Sound) -> str:
        levels, counts = np.unique(np.round((samples - _LEVEL) / _STEP), return_counts=True)
        found = {int(n) for n, c in zip(levels, counts, strict=True) if c > 0.1 * RATE_HZ}
        return " ".join(word for n, word in enumerate(self.words) if n in found)


class Line:
    """Implements `bot.calls.transport.Transport`."""

    sample_rate_hz = RATE_HZ

    def __init__(self, script: Script, until_s: float, *, transfers: bool = True) -> None:
        self._script = script
        self._until_s = until_s
        self._transfers = transfers
        self._queue: deque[Sound] = deque()
        self._played = 0
        self._reason: EndReason | None = None
        self.now_s = 0.0
        self.out: list[tuple[float, bool]] = []
        """Each frame's second, and whether the desk was heard in it."""
        self.clears: list[float] = []
        self.transferred_to = ""
        self.captions: list[Caption] = []

    async def events(self) -> AsyncIterator[LineEvent]:
        events = deque(sorted(self._script.events, key=lambda pair: pair[0]))
        down = False
        while self._reason is None:
            while events and events[0][0] <= self.now_s:
                event = events.popleft()[1]
                down = isinstance(event, Dropped) or (down and not isinstance(event, Resumed))
                if isinstance(event, Dropped):
                    self._queue.clear()
                    event = Dropped(self._played)
                yield event
            if not down:
                yield Heard(self._script.frame(self.now_s))
                out = self._take()
                self.out.append((self.now_s, out > 0))
                if out:
                    self._played += out
                    yield Played(self._played)
            await asyncio.sleep(FRAME_S)
            self.now_s += FRAME_S
            if self.now_s >= self._until_s:
                self._reason = self._reason or EndReason.CALLER
        yield Ended(self._reason)

    def _take(self) -> int:
        left = round(FRAME_S * RATE_HZ)
        whole = left
        while left and self._queue:
            piece = self._queue.popleft()
            if len(piece) > left:
                self._queue.appendleft(piece[left:])
            left -= min(left, len(piece))
        return whole - left

    async def answer(self) -> None:
        pass

    async def play(self, samples: Sound) -> None:
        self._queue.append(samples)

    async def clear(self) -> int:
        self.clears.append(self.now_s)
        self._queue.clear()
        return self._played

    async def hang_up(self) -> None:
        self._reason = self._reason or EndReason.DESK

    async def transfer(self, target: str) -> bool:
        self.transferred_to = target
        if self._transfers:
            self._reason = EndReason.TRANSFERRED
        return self._transfers

    def caption(self, caption: Caption) -> None:
        self.captions.append(caption)

    def sounding(self, from_s: float, to_s: float) -> float:
        """Seconds between two times in which the desk was heard."""
        return FRAME_S * sum(heard for at, heard in self.out if from_s <= at < to_s)


class LoudVoice:
    """Takes whatever is loud for a voice."""

    def __init__(self) -> None:
        self._held = np.zeros(0, np.float32)

    def hear(self, samples: Sound) -> NDArray[np.float32]:
        held = np.concatenate([self._held, samples])
        whole = len(held) // PIECE * PIECE
        self._held = held[whole:]
        loud = np.abs(held[:whole]).reshape(-1, PIECE).mean(axis=1) > 0.04
        return loud.astype(np.float32)


FALLEN = Melody(
    -3.4, -10, late=-3.0, early=-0.4, over_lowest=-0.5, over_highest=-5.4, level=-8.5,
    level_quarter=-4.7, level_half=-4.3, stretch_s=0.25, after_s=0.2, voiced_s=1.4,
)  # fmt: skip
LEVEL = Melody(
    -0.1, 2.6, late=-0.3, over_lowest=1.9, over_highest=-2.0, level=-5.7, level_quarter=-3.9,
    level_half=-4.0, stretch_s=0.22, after_s=0.2, voiced_s=1.0,
)  # fmt: skip
"""Medians of espeak's voices at the end of statements, and in pauses."""


@dataclass
class ScriptedEars:
    script: Script
    seconds: float = 0.1
    hangs: bool = False
    problem: str = ""
    heard: list[str] = field(default_factory=list)

    def listen(self, partial: Callable[[str], None]) -> "ScriptedEar":
        return ScriptedEar(self)


class ScriptedEar:
    def __init__(self, ears: ScriptedEars) -> None:
        self._ears = ears
        self._sound: list[Sound] = []

    def hear(self, samples: Sound) -> None:
        self._sound.append(samples)

    async def finish(self) -> Caught:
        ears = self._ears
        text = ears.script.heard_in(np.concatenate(self._sound))
        if ears.hangs:
            await asyncio.sleep(LONGEST_WAIT_S)  # of virtual time: the test does not wait
            raise Unavailable(f"the transcriber gave nothing in {LONGEST_WAIT_S:g} s")
        await asyncio.sleep(ears.seconds)
        ears.heard.append(text)
        language, problem = ("en", "") if text else ("", ears.problem)
        # The voice falls where the words end in a full stop.
        melody = FALLEN if text[-1:] in (".", "?") else LEVEL
        return Caught(Transcript(text, language, 0.9, 1.0, problem), melody)


@dataclass
class ScriptedMouth:
    seconds: float = 0.05
    hangs: bool = False
    spoken: list[str] = field(default_factory=list)
    """What it was asked to speak."""

    async def speak(self, text: str, locale: str) -> Speech | None:
        self.spoken.append(text)
        await asyncio.sleep(1000 if self.hangs else self.seconds)
        length = round(len(text.split()) * WORD_S * RATE_HZ)
        return Speech(np.full(length, 0.3, np.float32), RATE_HZ)

    def trouble(self, locale: str) -> tuple[str, Speech] | None:
        return "Something is wrong.", Speech(np.full(RATE_HZ, 0.3, np.float32), RATE_HZ)


Answer = str | Reply | None


class ScriptedTalk:
    """Implements `bot.calls.talk.Talk`: the desk answers with what `answer` makes of a message."""

    def __init__(self, answer: Callable[[str], Answer], seconds: float) -> None:
        self._answer = answer
        self._seconds = seconds
        self._replies: asyncio.Queue[Reply] = asyncio.Queue()
        self.told: list[str] = []
        self.spans: list[tuple[float, float]] = []
        self.signs_s: list[float] = []
        """When the desk was told that the caller speaks, by the loop's clock."""
        self.corrected: dict[str, str] = {}
        self.offers = ""
        """What is offered to who could not be connected with a person; empty: nothing."""
        self.prepared: list[str] = []
        """What an answer was begun for; empty texts: it was dropped."""
        self.ahead = ""
        """The first sentence of each answer that is begun, which stands at once."""
        self.written: list[tuple[float, str]] = []
        """Sentences that are known of the next reply before it is, each after so many seconds. An
        empty one: it is begun anew."""
        self.away_s = 0.0
        """For which replies cannot be read, from the first time that they are asked for."""
        self._grows: Callable[[Sentence], None] = lambda sentence: None
        self._back_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    def listen(self, hear: Callable[[Sentence], None]) -> Callable[[], None]:
        self._grows = hear
        return lambda: None

    def prepare(self, text: str, stands: Callable[[str, str], None]) -> None:
        self.prepared.append(text)
        if self.ahead:
            stands(self.ahead, "en")

    def drop_prepared(self) -> None:
        self.prepared.append("")

    async def tell(self, text: str, *, from_s: float, to_s: float) -> None:
        self.told.append(text)
        self.spans.append((from_s, to_s))
        answer = self._answer(text)
        if answer:
            made = answer if isinstance(answer, Reply) else reply(answer, len(self.told))
            task = asyncio.create_task(self._answer_later(made))
            self._tasks.add(task)

    async def _answer_later(self, made: Reply) -> None:
        at, written, self.written = 0, self.written, []
        for seconds, text in written:
            await asyncio.sleep(seconds)
            if not text:
                at = 0
                continue
            self._grows(Sentence(made.conversation, made.id, at, text, "en"))
            at += len(text)
        await asyncio.sleep(self._seconds)
        self._replies.put_nowait(made)

    async def replies(self) -> AsyncIterator[Reply]:
        clock = asyncio.get_running_loop().time
        if self.away_s and not self._back_at:
            self._back_at = clock() + self.away_s
        if clock() < self._back_at:
            raise Unavailable("Redis does not answer")
        while True:
            yield await self._replies.get()

    def types(self, text: str) -> None:
        """The customer has typed something beside the call, and here is the desk's answer."""
        self._replies.put_nowait(reply(text, 99))

    def speaks(self) -> None:
        self.signs_s.append(asyncio.get_running_loop().time())

    async def nobody_reached(self, locale: str) -> bool:
        if self.offers:
            self._replies.put_nowait(reply(self.offers, 50, ReplyKind.CLARIFY, ["Yes", "No"]))
        return bool(self.offers)

    async def heard(self, reply: str, said: list[Said], *, whole: bool) -> None:
        self.corrected[reply] = " ".join(each.text for each in said)


def reply(
    text: str, number: int, kind: ReplyKind = ReplyKind.ANSWER, suggestions: Sequence[str] = ()
) -> Reply:
    return Reply(
        id=ReplyId(f"rep_{number}"),
        channel=ChannelName("call"),
        conversation=ConversationId("con_1"),
        customer=CustomerId("cus_ann"),
        turn=TurnId(str(number)),
        kind=kind,
        text=text,
        suggestions=tuple(suggestions),
    )


@dataclass
class PlayedCall:
    """A call that is over."""

    reason: EndReason
    line: Line
    talk: ScriptedTalk
    ears: ScriptedEars
    timeline: Timeline

    @property
    def said(self) -> list[str]:
        """What of the desk's words was heard, in order."""
        return [line.text for line in self.timeline.lines if not line.by_caller]


def echo(text: str) -> Answer:
    return f"You said {text}."


async def hold(
    script: Script,
    *,
    until_s: float = 30.0,
    answer: Callable[[str], Answer] = echo,
    answer_s: float = 0.05,
    written: Sequence[tuple[float, str]] = (),
    ahead: str = "",
    call: Call | None = None,
    ears: ScriptedEars | None = None,
    mouth: ScriptedMouth | None = None,
    transfers: bool = True,
    offers: str = "",
    away_s: float = 0.0,
    reached: Callable[[], None] = lambda: None,
    typed: tuple[float, str] | None = None,
    **manner: object,
) -> PlayedCall:
    """A whole call. The desk greets with three words, 1.08 s. `written`: the sentences of the first
    reply that are known before it, each after so many seconds. `ahead`: the
    sentence that an answer begins with which is made in a pause. `away_s`: for which no replies can
    be read. `typed`: when something else is
    answered in the conversation, and how."""
    line = Line(script, until_s, transfers=transfers)
    talk = ScriptedTalk(answer, answer_s)
    talk.offers, talk.away_s = offers, away_s
    talk.written, talk.ahead = list(written), ahead
    ears = ears or ScriptedEars(script)
    session = CallSession(
        call or Call(id="call_1", channel=ChannelName("call"), customer=CustomerId("cus_ann")),
        line,
        ears=ears,
        mouth=mouth or ScriptedMouth(),
        talk=talk,
        manner=Manner(
            **{"business": "Shop", "language": "en", "greeting": "Hello from Shop"} | manner
        ),
        voice=LoudVoice(),
        reached=reached,
    )
    if typed:
        asyncio.get_running_loop().call_later(typed[0], talk.types, typed[1])
    reason = await session.run()
    return PlayedCall(reason, line, talk, ears, session.timeline)
