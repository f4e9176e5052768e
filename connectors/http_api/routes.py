"""The HTTP API's addresses, and what /docs says about each."""

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Security
from fastapi.responses import Response
from fastapi.security import HTTPBearer

from connectors.http_api.models import Accepted, ProblemOut, TraceOut

if TYPE_CHECKING:
    from connectors.http_api.connector import HttpApi

_Responses = dict[int | str, dict[str, Any]]

_ALWAYS: _Responses = {
    401: {"model": ProblemOut, "description": "No API key, or one that is not known."},
    422: {"model": ProblemOut, "description": "Something about the request cannot be taken."},
    429: {"model": ProblemOut, "description": "Too fast; see `Retry-After`."},
    503: {"model": ProblemOut, "description": "Nothing can be stored now; see `Retry-After`."},
}
_GONE: _Responses = {
    404: {"model": ProblemOut, "description": "Not there, or not this customer's."}
}
_STORED: _Responses = {
    200: {"description": "The message is stored, and here is the reply."},
    202: {"model": Accepted, "description": "The message is stored."},
}
_BINARY = {
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
}


def routes(api: "HttpApi") -> APIRouter:
    # The key itself has been checked by ApiGuard, before the body was read; this tells /docs.
    bearer = HTTPBearer(description="An API key.", auto_error=False)
    router = APIRouter(
        prefix="/v1", tags=["Version 1"], dependencies=[Security(bearer)], responses=_ALWAYS
    )
    router.add_api_route(
        "/messages",
        api.post_message,
        methods=["POST"],
        summary="Send a customer's message",
        response_model=Accepted,
        responses=_GONE | _STORED,
    )
    router.add_api_route(
        "/conversations/{conversation}",
        api.get_conversation,
        summary="The log of a conversation",
        responses=_GONE,
    )
    router.add_api_route(
        "/conversations/{conversation}/turns/{turn}",
        api.get_trace,
        summary="How an answer came about",
        response_model=TraceOut,
        responses=_GONE,
    )
    router.add_api_route(
        "/calls",
        api.post_call,
        methods=["POST"],
        summary="Call a customer",
        description="With an `Idempotency-Key`, a second request within a day calls nobody.",
        status_code=202,
        responses=_GONE,
    )
    _add_media(router, api)
    return router


def _add_media(router: APIRouter, api: "HttpApi") -> None:
    router.add_api_route(
        "/media",
        api.post_media,
        methods=["POST"],
        summary="Upload a file for a message",
        description="The body is the file itself, `Content-Type` what it is.",
        status_code=201,
        openapi_extra={"requestBody": {"required": True, **_BINARY}},
    )
    router.add_api_route(
        "/media/{attachment}",
        api.get_media,
        summary="The bytes of an attachment",
        response_class=Response,
        responses={**_GONE, 200: {**_BINARY, "description": "Whole, or a range."}},
    )
