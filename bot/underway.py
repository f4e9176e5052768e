"""Files that customers are sending at this moment: what they say meanwhile can wait for them.

A file comes before the message that it belongs to, so it is underway for a moment after its last
byte.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bot.messages import ConversationId

MESSAGE_TO_COME_S = 1.0
"""How long the message of a file that has come is waited for."""


class Underway:
    def __init__(self, changed: Callable[[ConversationId], None]) -> None:
        """`changed`: is told where a file begins to come, or is not to be waited for any more."""
        self._changed = changed
        self._files: dict[ConversationId, dict[object, bool]] = {}
        """Those that are waited for, and whether they have come."""

    @contextmanager
    def sending(self, conversation: ConversationId) -> Iterator[None]:
        """While this lasts a file comes. It has come once this is left without an error."""
        file = object()
        self._files.setdefault(conversation, {})[file] = False
        self._changed(conversation)
        came = False
        try:
            yield
            came = True
        finally:
            if not came:
                self._forget(conversation, file)
            elif file in self._files.get(conversation, {}):
                self._files[conversation][file] = True
                later = asyncio.get_running_loop().call_later
                later(MESSAGE_TO_COME_S, self._forget, conversation, file)

    def any(self, conversation: ConversationId) -> bool:
        return conversation in self._files

    def message_came(self, conversation: ConversationId) -> None:
        """A message with files: those that have come are in it."""
        for file, came in list(self._files.get(conversation, {}).items()):
            if came:
                self._forget(conversation, file)

    def give_up(self, conversation: ConversationId) -> None:
        """A turn has waited for long enough: the next one does not wait for the same files."""
        self._files.pop(conversation, None)

    def _forget(self, conversation: ConversationId, file: object) -> None:
        files = self._files.get(conversation, {})
        if files.pop(file, None) is None:
            return
        if not files:
            del self._files[conversation]
        self._changed(conversation)
