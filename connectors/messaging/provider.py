"""What a channel has to know of its provider; each channel is one subclass in one file."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

from bot.errors import DeliveryFailed
from bot.messages import Attachment, AttachmentId, ChannelName
from connectors.messaging.api import Api
from connectors.messaging.capabilities import Capabilities
from connectors.messaging.downloader import Downloader
from connectors.messaging.events import Event
from connectors.messaging.hook import Hook, Malformed, Taken
from connectors.messaging.render import Part

Address = Mapping[str, str]
"""`Chat.address`, as it was kept with the conversation."""
Take = Callable[[Event], Awaitable[None]]
"""Hands an event to the desk. It is in Redis once this returns; raises `TooFast`, `Unavailable`."""


class Memory(Protocol):
    """What a provider has to know after a restart, such as how far it has read."""

    async def recall(self, channel: ChannelName, name: str) -> str:
        """What was kept under a name; empty if nothing was. Raises `Unavailable`."""

    async def remember(self, channel: ChannelName, name: str, value: str) -> None:
        """Keep a value in place of the one before. Raises `Unavailable`."""


class ProcessMemory:
    """`Memory` that ends with the process; the desk's own is in Redis."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], str] = {}

    async def recall(self, channel: ChannelName, name: str) -> str:
        return self._kept.get((channel, name), "")

    async def remember(self, channel: ChannelName, name: str, value: str) -> None:
        self._kept[channel, name] = value


class Services(msgspec.Struct, frozen=True):
    """What the desk lends to a provider."""

    api: Api
    download: Downloader
    open_media: Callable[[AttachmentId], AsyncIterator[bytes]]
    """An attachment's bytes, to upload them."""
    as_mp3: Callable[[AttachmentId], Awaitable[bytes]]
    """A spoken answer as MP3, for providers that take no other format."""
    media_url: Callable[[Attachment], str]
    """A public address that opens an attachment for a while, for providers that fetch by
    themselves. Raises `DeliveryFailed` where the desk has no public address."""
    public_url: str = ""
    """The desk's address as providers know it (`https://desk.example`); empty where it has none."""
    memory: Memory = msgspec.field(default_factory=ProcessMemory)
    on_call: Callable[[Mapping[str, Any]], None] | None = None
    """Takes what WhatsApp's webhooks tell of calls; None where the desk takes none."""


class Registration(msgspec.Struct, frozen=True):
    """Where a provider sends its webhooks."""

    url: str
    """Empty where it sends them nowhere."""
    trouble: str = ""
    """What the provider says went wrong with the last one."""


class Provider(ABC):
    """One account of a channel. What not every provider has is answered here, by doing nothing."""

    channel: ChannelName
    account: str
    """The provider's id of the business's account; customers of two accounts are two."""
    can: Capabilities
    """The most that it can, at any address."""

    def can_at(self, address: Address) -> Capabilities:
        """What it can at one address, where one account reaches several apps."""
        return self.can

    async def receive(self, hook: Hook) -> Taken:
        """Verify a request, then parse it; nothing is kept or sent here.

        Raises `Forged` and `Malformed`.
        """
        raise Malformed(f"{self.channel} sends no webhooks")

    @abstractmethod
    async def send(self, address: Address, part: Part, key: str) -> str:
        """Send one part; gives the provider's id of it. `key` is the same when the same part is
        sent again after a crash, for providers that drop what they have seen.

        Raises `DeliveryFailed`.
        """

    @abstractmethod
    def fetch(self, source: str) -> AsyncIterator[bytes]:
        """The bytes of a `Remote`, piece by piece.

        Raises `CustomerError` (`upload_too_large`, `media_gone`) and `Unavailable`.
        """

    def text_address(self, sender: str, number: str) -> Address | None:
        """Where a text message (SMS) from one number to another goes; None where the channel sends
        none. Both as `+4722334455`; `sender` may be a name."""
        return None

    async def edit(self, address: Address, sent: str, part: Part) -> None:
        """Change what was sent as `sent`. Called where `can.edits`. Raises `DeliveryFailed`."""
        raise DeliveryFailed(f"{self.channel} changes nothing that was sent", permanent=True)

    async def type(self, address: Address) -> None:
        """Show that an answer is being made, for the seconds that the provider shows it. Called
        where `can.typing`. Raises `DeliveryFailed`."""
        return

    async def run(self, take: Take) -> None:
        """Where events are fetched and not pushed: fetch them, until cancelled."""
        return

    @abstractmethod
    async def check(self) -> str:
        """Try the credentials: who the provider says that this account is.

        Raises `OperatorError` and `Unavailable`.
        """

    async def registered(self) -> Registration | None:
        """Where the provider sends its webhooks; None where it does not tell, or none are needed.
        Raises `OperatorError` and `Unavailable`."""
        return None

    async def register(self, url: str) -> str:
        """Have the provider send its webhooks to `url`; gives what was done, or has to be done by
        hand, as a sentence. Raises `OperatorError` and `Unavailable`."""
        return f"enter {url} as the webhook's address in the provider's console"
