"""What the caller types on their telephone: digits become one answer. Pure."""

END = "#"
CLEAR = "*"
TYPED_S = 2.0
"""After the last key, digits without an `END` are taken as they are."""
MOST = 40


class Keypad:
    def __init__(self) -> None:
        self._digits = ""
        self._last_s = 0.0

    def press(self, digit: str, now_s: float) -> str:
        """A key; gives what was typed where it ends it, otherwise an empty text."""
        self._last_s = now_s
        if digit == CLEAR:
            self._digits = ""
        elif digit == END:
            return self._taken()
        else:
            self._digits = (self._digits + digit)[:MOST]
        return ""

    def passed(self, now_s: float) -> str:
        """Time has passed; gives what was typed where nothing more came."""
        return self._taken() if self._digits and now_s - self._last_s >= TYPED_S else ""

    def _taken(self) -> str:
        digits, self._digits = self._digits, ""
        return digits
