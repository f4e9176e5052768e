"""How calls are held: what the operator decided, from the settings to each `CallSession`."""

from collections.abc import Callable

import msgspec

from bot.calls.turn_taking import Timing


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    business: str
    language: str
    greeting: str = ""
    """Said first; empty: the desk's own words."""
    transfer_to: str = ""
    """Where a person answers; empty: nowhere."""
    office_open: Callable[[], bool] = lambda: True
    """Whether people are there now."""
    recorded: bool = False
    longest_s: float = 1800.0
    patience: float = 1.0
    """Times as long as usual that pauses may be."""
    timing: Timing = Timing()

    def person_there(self) -> bool:
        """Whether a caller can be connected with a person now."""
        return bool(self.transfer_to) and self.office_open()
