"""Errors of the HTTP API as problem details (RFC 9457): a code for programs, and a sentence in the
language that the caller accepts."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from bot import texts
from bot.errors import CustomerError, FrontdeskError, TooFast

STATUS = {
    "api_key_missing": 401,
    "not_found": 404,
    "unknown_conversation": 404,
    "in_progress": 409,
    "body_too_large": 413,
    "upload_too_large": 413,
    "upload_type": 415,
    "upload_mismatch": 415,
    "too_fast": 429,
    "unavailable": 503,
}
"""Any other code is 422: understood, and not acceptable."""

RETRY_UNAVAILABLE_S = 2


def problem(
    error: FrontdeskError,
    locale: str,
    *,
    fields: list[dict[str, str]] | None = None,
    status: int | None = None,
) -> Response:
    """`fields`: what is wrong with which field of a request, in English."""
    code = error.code if isinstance(error, CustomerError) else "unavailable"
    params: Mapping[str, Any] = error.params if isinstance(error, CustomerError) else {}
    status = status or STATUS.get(code, 422)
    body: dict[str, Any] = {
        "type": "about:blank",
        "status": status,
        "code": code,
        "detail": texts.say(code, locale, **params),
    }
    if fields:
        body["fields"] = fields
    response = Response(msgspec.json.encode(body), status, media_type="application/problem+json")
    if isinstance(error, TooFast):
        response.headers["retry-after"] = str(math.ceil(error.retry_after_s))
    elif code == "unavailable":
        response.headers["retry-after"] = str(RETRY_UNAVAILABLE_S)
    elif status == 401:
        response.headers["www-authenticate"] = "Bearer"
    return response
