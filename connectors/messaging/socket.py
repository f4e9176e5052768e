"""WebSockets to providers, where a channel holds a connection instead of taking webhooks: opened
within limits, their errors told apart.

Addresses may hold tickets (Slack's do): they are in no error and in no log line.
"""

from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_connection
from websockets.exceptions import WebSocketException

from bot.errors import Unavailable
from connectors.messaging.hook import Malformed

OPEN_S = 15.0
PING_S = 20.0
"""How often the other side is asked whether it is still there, and how long it may take."""
LARGEST_FRAME_BYTES = 16 * 1024**2
_MOST_FRAMES = 32
"""That wait to be read; the other side waits after that."""


async def connect(url: str, *, what: str, pings: bool = True) -> ClientConnection:
    """An open connection. `what` names it in errors; `pings`: whether it is watched by the
    protocol's own pings, where the provider has none of its own. Raises `Unavailable`."""
    try:
        return await open_connection(
            url,
            open_timeout=OPEN_S,
            close_timeout=5,
            ping_interval=PING_S if pings else None,
            ping_timeout=PING_S,
            max_size=LARGEST_FRAME_BYTES,
            max_queue=_MOST_FRAMES,
        )
    except (TimeoutError, OSError, WebSocketException) as error:
        raise Unavailable(f"{what}: {type(error).__name__}") from None


def read_frame(frame: str | bytes) -> dict[str, Any]:
    """A frame as a JSON object. Raises `Malformed`."""
    try:
        found = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("a frame is not JSON") from error
    if not isinstance(found, dict):
        raise Malformed("a frame is not a JSON object")
    return found
