"""What the desk says in a call of its own accord: its greeting, and fixed sentences.

Replies of the conversation are in `replies`; both are said by the player, in the order they come.
"""

from bot.calls.manner import Manner
from bot.calls.playing import Player, Sentence
from bot.calls.spoken import readback
from bot.calls.transport import Call
from bot.texts import say

_ASKS = 2
"""Times that a silent caller is asked, before the call ends."""


class Phrases:
    def __init__(self, player: Player, call: Call, manner: Manner) -> None:
        self._player = player
        self._call = call
        self._manner = manner
        self.locale = call.locale or manner.language
        """What the call is held in, until a reply is in something else."""
        self._asked = 0

    def greet(self) -> None:
        if self._manner.recorded:
            self.say_code("call_recorded")
        if opening := self._call.opening or self._manner.greeting:
            self._say("greeting", opening)
        else:
            self.say_code("greeting")

    def leave_message(self) -> None:
        """To a machine that has taken the call: why the desk calls, and no greeting."""
        self._say("opening", self._call.message or self._call.opening)

    def read_back(self, text: str) -> None:
        """A long number that the caller has said, so that they can object; if there is one."""
        if number := readback(text, self.locale):
            self._say("readback", say("call_readback", self.locale, spelled=number))

    def ask_whether_there(self) -> bool:
        """Nobody has spoken for long. False, and a goodbye, where that was asked before."""
        if self._asked == _ASKS:
            self.say_code("call_silent_goodbye")
            return False
        self._asked += 1
        self.say_code("call_still_there")
        return True

    def caller_is_there(self) -> None:
        """They have spoken or typed: a silence that comes now is a new one."""
        self._asked = 0

    def say_code(self, code: str) -> None:
        """A text of `bot/texts`."""
        self._say(code, say(code, self.locale, business=self._manner.business))

    def _say(self, source: str, text: str) -> None:
        if text:
            self._player.say(Sentence(source, text, self.locale))
