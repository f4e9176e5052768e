"""What the desk asks of an Asterisk exchange: by its REST interface (ARI) to call somebody.

Source: https://docs.asterisk.org/Asterisk_22_Documentation/API_Documentation/Asterisk_REST_Interface/Channels_REST_API/.
"""

import aiohttp

from bot.errors import DeliveryFailed
from bot.line_settings import Ari
from connectors.messaging.api import Api

RING_S = 30


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
