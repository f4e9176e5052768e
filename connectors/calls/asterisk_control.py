"""What the desk asks of an Asterisk exchange: by its REST interface (ARI) to call somebody, and,
when the dialplan asks what comes after a call, to connect the caller with a person.

Source: https://docs.asterisk.org/Asterisk_22_Documentation/API_Documentation/Asterisk_REST_Interface/Channels_REST_API/.
"""

import asyncio
from urllib.parse import parse_qsl

import aiohttp

from bot.errors import DeliveryFailed
from bot.line_settings import Ari
from connectors.messaging.api import Api
from connectors.messaging.hook import Malformed

RING_S = 30
NEXT_S = 60.0
"""How long the dialplan has to ask what comes after a call."""


class AsteriskControl:
    def __init__(self, api: Api, settings: Ari) -> None:
        self._api = api
        self._settings = settings
        password = settings.password.get_secret_value()
        self._headers = {"Authorization": aiohttp.encode_basic_auth(settings.user, password)}

    async def originate(self, number: str, variables: dict[str, str]) -> None:
        """Ring at a number, which has digits alone: what else would stand there is Asterisk's to
        read. Once it is taken, the dialplan goes on at the operator's context with these variables.
        Raises `DeliveryFailed`."""
        asked = {
            "endpoint": self._settings.endpoint.replace("{number}", number),
            "context": self._settings.context,
            "extension": "s",
            "priority": 1,
            "timeout": RING_S,
            "callerId": self._settings.caller,
            "variables": variables,
        }
        reply = await self._api.call(
            "POST",
            f"{self._settings.url}/channels",
            what="ARI channels",
            json=asked,
            headers=self._headers,
        )
        if not reply.ok:
            raise DeliveryFailed(f"Asterisk refuses to call: HTTP {reply.status}")


class NextSteps:
    """Whom callers are to be connected with, until the dialplan asks."""

    def __init__(self) -> None:
        self._targets: dict[str, str] = {}

    def set(self, call: str, target: str) -> None:
        self._targets[call] = target
        asyncio.get_running_loop().call_later(NEXT_S, self._targets.pop, call, None)

    def take(self, call: str) -> str:
        """Empty where the call is simply over."""
        return self._targets.pop(call, "")


def form_of(body: bytes) -> dict[str, str]:
    """What the dialplan's `CURL()` posts. Raises `Malformed`."""
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=20))
    except ValueError as error:
        raise Malformed("the body is not a form") from error
