"""An answer while it grows: what the customer sees of it, and what is spoken of it meanwhile."""

from collections.abc import Callable
from itertools import takewhile

from bot.channel import Delta, Progress
from bot.messages import ChannelName, ConversationId, ReplyId


class Draft:
    """Shows a growing answer. The finished reply takes its place, whatever has been shown."""

    def __init__(
        self,
        conversation: ConversationId,
        reply: ReplyId,
        channel: ChannelName,
        show: Callable[[Progress], None],
        speak: Callable[[str], None] | None = None,
    ) -> None:
        """`speak` is given each sentence as soon as it stands; None: nobody listens."""
        self.conversation = conversation
        self._reply = reply
        self._channel = channel
        self._show = show
        self._speak = speak
        self.shown = ""

    def put(self, text: str) -> None:
        """Show this much of the answer; what it has in common with what was shown stays."""
        if text == self.shown:
            return
        pairs = zip(self.shown, text, strict=False)
        at = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        self.shown = text
        self._show(Delta(self.conversation, self._reply, at, text[at:], self._channel))

    def say(self, sentence: str) -> None:
        """A sentence stands: it may be spoken."""
        if self._speak:
            self._speak(sentence)
