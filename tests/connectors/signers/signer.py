"""What a test or a measurement needs to know of a provider, to speak for it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

PUBLIC_URL = "https://desk.example"
"""What providers that sign the address call the desk."""
JSON = {"Content-Type": "application/json"}


def to_json(payload: Any) -> bytes:
    return json.dumps(payload).encode()


@dataclass(frozen=True)
class Signer:
    settings: Callable[[str], Any]
    """Address of the provider's API → the channel's section."""
    sign: Callable[[bytes], tuple[Mapping[str, str], str]]
    """Body → the headers and the query string with which the provider would deliver it now."""
    message: Callable[[int, int], Any]
    """Number of the message and of its sender → the payload of a text, which is no other's."""
    samples: Callable[[], tuple[Any, ...]] = lambda: ()
    """Further payloads of now, of other kinds."""
    encode: Callable[[Any], bytes] = to_json
    """Payload, whatever has become of it → body."""
