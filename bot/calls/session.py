"""One call, from the ring to its end: what is heard, who may speak, and what is said.

Sound comes in and becomes turns (`turn_taking`); a turn is written down (`caller_turns`) and told
to the desk (`answering`); what the desk answers (`replies`) and what it says of its own accord
(`phrases`) is played (`playing`). How a call begins is in `first_words`, how it ends in `leaving`.
Here is decided what each of them means for the others.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack

from bot.calls.answering import Answering
from bot.calls.caller_turns import CallerTurns, Turn
from bot.calls.endpointing import UNSURE_S, Expected, expected_after, patience_s, wants_turn
from bot.calls.first_words import FirstWords
from bot.calls.hearing import SAMPLE_RATE_HZ, Caught, Ears, Voice
from bot.calls.leaving import Leaving
from bot.calls.ledger import Said
from bot.calls.manner import Manner
from bot.calls.phrases import Phrases
from bot.calls.playing import Mouth, Player
from bot.calls.recording import Recording
from bot.calls.replies import Replies
from bot.calls.talk import Talk
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
    Transport,
)
from bot.calls.turn_taking import Caller, Desk, Move, Step, TurnTaking
from bot.channel import Sentence
from bot.messages import Reply, ReplyKind
from bot.wishes import Social, social
from models.transcriber import Transcript
from models.voice_activity import PIECE, SpeechDetector

log = logging.getLogger(__name__)

_PIECE_S = PIECE / SAMPLE_RATE_HZ


class CallSession:
    def __init__(
        self,
        call: Call,
        line: Transport,
        *,
        ears: Ears,
        mouth: Mouth,
        talk: Talk,
        manner: Manner,
        recording: Recording | None = None,
        voice: Voice | None = None,
        reached: Callable[[], None] = lambda: None,
    ) -> None:
        """`reached`: see `FirstWords`."""
        self._call = call
        self._line = line
        self._talk = talk
        self._manner = manner
        self._recording = recording
        self._taking = TurnTaking(manner.timing)
        self._voice: Voice = voice or SpeechDetector()
        self.timeline = Timeline()
        self._group = asyncio.TaskGroup()
        """Of all that the call does at the same time."""
        self._caller = CallerTurns(
            call,
            ears,
            line.sample_rate_hz,
            self._group,
            partial=lambda text: line.caption(Caption(True, text, False)),
            paused=self._weigh_pause,
        )
        self._player = Player(
            line, mouth, sounds=self._sounds, said=self._said, silent=self._silent
        )
        self._phrases = Phrases(self._player, call, manner)
        self._replies = Replies(talk, self._player, self._group)
        self._answering = Answering(
            talk,
            self._phrases,
            self._player,
            self.timeline,
            missing=self._replies.stop_growing,
        )
        self._leaving = Leaving(
            line, talk, manner, self._phrases, self._taking, self.timeline, self._group
        )
        self._first_words = FirstWords(
            call,
            self._phrases,
            self._leaving,
            self._taking,
            self.timeline,
            speaks=lambda: self._caller.turn is not None,
            reached=reached,
        )
        self._stop_growing = talk.listen(self._grows)
        self._expected = Expected.ANYTHING
        self._leaves_alone_s = 0.0
        """Of silence after what is being said, in which the caller has something to do."""
        self._over = False
        """Nothing new begins any more; `_close` settles what is left."""
        self.reason = EndReason.LOST

    async def run(self) -> EndReason:
        """Hold the call until it is over."""
        try:
            async with asyncio.timeout(self._manner.longest_s), self._group as group:
                telling = group.create_task(self._tell(), name="call turns")
                others = [
                    group.create_task(self._player.run(), name="call player"),
                    group.create_task(self._answering.run(self._answer), name="call answers"),
                ]
                try:
                    await self._listen()
                    self._caller.close()
                    await telling
                finally:
                    for task in (telling, *others):
                        task.cancel()
        except TimeoutError:
            log.info("call.too_long", extra={"call": self._call.id})
            self.reason = EndReason.DESK
        finally:
            await self._close()
        return self.reason

    # What happens on the line

    async def _listen(self) -> None:
        await self._line.answer()
        self._first_words.begin()
        async for event in self._line.events():
            await self._take(event)
            if isinstance(event, Ended):
                self.reason, self._over = event.reason, True
                self._first_words.close()  # what was heard last may still be written down
                return

    async def _take(self, event: LineEvent) -> None:
        match event:
            case Heard(samples):
                await self._hear(samples)
            case Played(samples):
                self._went_out(self._player.played(samples))
            case Key(digit):
                await self._key(digit)
            case Dropped(played):
                self._went_out(self._player.lost(played))
            case Resumed():
                self._player.resume()
            case Ended():
                self._end_turn()

    async def _hear(self, samples: Sound) -> None:
        if self._recording:
            self._recording.caller(samples)
        for voice in self._voice.hear(self._caller.hear(samples)):
            await self._do(self._taking.hear(float(voice), _PIECE_S))
        if self._caller.turn:  # what they have just sent waits for it, however long it is
            self._talk.speaks()
        self._caller.passed(self._taking.now_s)

    async def _do(self, steps: list[Step]) -> None:
        for step in steps:
            self.timeline.note(step.at_s, step.move)
            match step.move:
                case Move.BEGAN:
                    self._caller.begin(step.at_s)
                case Move.PAUSED:
                    self._caller.pause(self._taking.voice_ended_s)
                case Move.WENT_ON:
                    self._answering.drop_prepared()
                    self._caller.go_on()
                case Move.HOLD:
                    self._went_out(await self._player.hold())
                case Move.INTERRUPTED:
                    await self._give_up()
                case Move.RESUME:
                    self._answering.drop_prepared()
                    self._caller.drop()
                    self._say_late()
                    self._player.resume()
                case Move.FINISHED:
                    self._end_turn()
                case Move.SILENCE:
                    if not self._phrases.ask_whether_there():
                        self._leaving.hang_up_soon()

    def _went_out(self, sound: Sound) -> None:
        if self._recording and len(sound):
            self._recording.desk(sound)
        if len(sound) and not self._answering.waiting:
            self.timeline.first_sound(asyncio.get_running_loop().time())

    async def _key(self, digit: str) -> None:
        self._taking.sign()
        self.timeline.note(self._taking.now_s, "key")
        self._phrases.caller_is_there()
        if self._player.speaking:
            await self._give_up()
        self._caller.press(digit, self._taking.now_s)

    # The caller's turn

    async def _weigh_pause(self, turn: Turn, caught: Caught) -> None:
        """What the words up to a pause mean for it, and for what the desk was saying."""
        heard = caught.transcript
        locale = heard.language or self._phrases.locale
        self._line.caption(Caption(True, heard.text, False))
        if self._taking.desk is Desk.HELD:
            voice_s = turn.ended_s - turn.began_s
            await self._do(self._taking.judge(interrupts=wants_turn(heard.text, locale, voice_s)))
        if self._caller.turn is turn:
            wait_s = patience_s(heard.text, locale, self._expected, caught.melody, caught.complete)
            await self._do(self._taking.wait(self._manner.patience * wait_s))
            # By the words alone: where the voice says that they go on, most is to be gained.
            words_s = patience_s(heard.text, locale, self._expected, complete=1.0)
            may_be_all = min(wait_s, words_s) <= UNSURE_S and heard.text.strip()
            if self._caller.turn is turn and may_be_all and self._first_words.over:
                self._answering.prepare(heard.text.strip())

    def _end_turn(self) -> None:
        if self._caller.end(self._taking.voice_ended_s):
            self._talk.speaks()  # their words are about to come
            self._taking.desk_thinks()

    async def _tell(self) -> None:
        """Tell the desk what the caller has said and typed, in order."""
        while (what := await self._caller.next()) is not None:
            if isinstance(what, str):
                await self._tell_desk(what, self._taking.now_s, self._taking.now_s)
                continue
            heard = await what.heard()
            text = heard.text.strip()
            if text and not self._first_words.over:
                self._first_words.heard(text, what.ended_s - what.began_s)
            elif text:
                self._line.caption(Caption(True, text, True))
                await self._tell_desk(text, what.began_s, what.ended_s, what.hear_ms)
            else:
                self._not_understood(heard)

    async def _tell_desk(self, text: str, from_s: float, to_s: float, hear_ms: float = 0.0) -> None:
        self._phrases.caller_is_there()
        await self._replies.leave_late()
        if social(text) is Social.GOODBYE:
            self._leaving.hang_up_soon()
        await self._answering.tell(text, from_s, to_s, now_s=self._taking.now_s, hear_ms=hear_ms)

    def _not_understood(self, heard: Transcript) -> None:
        """Something was said, and no words were found in it."""
        self._taking.desk_listens()
        if heard.problem == "audio_language":
            self._phrases.say_code("call_language")
            self._leaving.transfer_soon()
        elif heard.problem in ("audio_unclear", "call_trouble"):
            self._phrases.say_code(
                "call_trouble" if heard.problem == "call_trouble" else "call_unclear"
            )
        else:  # a noise
            self._say_late()

    # The desk's turn

    @property
    def _caller_speaks(self) -> bool:
        """They have more to say: let it be told before they are answered."""
        return self._taking.caller is not Caller.SILENT and self._taking.desk is not Desk.HELD

    def _grows(self, sentence: Sentence) -> None:
        """A sentence of an answer that is still being made."""
        if self._over:
            return
        if self._caller_speaks:
            self._replies.hold_back(sentence.reply)
        elif self._replies.grow(sentence):
            self._phrases.locale = sentence.locale
            self._answering.came()

    def _answer(self, reply: Reply) -> None:
        if self._replies.gave_up(reply.id):
            return
        self._answering.came()
        if self._caller_speaks:
            self._replies.put_off(reply)
        else:
            self._say_reply(reply)

    def _say_reply(self, reply: Reply) -> None:
        self._phrases.locale = reply.locale or self._phrases.locale
        self._leaves_alone_s = reply.waits_s
        if self._replies.say(reply):
            if reply.kind is ReplyKind.PERSON:
                self._leaving.transfer_soon()
        elif not self._player.speaking:
            self._silent()

    def _say_late(self) -> None:
        for reply in self._replies.take_late():
            self._say_reply(reply)

    async def _give_up(self) -> None:
        """The desk falls silent for good; what it was about to do is not done."""
        self._went_out(await self._player.drop())
        self._replies.give_up()
        self._leaving.stay()

    def _sounds(self, source: str, text: str) -> None:
        """A sentence is given to the line."""
        if self._taking.desk is not Desk.HELD:
            self._taking.desk_speaks()
        self._line.caption(Caption(False, text, False))

    def _said(self, said: Said) -> None:
        """A sentence was heard, or the beginning of it."""
        now_s = self._taking.now_s
        self.timeline.desk(said.text, now_s - (said.to_s - said.from_s), now_s, whole=said.whole)
        self._line.caption(Caption(False, said.text, True))
        if said.whole:
            self._expected = expected_after(said.text, self._phrases.locale)
        self._replies.said(said)

    def _silent(self) -> None:
        """The desk has said all it had to say."""
        if self._over:
            return
        self._replies.settle()
        if self._replies.growing:
            self._taking.desk_thinks()
            if not self._answering.waiting:
                self._answering.wait()
        elif self._leaving.leave():
            return
        elif self._answering.waiting:
            self._taking.desk_thinks()
        else:
            self._taking.desk_listens(self._leaves_alone_s)
            self._leaves_alone_s = 0.0

    # The end

    async def _close(self) -> None:
        """Whatever ended the call: the line is closed, and what was heard is kept."""
        self._over = True
        self._first_words.close()
        self._stop_growing()
        self._answering.drop_prepared()
        self._answering.stop_waiting()
        self._leaving.stay()
        async with AsyncExitStack() as last:  # each of them, though one before it has failed
            if self._recording:
                last.push_async_callback(self._recording.close)
            last.push_async_callback(self._replies.close)
            last.push_async_callback(self._line.hang_up)
            self._went_out(await self._player.drop())
