"""WeChat's access token: one for all calls, renewed before it expires, by one call at a time."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec

from bot.errors import DeliveryFailed
from connectors.messaging.api import Api

EARLY_S = 120.0
"""So long before it expires a token is not used any more."""


class TokenRefused(DeliveryFailed):
    """WeChat gives no token, in its own words. Passes when the operator has mended it."""


class AccessToken:
    """The "stable" kind: asked again, WeChat gives the same token while it lasts, so that several
    processes do not take it from each other.

    https://developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken
    """

    def __init__(
        self,
        api: Api,
        url: str,
        appid: str,
        secret: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`url`: of WeChat's API. `clock`: seconds."""
        self._api = api
        self._url = f"{url}/cgi-bin/stable_token"
        self._account = {"grant_type": "client_credential", "appid": appid, "secret": secret}
        self._clock = clock
        self._token = ""
        self._until = 0.0
        self._renewing = asyncio.Lock()

    async def get(self) -> str:
        """One that is good for a while. Raises `TokenRefused` and `DeliveryFailed`."""
        async with self._renewing:
            if not self._token or self._clock() >= self._until:
                await self._fetch()
            return self._token

    async def renew(self, refused: str) -> None:
        """Have another one than `refused`, which WeChat does not take any more."""
        async with self._renewing:
            if self._token != refused:
                return
            await self._fetch()
            if self._token == refused:
                # WeChat allows this twenty times a day.
                await self._fetch(force=True)

    async def _fetch(self, *, force: bool = False) -> None:
        self._token = ""
        asked: dict[str, Any] = self._account | {"force_refresh": force}
        reply = await self._api.call(
            "POST", self._url, what="stable_token", data=msgspec.json.encode(asked)
        )
        answer = reply.json()
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if isinstance(token, str) and token and isinstance(seconds, int | float):
            self._token, self._until = token, self._clock() + seconds - EARLY_S
            return
        code, words = answer.get("errcode"), str(answer.get("errmsg", "no description"))
        if code in (-1, 45009, 45011) or code is None:
            raise DeliveryFailed(f"stable_token: HTTP {reply.status}, {code}: {words[:200]}")
        raise TokenRefused(f"stable_token: {code}: {words[:200]}")
