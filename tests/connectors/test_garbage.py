"""Whatever arrives at a webhook: it is understood or refused, it breaks nothing, and what nobody
signed changes nothing. Holds for every registered channel."""

import copy
from collections.abc import AsyncIterator
from types import UnionType
from typing import Annotated, Any, get_args, get_origin

import httpx
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from bot.channel_settings import Section
from bot.channels import CHANNELS
from bot.config import ChannelsSection
from bot.inbox import InboxLimits
from tests.connectors.messaging.site import ChannelSite
from tests.connectors.signers import PUBLIC_URL, SIGNERS, to_json

NOWHERE = "http://127.0.0.1:9"
"""No provider answers there: a webhook is believed or not without asking anybody."""
_VALUES = (
    *("a-secret-of-the-tests", "help@shop.example", NOWHERE, "imap://127.0.0.1:9"),
    *("smtp://127.0.0.1:9", "+4712345678", 12345),
)
_BESIDE = {"email": {"authserv_id": "mx.shop.example"}}
"""What sections want beside what each of their fields asks for."""
_UNLIMITED = InboxLimits(messages_per_minute=10_000_000, burst=1_000_000)


def section_of(channel: str) -> type[Section] | None:
    """The class of a channel's settings; None for those that are no messaging app."""
    field = ChannelsSection.model_fields.get(channel)
    if field is None or get_origin(field.annotation) is not UnionType:
        return None
    return next(kind for kind in get_args(field.annotation) if kind is not type(None))


APPS = [channel for channel in CHANNELS if section_of(channel)]


def settings_of(channel: str) -> Any:
    """As its signer has them; without one, any values that fit what is required."""
    if channel in SIGNERS:
        return SIGNERS[channel].settings(NOWHERE)
    section = section_of(channel)
    assert section
    given: dict[str, Any] = dict(_BESIDE.get(channel, {}))
    for name, field in section.model_fields.items():
        if field.is_required():
            given[name] = _fitting(Annotated[field.annotation, *field.metadata], field.metadata)
        elif str(field.default).startswith("https://"):
            given[name] = NOWHERE
    return section(**given)


def _fitting(kind: Any, metadata: list[Any]) -> Any:
    """A value that a setting takes."""
    patterns = [found for each in metadata if (found := getattr(each, "pattern", None))]
    told = [find(st.from_regex(pattern, fullmatch=True), bool) for pattern in patterns]
    adapter = TypeAdapter(kind)
    for value in (*told, *_VALUES):
        try:
            adapter.validate_python(value)
        except ValidationError:
            continue
        return value
    return None


class Gate:
    """A channel's webhook, and what lies behind it."""

    def __init__(self, channel: str, site: ChannelSite, client: httpx.AsyncClient) -> None:
        self.channel = channel
        self.site = site
        self._client = client

    async def send(
        self, body: bytes, headers: dict[str, str], query: str = "", method: str = "POST"
    ) -> httpx.Response:
        address = f"/channels/{self.channel}{'?' + query if query else ''}"
        return await self._client.request(method, address, content=body, headers=headers)


@pytest.fixture(params=APPS)
async def gate(request: pytest.FixtureRequest, channels: ChannelSite) -> AsyncIterator[Gate]:
    configured = {request.param: (CHANNELS[request.param], settings_of(request.param))}
    async with (
        channels.open(configured, answers=False, public_url=PUBLIC_URL, pace=_UNLIMITED),
        httpx.AsyncClient(base_url=channels.url, trust_env=False) as client,
    ):
        yield Gate(request.param, channels, client)


fuzzed = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_NAMES = (
    *("content-type", "content-encoding", "authorization", "user-agent", "x-hub-signature-256"),
    *("x-telegram-bot-api-secret-token", "x-slack-signature", "x-slack-request-timestamp"),
    *("x-slack-retry-num", "x-line-signature", "x-twilio-signature", "x-signature-ed25519"),
    *("x-signature-timestamp", "x-viber-content-signature", "x-frontdesk-signature"),
    *("webhook-id", "webhook-timestamp", "webhook-signature", "i-twilio-idempotency-token"),
)
_KINDS = (
    "application/json",
    "application/x-www-form-urlencoded",
    "text/xml",
    "multipart/form-data",
)
_texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80)
_values = st.one_of(
    _texts.map(str.strip),
    st.sampled_from(
        ["0", "-1", "9" * 30, "nan", "sha256=", "sha256=" + "0" * 64, "v0=" + "0" * 64, "v1,AAAA",
         "Bearer", "Bearer a.b.c", "Bearer eyJhbGciOiJub25lIn0.e30.", "AAAA=", "00" * 64, *_KINDS]
    ),
)  # fmt: skip
_headers = st.dictionaries(st.sampled_from(_NAMES), _values, max_size=6)
_queries = st.one_of(
    st.just(""),
    st.sampled_from(
        ["hub.mode=subscribe&hub.verify_token=x&hub.challenge=1", "signature=x&timestamp=1&nonce=2",
         "msg_signature=x&encrypt_type=aes&timestamp=&nonce=", "bodySHA256=00", "%ff%00=&&==&=%"]
    ),
)  # fmt: skip
_leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.sampled_from([2**70, -(2**63), 0, 1e308]),
    st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20), st.just("x" * 20_000),
)  # fmt: skip


def _branches(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)


_values_of_json = st.recursive(_leaves, _branches, max_leaves=8)


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in a payload something stands: the keys and numbers that lead there."""
    found = [place]
    inner = (
        value.items() if isinstance(value, dict)
        else enumerate(value) if isinstance(value, list)
        else ()
    )  # fmt: skip
    for key, each in inner:
        found += _places(each, (*place, key))
    return found


@st.composite
def mutated(draw: st.DrawFn, payloads: tuple[Any, ...]) -> Any:
    """A real payload in which something is missing, of another type, or too deep."""
    payload = {"payload": copy.deepcopy(draw(st.sampled_from(payloads)))}
    for _ in range(draw(st.integers(1, 4))):
        places = _places(payload)[1:]
        *way, last = draw(st.sampled_from(places)) if places else ("payload",)
        holder: Any = payload
        for step in way:
            holder = holder[step]
        match draw(st.sampled_from(["drop", "retype", "wrap", "nest", "swap"])):
            case "drop" if way:
                del holder[last]
            case "retype":
                holder[last] = draw(_values_of_json)
            case "wrap":
                holder[last] = draw(st.sampled_from([[holder[last]] * 2, {"a": holder[last]}]))
            case "nest":
                for _ in range(draw(st.sampled_from([1, 40, 150]))):
                    holder[last] = [holder[last]]
            case "swap" if places:
                other: Any = payload
                for step in draw(st.sampled_from(places)):
                    other = other[step]
                holder[last] = copy.deepcopy(other)
    return payload.get("payload")


_payloads = tuple(each for one in SIGNERS.values() for each in (one.message(1, 1), *one.samples()))
_BODIES = (
    *(b"", b"{", b"null", b"[]", b"a=1&a=2&=&%", b"payload=%7B%7D", b"\xff\xfe", b"<xml>"),
    *(b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"<xml><a/></xml>"),
    *(b"[" * 50_000, b'{"a":' * 50_000, b"<a>" * 50_000),
)
_bodies = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(_BODIES),
    _values_of_json.map(to_json),
    mutated(_payloads).map(to_json),
)


@fuzzed
@given(
    body=_bodies,
    headers=_headers,
    query=_queries,
    method=st.sampled_from(["POST", "POST", "POST", "GET", "HEAD", "PUT"]),
)
async def test_what_nobody_signed_changes_nothing(
    gate: Gate, body: bytes, headers: dict[str, str], query: str, method: str
) -> None:
    answer = await gate.send(body, headers, query, method)
    assert answer.status_code == 200 or 400 <= answer.status_code < 500
    assert await gate.site.nothing_was_taken()


signed = pytest.mark.parametrize("gate", SIGNERS, indirect=True)


@signed
async def test_what_its_provider_sends_is_taken(gate: Gate) -> None:
    """Or the others here would prove nothing."""
    signer = SIGNERS[gate.channel]
    body = signer.encode(signer.message(1, 1))
    headers, query = signer.sign(body)
    assert (await gate.send(body, headers, query)).status_code == 200
    assert not await gate.site.nothing_was_taken()


@signed
@fuzzed
@given(st.integers(0, 10), st.floats(0, 1), st.sampled_from(["changed", "cut off", "missing"]))
async def test_a_damaged_signature_is_none(gate: Gate, which: int, at: float, how: str) -> None:
    signer = SIGNERS[gate.channel]
    body = signer.encode(signer.message(1, 1))
    headers, query = signer.sign(body)
    parts = {**headers, "?": query}
    signing = [name for name in parts if parts[name] and name != "Content-Type"]
    name = signing[which % len(signing)]
    parts[name] = _damaged(parts[name], at, how)
    query = parts.pop("?")
    answer = await gate.send(body, parts, query)
    assert 400 <= answer.status_code < 500
    assert await gate.site.nothing_was_taken()


def _damaged(value: str, at: float, how: str) -> str:
    # The last sign of what is base64 may have bits that mean nothing, and so has the case of hex.
    place = int(at * (len(value) - 2))
    if how == "missing":
        return ""
    other = next(sign for sign in "b5" if sign != value[place].lower())
    return (value[:place] + (other + value[place + 1 :] if how == "changed" else "")).strip()


@signed
@fuzzed
@given(data=st.data())
async def test_what_is_signed_is_understood_or_refused(gate: Gate, data: st.DataObject) -> None:
    signer = SIGNERS[gate.channel]
    body = data.draw(
        st.one_of(
            mutated((signer.message(1, 1), *signer.samples())).map(signer.encode),
            _values_of_json.map(signer.encode),
            _bodies,
        )
    )
    headers, query = signer.sign(body)
    answer = await gate.send(body, dict(headers), query)
    # Some providers sign with a word in the body, which may be what was damaged.
    assert answer.status_code in (200, 400, 401), (answer.status_code, body[:300])


def test_every_messaging_app_is_here() -> None:
    """A channel that is added is tested without a word here."""
    assert "telegram" in APPS
    assert set(APPS) == set(CHANNELS) - {"webchat", "http"}
    # Mail is fetched and never sent here; Teams signs with keys that are fetched, which its own
    # tests serve.
    assert set(APPS) - set(SIGNERS) == {"email", "teams"}
