"""Where a call's line and the desk meet: what a line reports, and what it can be told to do.

A connector takes a call from its provider, makes a `Transport` of it, describes it as a `Call`, and
hands both to `Calls.hold`, which returns when the call is over. Sound travels in the line's own
sample rate; the desk resamples, so no transport has to.

| line | play | what counts as played | clear |
|---|---|---|---|
| Twilio, Telnyx | sent on at once, a mark behind each piece | the marks that came back | `clear` |
| Vonage | sent on at once | `notify` events, or the clock | `clear` |
| WebRTC, AudioSocket, PCM | paced out by 20 ms | what was paced out | its queue is emptied |
"""

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from bot.messages import ChannelName, ConversationId, CustomerId

Sound = NDArray[np.float32]
"""Mono, from -1 to 1; shape (length,)."""


class Heard(msgspec.Struct, frozen=True):
    """The next piece of what the caller's side sent, in the line's sample rate.

    Pieces follow each other without gaps: a transport fills what the network lost (silence will
    do) and puts right what came out of order. Of any length; 20 ms are usual, and more than 100 ms
    make the desk slow to answer and to fall silent. Where the caller is muted, or the provider
    sends nothing while they are silent, silence is to be filled in as time passes.
    """

    samples: Sound


class Key(msgspec.Struct, frozen=True):
    """The caller pressed a key (DTMF)."""

    digit: str
    """One of `0123456789*#ABCD`."""


class Played(msgspec.Struct, frozen=True):
    """How much of what was given to `play` has gone out to the caller by now. Reported at least
    every 100 ms while something plays: where marks tell it, in pieces of that length."""

    samples: int
    """All that was played in this call so far. What `clear` dropped does not count."""


class Dropped(msgspec.Struct, frozen=True):
    """The line is down, and may come back: nothing is heard, and nothing can be played. What was
    queued is lost, as after `clear`."""

    played: int
    """As `Played.samples`."""


class Resumed(msgspec.Struct, frozen=True):
    """The line that was down is back."""


class EndReason(StrEnum):
    """Why a call is over."""

    CALLER = "caller"
    """The caller hung up."""
    DESK = "desk"
    """The desk hung up."""
    TRANSFERRED = "transferred"
    LOST = "lost"
    """The line dropped and did not come back."""
    REFUSED = "refused"
    """A call that the desk made was not taken."""


class Ended(msgspec.Struct, frozen=True):
    """The call is over; the last event."""

    reason: EndReason


LineEvent = Heard | Key | Played | Dropped | Resumed | Ended


class Caption(msgspec.Struct, frozen=True):
    """What is being said, for lines that can show it."""

    by_caller: bool
    """False: the desk says it."""
    text: str
    final: bool
    """False: more may come, and the next caption of the same side replaces this one. Final, the
    desk's caption is what was really played."""


class Transport(Protocol):
    """One call's line, open until `Ended`."""

    @property
    def sample_rate_hz(self) -> int:
        """Of `Heard` and of `play`: the codec's own (8000, 16000, 48000)."""

    def events(self) -> AsyncIterator[LineEvent]:
        """What happens on the line, in order; taken by one consumer. Ends after `Ended`.

        What waits to be taken is bounded: where the desk is too slow, the transport drops the
        oldest `Heard` and logs it.
        """

    async def answer(self) -> None:
        """Take a call that rings, or do nothing where it has been taken. Before `play`."""

    async def play(self, samples: Sound) -> None:
        """Queue sound behind what is queued already. Returns once it is queued or sent; a slow
        line may hold this up, and `clear` may be called meanwhile. Does nothing on a line that is
        down or has ended."""

    async def clear(self) -> int:
        """Fall silent now: drop what is queued here and in the provider's buffer. Gives what has
        been played until then, as `Played.samples`; for a provider that tells too late, the best
        estimate by the clock. `Played` goes on from there with what is given to `play` after it.
        """

    async def hang_up(self) -> None:
        """End the call. `Ended` follows. Does nothing where it has ended."""

    async def transfer(self, target: str) -> bool:
        """Connect the caller with a person at `target`, as the operator has set it (a number, a SIP
        address, an extension); `Ended` follows. False where this line cannot, or the attempt was
        refused: the call goes on."""

    def caption(self, caption: Caption) -> None:
        """Show what is said. May do nothing; never waits."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls, and where what is said belongs."""

    id: str
    """The provider's, or one's own: unique among calls, fit for `bot.messages.ID_PATTERN`."""
    channel: ChannelName
    """The connector's. Calls from the widget are of the channel `webchat`."""
    customer: CustomerId
    conversation: ConversationId | None = None
    """The chat that is open beside the call; None: one of its own begins."""
    address: str = ""
    """Where this customer can be called, in the channel's own terms; empty where they cannot."""
    verified: tuple[str, ...] = ()
    """As for `bot.channel.Desk.accept`."""
    locale: str = ""
    """BCP 47 tag of the caller, where something tells it."""
    outgoing: bool = False
    """The desk calls the customer."""
    opening: str = ""
    """What the desk says first in place of its greeting, as in a call-back about something."""
    message: str = ""
    """What is left where a machine takes the call; empty: the opening."""
    connects: bool = False
    """Who is called is connected with a person, once they have heard the opening."""


class Calls(Protocol):
    """What a connector may ask for; `bot.calls.switchboard.Switchboard` is one."""

    async def hold(self, call: Call, transport: Transport) -> None:
        """Talk with the caller until the call is over, its line closed and its transcript kept.
        Cancelled, it hangs up.

        Raises `TooFast` where as many calls as allowed are held: to be refused as busy.
        """
