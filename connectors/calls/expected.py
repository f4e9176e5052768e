"""Calls whose sound is to come on a connection of its own, and how they find each other."""

import secrets
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from connectors.calls.line_call import LineCall

C = TypeVar("C", bound=LineCall)

FORGOTTEN_S = 300.0
"""How long an address of a socket is good where nothing says otherwise."""


class Expected(Generic[C]):
    """Tokens and calls of one line, in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tokens: dict[str, tuple[float, C]] = {}
        self._calls: dict[str, C] = {}

    def expect(self, transport: C) -> str:
        """A token for the address of the call's socket; good for one, and for some minutes, and no
        longer than the call."""
        self._forget()
        token = secrets.token_urlsafe(24)
        self._tokens[token] = (self._clock() + FORGOTTEN_S, transport)
        transport.when_over(lambda: self._tokens.pop(token, None))
        return token

    def lasting(self, transport: C) -> str:
        """A token that is good for as long as the call; `call` finds it."""
        token = secrets.token_urlsafe(24)
        self.keep(token, transport)
        return token

    def take(self, token: str) -> C | None:
        """The call that a socket was opened for; None where nothing waits for it."""
        until, transport = self._tokens.pop(token, (0.0, None))
        if transport is None or until < self._clock() or not transport.waiting:
            return None
        return transport

    def keep(self, provider_id: str, transport: C) -> None:
        """Find a call by the provider's name for it, until it is over."""
        self._calls[provider_id] = transport
        transport.when_over(lambda: self._calls.pop(provider_id, None))

    def call(self, provider_id: str) -> C | None:
        return self._calls.get(provider_id)

    def _forget(self) -> None:
        now = self._clock()
        self._tokens = {
            token: (until, transport)
            for token, (until, transport) in self._tokens.items()
            if until > now
        }
