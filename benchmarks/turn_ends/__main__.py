"""Hears the training's callers and writes their pauses down; `train` makes the weights of that.

python -m benchmarks.turn_ends SEED COUNT [shop] FILE   synthetic callers
python -m benchmarks.turn_ends people FILE              people's recordings
python -m benchmarks.turn_ends.train FILE…
"""

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.calls.speech import paused_clips, whole_clips
from benchmarks.turn_ends import people
from benchmarks.turn_ends.callers import AFTER_S, RATE_HZ, caller
from benchmarks.turn_ends.pauses import Pause, pauses
from benchmarks.turn_ends.sentences import PAUSE, assistant, banking, shop
from models.errors import EngineMissing
from models.moonshine import MoonshineTranscriber
from models.smart_turn import SmartTurn

_BEFORE_S = 0.4


class Listening:
    """What listens in a call."""

    def __init__(self) -> None:
        self.transcriber = MoonshineTranscriber()
        try:
            self.complete = SmartTurn().complete
        except EngineMissing as error:
            sys.exit(f"the training compares with Smart Turn: {error}")


def synthetic(seed: int, count: int, only: str = "") -> Iterator[Pause]:
    rng, ears = random.Random(seed), Listening()
    groups = {"banking": banking(), "assistant": assistant(), "shop": shop()}
    for at in range(count):
        group = only or rng.choice(sorted(groups))
        clip = caller(groups[group], seed % 2, rng)
        yield from pauses(
            clip.sound,
            ears.transcriber,
            ears.complete,
            ends_s=clip.ends_s,
            turn=f"{seed}-{at}",
            group=group,
            part=seed % 2,
            line=clip.line,
            whole=PAUSE not in clip.text,
        )


def of_people() -> Iterator[Pause]:
    """Every other of the orders is part 0, which is trained on; all else is part 1."""
    rng, ears = random.Random(7), Listening()
    for kind, files in (("orders", people.orders()), ("readings", people.readings())):
        for at, file in enumerate(files):
            sound = people.turn(file)
            turns = [sound, *people.broken_off(sound, 3, rng)]
            for n, each in enumerate(turns):
                yield from pauses(
                    each,
                    ears.transcriber,
                    ears.complete,
                    ends_s=None,
                    turn=f"{file.name}-{n}",
                    group="people",
                    part=at % 2 if kind == "orders" else 1,
                    line=kind,
                    whole=n == 0,
                )


def measured() -> Iterator[Pause]:
    """The benchmark's own callers, never trained on: whole sentences over three lines, and clean
    ones with pauses."""
    ears = Listening()
    turns = [
        (clip.way, whole, clip.at(RATE_HZ))
        for clips, whole in ((whole_clips(), True), (paused_clips(), False))
        for clip in clips
    ]
    for n, (line, is_whole, sound) in enumerate(turns):
        yield from pauses(
            np.pad(sound, (round(_BEFORE_S * RATE_HZ), round(AFTER_S * RATE_HZ))),
            ears.transcriber,
            ears.complete,
            ends_s=_BEFORE_S + len(sound) / RATE_HZ,
            turn=f"measured-{n}",
            group="measured",
            part=1,
            line=line,
            whole=is_whole,
        )


def main() -> None:
    what, *counted, file = sys.argv[1:]
    if what in _OTHERS:
        found = _OTHERS[what]()
    else:
        found = synthetic(int(what), int(counted[0]), *counted[1:])
    with Path(file).open("wb") as out:
        for pause in found:
            out.write(msgspec.json.encode(pause) + b"\n")
            out.flush()


_OTHERS = {"people": of_people, "measured": measured}


if __name__ == "__main__":
    main()
