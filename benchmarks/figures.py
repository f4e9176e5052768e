"""One measured figure and what it is to reach."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def reached(self) -> bool | None:
        """None where nothing is to be reached."""
        if self.at_most is not None:
            return bool(self.value <= self.at_most)  # numpy's numbers compare to a kind of its own
        if self.at_least is not None:
            return bool(self.value >= self.at_least)
        return None

    @property
    def shown(self) -> str:
        return f"{self.value:g} {self.unit}".strip()

    @property
    def goal(self) -> str:
        if self.at_most is not None:
            return f"at most {self.at_most:g} {self.unit}".strip()
        if self.at_least is not None:
            return f"at least {self.at_least:g} {self.unit}".strip()
        return ""

    @property
    def verdict(self) -> str:
        return {True: "✓", False: "✗", None: ""}[self.reached]

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": float(self.value),
            "unit": self.unit,
            "at_most": self.at_most,
            "at_least": self.at_least,
            "reached": self.reached,
        }


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
