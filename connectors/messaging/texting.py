"""Text messages that the desk sends of its own accord, by a channel that can."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from bot.errors import DeliveryFailed
from bot.messages import new_id
from connectors.messaging.courier import BROKEN
from connectors.messaging.provider import Provider
from connectors.messaging.render import Text

log = logging.getLogger(__name__)


def texting(
    providers: Sequence[Provider], channel: str, sender: str
) -> Callable[[str, str], Awaitable[None]] | None:
    """Sends words to a number (`+4722334455`), from `sender`; None where there is no such channel.
    Raises `DeliveryFailed` where the provider does not take them."""
    found = [provider for provider in providers if provider.channel == channel]
    if not found:
        return None
    [provider] = found

    async def send(number: str, words: str) -> None:
        address = provider.text_address(sender, number)
        if address is None:
            raise DeliveryFailed(f"{channel} sends no text messages", permanent=True)
        try:
            await provider.send(address, Text(words), new_id("text"))
        except BROKEN as error:
            # It may have been sent: whoever asked is told, and nothing is sent again.
            log.exception("texting.provider_broken", extra={"channel": channel})
            raise DeliveryFailed(f"{type(error).__name__} in the channel", permanent=True) from None

    return send
