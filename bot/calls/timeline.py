"""What happened in a call, when: for its transcript, for the terminal, and for measuring."""

import msgspec

VOICEMAIL = "voicemail"
"""The move of a call that a machine has taken."""


class Line(msgspec.Struct, omit_defaults=True):
    """Something that was said, in seconds of the call."""

    by_caller: bool
    text: str
    from_s: float
    to_s: float
    whole: bool = True
    """False: it was stopped, and `text` is what was heard of it."""


class Answer(msgspec.Struct, omit_defaults=True):
    """How long the caller waited for the desk's answer to a turn, in milliseconds."""

    wait_ms: float
    """From the end of the voice until the turn was taken to be over."""
    hear_ms: float = 0.0
    """Of the transcriber, in the pause."""
    answer_ms: float = 0.0
    """From then until the desk had answered."""
    sound_ms: float = 0.0
    """From then until it was heard."""

    @property
    def total_ms(self) -> float:
        return self.wait_ms + self.answer_ms + self.sound_ms


class Timeline:
    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.moves: list[tuple[float, str]] = []
        self.answers: list[Answer] = []
        self._told = self._replied = 0.0

    def note(self, at_s: float, what: str) -> None:
        self.moves.append((round(at_s, 2), str(what)))

    def caller(
        self,
        text: str,
        from_s: float,
        to_s: float,
        *,
        told: float,
        now_s: float,
        hear_ms: float = 0,
    ) -> None:
        """`told`: when the desk was told, in seconds of the event loop's clock, as are the others;
        that was in second `now_s` of the call."""
        self.lines.append(Line(True, text, round(from_s, 2), round(to_s, 2)))
        self.answers.append(Answer(round((now_s - to_s) * 1000, 1), round(hear_ms, 1)))
        self._told, self._replied = told, 0.0

    def replied(self, at: float) -> None:
        if self.answers and not self._replied:
            self._replied = at
            self.answers[-1].answer_ms = round((at - self._told) * 1000, 1)

    def first_sound(self, at: float) -> None:
        if self._replied and self.answers and not self.answers[-1].sound_ms:
            self.answers[-1].sound_ms = round((at - self._replied) * 1000, 1)

    def desk(self, text: str, from_s: float, to_s: float, *, whole: bool) -> None:
        self.lines.append(Line(False, text, round(max(0.0, from_s), 2), round(to_s, 2), whole))
