"""What a model says of one turn."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ranked:
    """An intent and how likely it is, calibrated, 0 to 1."""

    name: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """What the customer wants, how urgently, and in what mood."""

    intents: tuple[Ranked, ...]
    """All of them, most likely first. Their probabilities and `out_of_scope` add up to one."""
    out_of_scope: float
    """How likely none of the intents is meant, calibrated, 0 to 1."""
    several: tuple[Ranked, ...]
    """The intents that are meant together, most likely first; often just one. Each is judged by
    itself, so these do not add up to one."""
    urgency: float
    """0 (whenever) to 1 (at once)."""
    sentiment: float
    """-1 (angry) to 1 (happy)."""
    wants_person: float
    """How likely the customer asks for a person, 0 to 1."""

    @property
    def best(self) -> Ranked:
        return self.intents[0]
