"""What Meta's apps share: signed webhooks, the handshake, the Graph API and its errors.

Meta keeps no Python SDK for webhooks; what there is to verify is one HMAC. pywa, the WhatsApp
library that is kept best, checks it in the tests.
Sources: https://developers.facebook.com/docs/graph-api/webhooks/getting-started and
https://developers.facebook.com/docs/graph-api/guides/error-handling
"""

import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bot.channel_settings import MetaSection
from bot.errors import DeliveryFailed, OperatorError
from connectors.messaging.api import Api, Reply, wrong_credentials
from connectors.messaging.events import Event
from connectors.messaging.hook import Answer, Forged, Hook, Malformed, same

log = logging.getLogger(__name__)

REPEATS_S = 8 * 24 * 3600.0
"""Meta repeats what was not acknowledged for up to seven days; what is older comes from elsewhere.
https://developers.facebook.com/docs/whatsapp/cloud-api/guides/set-up-webhooks"""
HOSTS = (".fbsbx.com", ".fbcdn.net", ".cdninstagram.com")
"""Where Meta keeps what customers send."""

_LONGEST_CHALLENGE = 256
_NONSENSE = (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
"""What reading a body raises that is not as Meta writes it."""
_MILLISECONDS_FROM = 100_000_000_000
"""Meta's times are in seconds or in milliseconds; as seconds this would be in the year 5138."""

OPERATORS_PAUSE_S = 300.0
"""Until the next attempt where somebody has to mend something first; the customer's 24 hours bound
how often there is one."""
_OPERATORS = frozenset(
    {
        *(0, 3, 10, 33, 102, 190, *range(200, 300)),  # token, permissions, a number that is gone
        *(368, 131005, 131031, 131037, 131042, 131045),  # account blocked, unpaid, unregistered
    }
)
_PASSING = frozenset(
    {
        *(1, 2, 4, 17, 32, 341, 613, 80006, 80007),  # overloaded, or too many calls
        *(130429, 131000, 131016, 131048, 131056, 131057, 133004, 133016),
    }
)
_PAUSES_S = {131056: 6.0, 4: 60.0, 17: 60.0, 32: 60.0, 613: 10.0, 80006: 60.0, 80007: 60.0}
"""https://developers.facebook.com/docs/whatsapp/cloud-api/overview#pair-rate-limits"""
_WINDOW = frozenset({131047, 2018065, 2018278, 2534022})
_UNREACHABLE = frozenset({551, 131021, 131026, 131030, 130472, 1545041, 2018108})
"""Codes and subcodes: of WhatsApp, of the Messenger Platform.
https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes and
https://developers.facebook.com/docs/messenger-platform/error-codes"""
_TOLD = {
    **dict.fromkeys(
        _WINDOW,
        "the customer last wrote more than 24 hours ago: no free answer is allowed any more",
    ),
    **dict.fromkeys(_UNREACHABLE, "the customer cannot be reached, or wants no messages"),
}


class GraphFailed(DeliveryFailed):
    """The Graph API refused. `operator`: it will until somebody mends something."""

    def __init__(
        self, reason: str, *, permanent: bool, retry_after_s: float | None, operator: bool
    ) -> None:
        self.operator = operator
        super().__init__(reason, permanent=permanent, retry_after_s=retry_after_s)


class Graph:
    """Calls in the name of one account. The token travels in a header: addresses get into logs."""

    def __init__(self, settings: MetaSection, api: Api, *, app: str = "") -> None:
        """`app`: its id, where the desk is to enter its webhook's address by itself."""
        self._address = settings.api
        self._token = settings.token.get_secret_value()
        self._secret = settings.app_secret.get_secret_value()
        self._app = app
        self._verify_token = settings.verify_token.get_secret_value()
        self._api = api
        self.headers = {"authorization": f"Bearer {self._token}"}

    async def get(self, path: str, *, what: str, **params: str) -> dict[str, Any]:
        return await self._call("GET", path, what, params)

    async def post(self, path: str, *, what: str, **request: Any) -> dict[str, Any]:
        """`request`: aiohttp's `json` or `data`."""
        return await self._call("POST", path, what, {}, **request)

    async def subscribe_app(self, kind: str, url: str, fields: Iterable[str]) -> bool:
        """Have Meta send the app's webhooks about a `kind` of object to `url`; False where the
        app's id is not known. https://developers.facebook.com/docs/graph-api/reference/app/subscriptions
        """
        if not self._app:
            return False
        form = {
            "object": kind,
            "callback_url": url,
            "verify_token": self._verify_token,
            "fields": ",".join(fields),
            # The app itself asks, not an account: in the body, where no log sees it.
            "access_token": f"{self._app}|{self._secret}",
        }
        what = "subscriptions"
        reply = await self._api.call(
            "POST", f"{self._address}/{self._app}/{what}", what=what, data=form
        )
        self._checked(what, reply)
        return True

    async def _call(
        self, method: str, path: str, what: str, params: Mapping[str, str], **request: Any
    ) -> dict[str, Any]:
        reply = await self._api.call(
            method,
            f"{self._address}/{path}",
            what=what,
            params={**params, "appsecret_proof": self._proof()},
            headers=self.headers,
            **request,
        )
        return self._checked(what, reply)

    def _proof(self) -> str:
        """Shows that who holds the token holds the app's secret as well.
        https://developers.facebook.com/docs/graph-api/guides/secure-requests#appsecret_proof"""
        return hmac.new(self._secret.encode(), self._token.encode(), hashlib.sha256).hexdigest()

    def _checked(self, what: str, reply: Reply) -> dict[str, Any]:
        body = reply.json()
        if reply.ok and "error" not in body:
            return body
        raise failure(what, reply, hide=(self._token, self._secret))


def failure(what: str, reply: Reply, hide: Iterable[str] = ()) -> GraphFailed:
    """What a refusal of the Graph API means. `hide`: words that are to be in no log; Meta repeats
    a token that it cannot read."""
    error = reply.json().get("error")
    error = error if isinstance(error, dict) else {}
    code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
    data = error.get("error_data")
    details = data.get("details", "") if isinstance(data, dict) else ""
    words = [_TOLD.get(subcode or 0) or _TOLD.get(code or 0), error.get("message"), details]
    reason = ": ".join(dict.fromkeys(str(each) for each in words if each)) or "no description"
    for secret in hide:
        reason = reason.replace(secret, "…")
    final = bool({code, subcode} & (_WINDOW | _UNREACHABLE))
    passing = not final and (code in _PASSING or error.get("is_transient") is True)
    operator = not final and not passing and (code in _OPERATORS or reply.status == 401)
    number = "/".join(str(each) for each in (code, subcode) if each is not None) or "unknown"
    wait_s = OPERATORS_PAUSE_S if operator else _regain_s(reply) or _PAUSES_S.get(code or 0)
    if operator:
        log.error("meta.refuses_account", extra={"what": what, "code": number})
    return GraphFailed(
        f"{what}: HTTP {reply.status}, error {number}: {reason[:300]}",
        permanent=not passing and not operator,
        retry_after_s=wait_s,
        operator=operator,
    )


def not_ours(channel: str, error: GraphFailed, remedy: str) -> OperatorError:
    return wrong_credentials(channel, str(error), remedy)


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _regain_s(reply: Reply) -> float | None:
    """How long an account that called too often is to wait: minutes, in a header that has the
    usage of each. https://developers.facebook.com/docs/graph-api/overview/rate-limiting#headers-2
    """
    try:
        usage = json.loads(reply.headers.get("x-business-use-case-usage", "{}"))
        waits = [
            float(each["estimated_time_to_regain_access"])
            for uses in usage.values()
            for each in uses
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    longest = max(waits, default=0.0)
    return min(longest * 60, 3600.0) or None


def shake_hands(hook: Hook, verify_token: str) -> Answer:
    """The answer to `GET`, by which Meta makes sure of an address. Raises `Forged`."""
    query = hook.query
    if query.get("hub.mode") != "subscribe":
        raise Forged("not a handshake")
    if not same(query.get("hub.verify_token", ""), verify_token):
        raise Forged("the verify token is missing or wrong")
    challenge = query.get("hub.challenge", "")
    if not challenge or len(challenge) > _LONGEST_CHALLENGE:
        raise Malformed("a handshake without a challenge")
    return Answer(challenge.encode())


def read_signed(hook: Hook, app_secret: str, kind: str) -> dict[str, Any]:
    """The body, if Meta has signed it and it is about a `kind` of object (`page`).

    Raises `Forged` and `Malformed`.
    """
    digest = hmac.new(app_secret.encode(), hook.body, hashlib.sha256).hexdigest()
    if not same(hook.headers.get("x-hub-signature-256", ""), f"sha256={digest}"):
        raise Forged("the signature is missing or wrong")
    body = hook.json()
    if body.get("object") != kind or not isinstance(body.get("entry"), list):
        raise Malformed(f"not about a {kind}")
    return body


def refuse_old(moments: Iterable[Any], now: float) -> None:
    """Nothing in a webhook says when it was signed, but what it tells has a time.

    `moments`: Unix times as Meta writes them. Raises `Forged` where all are too long ago.
    """
    told = [_seconds(each) for each in moments]
    if told and now - max(told) > REPEATS_S:
        raise Forged("an old request played again")


def _seconds(moment: Any) -> float:
    try:
        value = float(moment)
    except _NONSENSE as error:
        raise Malformed("a time that is none") from error
    return value / 1000 if value > _MILLISECONDS_FROM else value


def events_of(
    channel: str, items: Iterable[Any], read: Callable[[Any], Iterable[Event]]
) -> tuple[Event, ...]:
    """The events of all items of a batch. One that makes no sense must not take the others along;
    raises `Malformed` where none makes sense."""
    events: list[Event] = []
    understood, broken = 0, ""
    for item in items:
        try:
            events += read(item)
            understood += 1
        except _NONSENSE as error:
            broken = type(error).__name__
    if broken and not understood:
        raise Malformed(f"nothing in it makes sense: {broken}")
    if broken:
        log.warning("meta.not_understood", extra={"channel": channel, "reason": broken})
    return tuple(events)


def place(latitude: Any, longitude: Any, *names: Any) -> str:
    """A point on the map in words."""
    point = f"{float(latitude):.5f}, {float(longitude):.5f}"
    named = ", ".join(str(name) for name in names if name)
    return f"{named} ({point})" if named else point
