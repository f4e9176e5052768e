"""Whose turn it is to speak: a state machine that hears voice and silence, and decides. Pure.

Time is the sound that has come in: no clock, no I/O, and the same sound gives the same decisions.
`bot/calls/session.py` feeds it the voice detector's figures, tells it what the desk does, and does
what it decides.
"""

from dataclasses import dataclass
from enum import StrEnum

import msgspec


class Move(StrEnum):
    """What has been decided. In brackets: what the session does about it."""

    BEGAN = "began"
    """The caller has begun to speak."""
    PAUSED = "paused"
    """The caller may have finished. [Transcribe; say by `wait` how long to wait.]"""
    WENT_ON = "went_on"
    """The pause was none. [Forget what was prepared for an end.]"""
    FINISHED = "finished"
    """The caller's turn is over. [Answer.]"""
    HOLD = "hold"
    """The caller's voice is heard while the desk speaks. [Fall silent, keep the rest.]"""
    INTERRUPTED = "interrupted"
    """The caller wants the turn. [Give up the rest.]"""
    RESUME = "resume"
    """It was no interruption. [Go on where the desk was; forget what was heard.]"""
    SILENCE = "silence"
    """Nobody has spoken for long though it is the caller's turn. [Ask; in the end hang up.]"""


class Step(msgspec.Struct, frozen=True):
    """A decision and when it was taken."""

    move: Move
    at_s: float
    """Seconds of sound since the call began. For BEGAN, where the voice began."""


class Desk(StrEnum):
    """What the desk is doing."""

    LISTENING = "listening"
    """Nothing: it is the caller's turn."""
    THINKING = "thinking"
    """It prepares an answer."""
    SPEAKING = "speaking"
    HELD = "held"
    """It was speaking, and has fallen silent for a moment because of the caller's voice."""


class Caller(StrEnum):
    """What the caller is doing."""

    SILENT = "silent"
    SPEAKING = "speaking"
    PAUSING = "pausing"


@dataclass(frozen=True)
class Timing:
    """How patient the desk is, in seconds, and what it takes for a voice."""

    begins_at: float = 0.5
    """Probability of speech from which silence becomes voice."""
    goes_on_at: float = 0.35
    """Probability down to which a voice goes on."""
    onset_s: float = 0.09
    """Of voice, before the caller is taken to speak."""
    again_s: float = 0.06
    """Of voice in a pause, before the turn goes on."""
    hold_s: float = 0.125
    """Of voice, before the desk falls silent for it."""
    interrupts_s: float = 1.2
    """Of voice while the desk is silent for it, from which it is an interruption whatever the
    words are; before, the words decide."""
    judged_s: float = 1.0
    """How long the words may take to be known, once the voice has ended."""
    pause_s: float = 0.096
    """Of silence after a voice, before it counts as a pause."""
    patient_s: float = 1.6
    """Of silence that ends a turn where nothing tells sooner."""
    longest_s: float = 90.0
    """Of one turn; then it is ended as it stands."""
    idle_s: float = 8.0
    """Of silence in the caller's turn, before the desk asks."""


class TurnTaking:
    """One call's turns."""

    def __init__(self, timing: Timing | None = None) -> None:
        self._timing = timing or Timing()
        self.now_s = 0.0
        """Seconds of sound so far."""
        self.caller = Caller.SILENT
        self.desk = Desk.LISTENING
        self._began_s = 0.0
        self._voice_s = 0.0
        """Of voice: since it set in, or in this turn once it has begun."""
        self._silent_s = 0.0
        """Since the last voice."""
        self._again_s = 0.0
        """Of voice in a pause."""
        self._idle_s = 0.0
        self._idle_wanted_s = self._timing.idle_s
        self._wait_s = self._timing.patient_s

    @property
    def voice_ended_s(self) -> float:
        """Where the caller's voice ended, at the moment that its pause is noticed."""
        return self.now_s - self._timing.pause_s

    def desk_thinks(self) -> None:
        self.desk = Desk.THINKING

    def desk_speaks(self) -> None:
        """The desk's sound sets in, or goes on after RESUME."""
        self.desk = Desk.SPEAKING

    def desk_listens(self, leaves_alone_s: float = 0.0) -> None:
        """The desk has said all it had to say, and does not mind a silence of `leaves_alone_s`."""
        self.desk = Desk.LISTENING
        self._idle_s = 0.0
        self._idle_wanted_s = max(self._timing.idle_s, leaves_alone_s)

    def sign(self) -> None:
        """The caller has shown otherwise that they are there: a key, a typed message."""
        self._idle_s = 0.0

    def hear(self, voice: float, seconds: float) -> list[Step]:
        """The next piece of sound, in which somebody speaks with a probability of `voice`."""
        self.now_s += seconds
        speaking = self.caller is Caller.SPEAKING
        timing = self._timing
        if voice >= (timing.goes_on_at if speaking else timing.begins_at):
            return self._voiced(seconds)
        return self._unvoiced(seconds)

    def wait(self, seconds: float) -> list[Step]:
        """How long a pause ends the caller's turn, counted from their last voice; holds for the
        pause that is going on. FINISHED at once where it has lasted that long."""
        if self.caller is not Caller.PAUSING or self.desk is Desk.HELD:
            return []
        self._wait_s = seconds
        return self._ended()

    def judge(self, *, interrupts: bool) -> list[Step]:
        """What the words were that made the desk fall silent: do they want the turn?"""
        if self.desk is not Desk.HELD:
            return []
        if interrupts:
            self.desk = Desk.LISTENING
            return [self._step(Move.INTERRUPTED)]
        return self._resumed()

    def _voiced(self, seconds: float) -> list[Step]:
        timing = self._timing
        self._voice_s += seconds
        steps = []
        if self.caller is Caller.SILENT:
            if self._voice_s >= timing.onset_s - 1e-9:
                self.caller = Caller.SPEAKING
                self._began_s = self.now_s - self._voice_s - self._silent_s
                steps.append(Step(Move.BEGAN, self._began_s))
        elif self.caller is Caller.PAUSING:
            self._again_s += seconds
            if self._again_s < timing.again_s - 1e-9:  # a click or a breath
                self._silent_s += seconds
                return self._waited()
            self.caller = Caller.SPEAKING
            steps.append(self._step(Move.WENT_ON))
        self._silent_s = self._idle_s = 0.0
        if self.caller is not Caller.SPEAKING:
            return steps
        if self.desk is Desk.SPEAKING and self._voice_s >= timing.hold_s - 1e-9:
            self.desk = Desk.HELD
            steps.append(self._step(Move.HOLD))
        elif self.desk is Desk.HELD and self._voice_s >= timing.interrupts_s:
            self.desk = Desk.LISTENING
            steps.append(self._step(Move.INTERRUPTED))
        if self.now_s - self._began_s >= timing.longest_s:
            steps += self._finished()
        return steps

    def _unvoiced(self, seconds: float) -> list[Step]:
        timing = self._timing
        self._silent_s += seconds
        self._again_s = 0.0
        if self.caller is Caller.SILENT:
            if self._silent_s > timing.onset_s:  # a click: what comes next begins anew
                self._voice_s = 0.0
            return self._idled(seconds)
        if self.caller is Caller.SPEAKING:
            if self._silent_s < timing.pause_s - 1e-9:
                return []
            if self.desk is Desk.SPEAKING:  # too short to fall silent for
                return self._resumed()
            self.caller = Caller.PAUSING
            self._wait_s = timing.patient_s
            return [self._step(Move.PAUSED)]
        return self._waited()

    def _waited(self) -> list[Step]:
        if self.desk is Desk.HELD:
            # Nothing was understood in it, or what should have told the words does not.
            return self._resumed() if self._silent_s >= self._timing.judged_s else []
        return self._ended()

    def _ended(self) -> list[Step]:
        return self._finished() if self._silent_s >= self._wait_s - 1e-9 else []

    def _finished(self) -> list[Step]:
        self._forget()
        return [self._step(Move.FINISHED)]

    def _resumed(self) -> list[Step]:
        self._forget()
        self.desk = Desk.SPEAKING
        return [self._step(Move.RESUME)]

    def _forget(self) -> None:
        self.caller = Caller.SILENT
        self._voice_s = self._idle_s = 0.0

    def _idled(self, seconds: float) -> list[Step]:
        if self.desk is not Desk.LISTENING:
            return []
        self._idle_s += seconds
        if self._idle_s < self._idle_wanted_s:
            return []
        self._idle_s = 0.0
        return [self._step(Move.SILENCE)]

    def _step(self, move: Move) -> Step:
        return Step(move, round(self.now_s, 3))
