"""Sound as Twilio and Telnyx put it into a frame of JSON: µ-law in base64, and when it was."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from connectors.calls.codecs.g711 import MuLaw
from connectors.calls.streamed import Sent
from connectors.messaging.hook import Malformed


def sound_of(media: Mapping[str, Any]) -> Sent:
    """Raises `Malformed`, and what a missing field raises."""
    try:
        data = base64.b64decode(media["payload"], validate=True)
    except binascii.Error as error:
        raise Malformed("the payload is not base64") from error
    at = media.get("timestamp")
    return Sent(data, None if at is None else int(at) * MuLaw.sample_rate_hz // 1000)


def media_of(data: bytes) -> dict[str, str]:
    return {"payload": base64.b64encode(data).decode()}
