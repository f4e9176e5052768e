"""From the outputs of both heads to what is said of each turn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.understanding.calibration import Calibration, Scores
from models.understanding.features import Floats
from models.understanding.memory import Memory
from models.understanding.prediction import Prediction, Ranked

SEVERAL = 0.5
"""How likely an intent must be, judged by itself, to be meant as well."""


@dataclass(frozen=True)
class Decider:
    """What turns scores into probabilities."""

    intents: tuple[str, ...]
    calibration: Calibration
    memory: Memory

    def predictions(self, wide: Floats, out: Mapping[str, Floats]) -> list[Prediction]:
        """`wide`: the wide head's logits, (n, c). `out`: the network's outputs by name."""
        scores = Scores(wide, out["intent"], self.memory.near(out["vector"]))
        inside, outside = self.calibration.probabilities(scores)
        several, person = _sigmoid(out["several"]), _sigmoid(out["wants_person"])
        return [
            Prediction(
                intents=self._ranked(inside[row] * (1 - outside[row]), len(self.intents)),
                out_of_scope=float(outside[row]),
                several=self._several(inside[row], several[row]),
                urgency=float(out["urgency"][row]),
                sentiment=float(out["sentiment"][row]),
                wants_person=float(person[row]),
            )
            for row in range(len(inside))
        ]

    def _ranked(self, values: Floats, most: int) -> tuple[Ranked, ...]:
        order: Sequence[int] = np.argsort(-values)[:most].tolist()
        return tuple(Ranked(self.intents[at], float(values[at])) for at in order)

    def _several(self, inside: Floats, several: Floats) -> tuple[Ranked, ...]:
        """The likeliest intent, and all that are meant by themselves."""
        meant = several.copy()
        best = int(inside.argmax())
        meant[best] = max(float(meant[best]), float(inside[best]), SEVERAL)
        return self._ranked(meant, int((meant >= SEVERAL).sum()))


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -40, 40))), np.float32)
