"""Twilio: the HMAC of the address and the form's fields in order.
https://www.twilio.com/docs/usage/security#validating-requests"""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from bot.channel_settings import TwilioSection
from tests.connectors.signers.signer import PUBLIC_URL, Signer, to_json

_ACCOUNT = "AC" + "0" * 31 + "1"
_TOKEN = "the-auth-token"


def _settings(api: str) -> TwilioSection:
    given = {"account": _ACCOUNT, "token": _TOKEN, "api": api, "messaging": api}
    return TwilioSection.model_validate(given)


def _sign(body: bytes) -> tuple[Mapping[str, str], str]:
    fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    signed = f"{PUBLIC_URL}/channels/twilio" + "".join(f"{k}{fields[k]}" for k in sorted(fields))
    signature = b64encode(hmac.digest(_TOKEN.encode(), signed.encode(), "sha1")).decode()
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    return form | {"X-Twilio-Signature": signature}, ""


def _sent(number: int, user: int, **fields: Any) -> dict[str, Any]:
    return {
        "MessageSid": f"SM{number}", "SmsSid": f"SM{number}", "AccountSid": _ACCOUNT,
        "NumMedia": "0", "NumSegments": "1", "SmsStatus": "received",
        "Body": "", "From": f"+1555{user:07}",
        "To": "+15550100002", "ApiVersion": "2010-04-01",
    } | fields  # fmt: skip


def _samples() -> tuple[Any, ...]:
    media = {
        "NumMedia": "1",
        "MediaUrl0": "https://api.twilio.com/m/1",
        "MediaContentType0": "image/png",
    }
    whatsapp = {"From": "whatsapp:+15550100001", "To": "whatsapp:+15550100002", "WaId": "1"}
    return (
        _sent(1, 1, **media),
        _sent(2, 1, **whatsapp, ProfileName="Ann", MessageType="text", Body="hi"),
        _sent(3, 1, **whatsapp, MessageType="button", ButtonText="Yes", ButtonPayload="Yes"),
        _sent(4, 1, **whatsapp, Latitude="1.5", Longitude="2.5", Address="Shop"),
        {"MessageSid": "SM9", "MessageStatus": "undelivered", "ErrorCode": "30003",
         "AccountSid": _ACCOUNT, "From": "+15550100002", "To": "+15550100001"},
    )  # fmt: skip


def _encode(payload: Any) -> bytes:
    fields = payload if isinstance(payload, dict) else {"Body": payload}
    texts = {k: v if isinstance(v, str) else to_json(v).decode() for k, v in fields.items()}
    return urlencode(texts).encode()


SIGNER = Signer(
    settings=_settings,
    sign=_sign,
    message=lambda number, user: _sent(number, user, Body=f"Where is order {number}?"),
    samples=_samples,
    encode=_encode,
)
