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
        speak: Callable[[int, str], None] | None = None,
    ) -> None:
        """`speak` is given each sentence as soon as it stands, after the number of characters that
        came before it; None: nobody listens."""
        self.conversation = conversation
        self._reply = reply
        self._channel = channel
        self._show = show
        self._speak = speak
        self._spoken = 0
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
            self._speak(self._spoken, sentence)
        self._spoken += len(sentence)


class HiddenDraft(Draft):
    """Of an answer that is made ahead: nobody sees it, until the turn has come that it is for."""

    def __init__(self, conversation: ConversationId, stands: Callable[[str], None]) -> None:
        """`stands` is given each sentence as soon as it stands, until the turn has come."""
        self._stands = stands
        super().__init__(conversation, ReplyId(""), ChannelName(""), lambda progress: None)
        self._sentences: list[str] = []
        self._front: Draft | None = None

    def put(self, text: str) -> None:
        self.shown = text
        if self._front:
            self._front.put(text)

    def say(self, sentence: str) -> None:
        self._sentences.append(sentence)
        if self._front:
            self._front.say(sentence)
        else:
            self._stands(sentence)

    def whole(self, text: str) -> None:
        """All of the answer stands. Where it has not been told sentence by sentence, this is."""
        if not self._sentences and not self._front:
            self._stands(text)

    def come_forward(self, front: Draft) -> None:
        """Show by `front` what there is of it by now, and what is still to come."""
        for sentence in self._sentences:
            front.say(sentence)
        if self.shown:
            front.put(self.shown)
        self._front = front
