"""A scripted caller on a real line, by a clock that never drifts."""

import asyncio
from dataclasses import dataclass, field

import numpy as np

from benchmarks.calls.caller import FRAME_S, Caller
from benchmarks.calls.lines import Line, Told


@dataclass
class Spoken:
    """A call that is over."""

    began: float = 0.0
    """On the event loop's clock, in which the line tells of turns."""
    late_s: list[float] = field(default_factory=list)
    """How late the caller's own clock was, for each frame: what a busy machine adds."""
    told: list[Told] = field(default_factory=list)
    gaps_s: list[float] = field(default_factory=list)
    """Breaks inside the desk's sentences."""

    def turns(self, from_s: float, to_s: float) -> list[str]:
        """What the desk took to be whole turns of the caller's, between two seconds of the call."""
        return [
            each.text
            for each in self.told
            if each.by_caller and each.final and from_s <= each.at - self.began < to_s
        ]

    def gave_up(self, from_s: float, to_s: float) -> bool:
        """Whether the desk did, between two seconds of the call: a turn of the caller's was taken,
        or a sentence of its own was not said to its end."""
        begun = {each.text for each in self.told if not each.by_caller and not each.final}
        return bool(self.turns(from_s, to_s)) or any(
            not each.by_caller
            and each.final
            and each.text not in begun
            and from_s <= each.at - self.began < to_s
            for each in self.told
        )


async def talk(line: Line, caller: Caller) -> Spoken:
    """Hold a call until the caller has said it all, or the other side hangs up. A frame goes out
    when the last of it has been said, as from a microphone."""
    clock = asyncio.get_running_loop().time
    frame = round(line.rate_hz * FRAME_S)
    said = np.zeros(frame, np.float32)
    spoken = Spoken(began=clock(), told=line.told, gaps_s=line.ear.gaps_s)
    step = 0
    while not caller.done and not line.over:
        due = spoken.began + step * FRAME_S
        await asyncio.sleep(max(0.0, due - clock()))
        spoken.late_s.append(clock() - due)
        await line.send(said)
        said = caller.step(await line.hear(frame))
        step += 1
    await line.hang_up()
    return spoken
