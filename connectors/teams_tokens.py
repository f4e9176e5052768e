"""Who may speak for Teams, and how the desk shows who it is: the tokens of the Bot Framework.

Microsoft's libraries for agents bring a web framework, MSAL and telemetry; the rules are theirs:
the issuer, the audience, five minutes of leeway, the service's address as a claim, and a key that
is endorsed for Teams, which their newest validator no longer looks at. A token does not sign the
body, and may be shown again until it expires: the desk takes an activity's id once.
Source: https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from bot.errors import DeliveryFailed, Unavailable
from connectors.messaging.api import Api
from connectors.messaging.hook import Forged

log = logging.getLogger(__name__)

KEYS_S = 24 * 3600.0
"""How long keys are used before they are fetched again."""
UNKNOWN_KEY_S = 3600.0
"""How soon an unknown key has them fetched again: anybody can name one."""
LEEWAY_S = 300.0
"""How far Microsoft's clock and the desk's may be apart."""
_FAILED_S = 10.0
"""How soon keys that could not be had are asked for again."""
_RENEW_S = 300.0
"""How long before it expires the desk's own token is renewed."""
ENDORSED = "msteams"
"""The channel that a key must be endorsed for."""

Clock = Callable[[], float]
"""Unix time in seconds."""


@dataclass(frozen=True)
class _Key:
    public: jwt.PyJWK
    endorsements: frozenset[str]


class ServiceKeys:
    """The keys that the Bot Framework signs with, fetched when they are needed."""

    def __init__(self, api: Api, openid: str, *, clock: Clock = time.time) -> None:
        """`openid`: address of the OpenID metadata."""
        self._api = api
        self._openid = openid
        self._clock = clock
        self._keys: dict[str, _Key] = {}
        self._read_at = self._tried_at = float("-inf")
        self._lock = asyncio.Lock()

    async def find(self, name: str) -> _Key | None:
        """Raises `Unavailable` where the keys cannot be had."""
        async with self._lock:
            age_s = self._clock() - self._read_at
            if age_s > (UNKNOWN_KEY_S if name not in self._keys else KEYS_S):
                await self._read()
        return self._keys.get(name)

    async def _read(self) -> None:
        if self._clock() - self._tried_at < _FAILED_S:
            raise Unavailable("the keys of the Bot Framework could not be had just now")
        self._tried_at = self._clock()
        found = await self._json(self._openid)
        address = str(found.get("jwks_uri", ""))
        if not address.startswith(("https://", self._openid.rpartition("/")[0])):
            raise Unavailable("the metadata of the Bot Framework names no keys")
        listed = (await self._json(address)).get("keys")
        keys = dict(_read_keys(listed if isinstance(listed, list) else []))
        if not keys:
            raise Unavailable("the Bot Framework lists no keys")
        self._keys, self._read_at = keys, self._clock()

    async def _json(self, address: str) -> Mapping[str, Any]:
        reply = await self._api.call("GET", address, what="Bot Framework keys")
        if not reply.ok:
            raise Unavailable(f"the keys of the Bot Framework: HTTP {reply.status}")
        return reply.json()


def _read_keys(listed: list[Any]) -> list[tuple[str, _Key]]:
    """The RSA keys of a JSON Web Key Set (RFC 7517) with their names; others are left out."""
    found = []
    for each in listed:
        if not isinstance(each, dict) or each.get("kty") != "RSA":
            continue
        try:
            public = jwt.PyJWK(each, algorithm="RS256")
        except (jwt.PyJWKError, jwt.InvalidKeyError, ValueError, TypeError) as error:
            log.warning("teams.key_unread", extra={"reason": type(error).__name__})
            continue
        endorsed = each.get("endorsements")
        endorsements = frozenset(map(str, endorsed if isinstance(endorsed, list) else []))
        found.append((str(each.get("kid", "")), _Key(public, endorsements)))
    return found


class Verifier:
    def __init__(self, keys: ServiceKeys, *, app_id: str, issuer: str) -> None:
        self._keys = keys
        self._app_id = app_id
        self._issuer = issuer

    async def verify(self, authorization: str, service: str) -> None:
        """Whether the header is the Bot Framework's for this bot, and for a service at this
        address. Raises `Forged`, and `Unavailable` where the keys cannot be had."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer":
            raise Forged("the token is missing")
        try:
            name = jwt.get_unverified_header(token).get("kid")
        except (jwt.InvalidTokenError, ValueError) as error:
            raise Forged("the token is none") from error
        key = await self._keys.find(str(name))
        if key is None:
            raise Forged("the token's key is unknown")
        if ENDORSED not in key.endorsements:
            raise Forged("the token's key is not endorsed for Teams")
        try:
            claims = jwt.decode(
                token,
                key.public,
                algorithms=["RS256"],
                audience=self._app_id,
                issuer=self._issuer,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "serviceurl"]},
            )
        except (jwt.InvalidTokenError, ValueError) as error:
            raise Forged(f"the token: {type(error).__name__}") from error
        if str(claims["serviceurl"]).rstrip("/") != service.rstrip("/"):
            raise Forged("the token is another service's")


class OwnToken:
    """What the desk shows to the Bot Connector (OAuth 2.0 client credentials, RFC 6749, 4.4)."""

    def __init__(
        self, api: Api, address: str, form: Mapping[str, str], *, clock: Clock = time.time
    ) -> None:
        """`address`: of the token endpoint. `form`: the client's id, secret and scope."""
        self._api = api
        self._address = address
        self._form = {"grant_type": "client_credentials", **form}
        self._clock = clock
        self._token = ""
        self._good_until = float("-inf")
        self._lock = asyncio.Lock()

    async def header(self) -> dict[str, str]:
        """Raises `TokenRefused` and `DeliveryFailed`."""
        async with self._lock:
            if self._clock() >= self._good_until:
                await self._fetch()
            return {"Authorization": f"Bearer {self._token}"}

    def forget(self) -> None:
        """The service does not take it any more."""
        self._good_until = float("-inf")

    async def _fetch(self) -> None:
        reply = await self._api.call("POST", self._address, what="token", data=self._form)
        answer = reply.json()
        token, seconds = answer.get("access_token"), answer.get("expires_in", 0)
        if not (reply.ok and isinstance(token, str) and token and str(seconds).isdecimal()):
            told = str(answer.get("error_description") or answer.get("error") or "no token")
            raise TokenRefused(f"token: HTTP {reply.status}: {told.splitlines()[0][:200]}")
        self._token = token
        self._good_until = self._clock() + max(0, int(seconds) - _RENEW_S)


class TokenRefused(DeliveryFailed):
    """The id, the secret or the tenant is wrong. It passes: the operator mends it."""
