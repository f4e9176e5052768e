"""The channel for other programs: messages in, replies out, over plain HTTP (docs/http-api.md)."""

import hashlib
import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from starlette.exceptions import HTTPException

from bot.calls.transport import Call
from bot.channel import Desk, Progress
from bot.errors import CustomerError, DeliveryFailed, FrontdeskError
from bot.messages import (
    Attachment,
    AttachmentId,
    ChannelName,
    Conversation,
    ConversationId,
    CustomerId,
    Message,
    MessageId,
    Reply,
    TurnId,
    new_id,
)
from connectors.calls.line import CHANNEL as CALL_CHANNEL
from connectors.customer_ids import customer_id
from connectors.http_api.docs import add_docs
from connectors.http_api.guard import ApiGuard, BodyRefused
from connectors.http_api.keys import ApiKeys
from connectors.http_api.models import (
    Accepted,
    AttachmentOut,
    CallIn,
    CallOut,
    ConversationOut,
    CustomerName,
    MessageIn,
    Rendering,
)
from connectors.http_api.problems import problem
from connectors.http_api.routes import routes
from connectors.limiter import Limiter
from connectors.media_response import serve_media
from connectors.requests import body_pieces, preferred_locale

log = logging.getLogger(__name__)

CHANNEL = ChannelName("http")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FIRST_MESSAGE_S = 10
"""How long another first message of the same customer is held off."""

_CALLED_S = 24 * 3600
Dial = Callable[[Call], Awaitable[None]]

Whose = Annotated[CustomerName, Query()]


class HttpApi:
    """`bot.channel.Connector` for programs; `app` is its way in.

    Nothing is pushed: replies are waited for, or fetched from the log.
    """

    channel = CHANNEL

    def __init__(
        self,
        *,
        desk: Desk,
        keys: ApiKeys,
        limiter: Limiter,
        upload_bytes: int = 25 * 1024 * 1024,
        attachments: int = 10,
        dial: Dial | None = None,
    ) -> None:
        """`upload_bytes`: the largest file; `attachments`: the most files beside one message.
        `dial`: calls somebody; raises `DeliveryFailed`."""
        self._dial = dial
        self._desk = desk
        self._limiter = limiter
        self._upload_bytes = upload_bytes
        self._most_attachments = attachments
        self.app = FastAPI(
            title="Frontdesk",
            version="1",
            description="Send customers' messages to the desk, and fetch its replies.",
            docs_url=None,
            redoc_url=None,
            telemetry={"tracing": False, "metrics": False},
        )
        # The Swagger UI that is bundled reads no later version.
        self.app.openapi_version = "3.0.3"
        self.app.add_middleware(ApiGuard, keys=keys, limiter=limiter, upload_bytes=upload_bytes)
        for kind in (FrontdeskError, RequestValidationError, HTTPException):
            self.app.add_exception_handler(kind, _told)
        self.app.include_router(routes(self))
        add_docs(self.app)

    async def deliver(self, reply: Reply, seq: int) -> None:
        """Nothing to do: the reply is in the log."""

    def show(self, progress: Progress) -> None:
        """Nothing to do: there is no one to show it to."""

    async def post_message(
        self,
        request: Request,
        response: Response,
        body: MessageIn,
        idempotency_key: Annotated[str, Header(max_length=255)] = "",
    ) -> Accepted:
        customer = _customer(request, body.customer)
        conversation = await self._conversation(customer, body.conversation)
        message = Message(
            id=_message_id(body.id or idempotency_key),
            channel=CHANNEL,
            conversation=conversation.id,
            customer=customer,
            text=body.text,
            attachments=await self._uploaded(body.attachments, customer),
            locale=body.locale or _locale(request),
            answer_as=body.answer_as,
            sent_at=time.time(),
        )
        receipt = await self._desk.accept(message)
        entry = None
        if body.wait_s:
            entry = await self._desk.next_reply(conversation.id, receipt.seq, body.wait_s)
        reply = None
        if entry is not None and isinstance(entry.item, Reply):
            reply = Rendering(body.customer, conversation.id).reply(entry.item)
        response.status_code = 200 if reply else 202
        return Accepted(
            conversation=conversation.id,
            id=body.id or idempotency_key or message.id,
            seq=receipt.seq,
            duplicate=receipt.duplicate,
            reply=reply,
        )

    async def post_call(
        self,
        request: Request,
        body: CallIn,
        idempotency_key: Annotated[str, Header(max_length=255)] = "",
    ) -> CallOut:
        customer = _customer(request, body.customer)
        chat = await self._own(customer, body.conversation) if body.conversation else None
        if idempotency_key and not await self._limiter.first(
            "api-call", f"{customer} {idempotency_key}", _CALLED_S
        ):
            raise CustomerError("in_progress")
        call = Call(
            id=new_id("call"),
            channel=chat.channel if chat else CALL_CHANNEL,
            customer=customer,
            conversation=chat.id if chat else None,
            address=body.to,
            locale=body.locale or _locale(request),
            outgoing=True,
            opening=body.opening,
        )
        if self._dial is None:
            raise CustomerError("call_impossible")
        try:
            await self._dial(call)
        except DeliveryFailed as error:
            log.warning("api.not_called", extra={"call": call.id, "reason": str(error)})
            raise CustomerError("call_impossible") from error
        return CallOut(call=call.id)

    async def get_conversation(
        self,
        request: Request,
        conversation: str,
        customer: Whose,
        after: Annotated[int, Query(ge=0, description="Only entries after this one.")] = 0,
        limit: Annotated[
            int, Query(ge=1, le=200, description="Of more entries, the newest are given.")
        ] = 50,
    ) -> ConversationOut:
        opened = await self._own(_customer(request, customer), conversation)
        entries = await self._desk.entries(opened.id, after, limit)
        rendering = Rendering(customer, opened.id)
        return ConversationOut(
            id=opened.id,
            last_seq=max(opened.last_seq, entries[-1].seq if entries else 0),
            entries=[rendering.entry(entry) for entry in entries],
            calls=[rendering.call(summary) for summary in await self._desk.calls(opened.id)],
        )

    async def get_trace(
        self, request: Request, conversation: str, turn: str, customer: Whose
    ) -> dict[str, Any]:
        opened = await self._own(_customer(request, customer), conversation)
        trace = await self._desk.trace(opened.id, TurnId(turn))
        if trace is None:
            raise CustomerError("not_found")
        return trace

    async def post_media(
        self,
        request: Request,
        customer: Whose,
        name: Annotated[str, Query(max_length=255, description="The file's name.")] = "",
        content_type: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> AttachmentOut:
        attachment = await self._desk.keep_media(
            body_pieces(request),
            owner=_customer(request, customer),
            name=name,
            claimed_type=content_type,
            limit_bytes=self._upload_bytes,
        )
        return Rendering(customer, None).attachment(attachment)

    async def get_media(
        self,
        request: Request,
        attachment: str,
        customer: Whose,
        conversation: Annotated[
            str, Query(description="Where it was seen; for what the desk itself has sent.")
        ] = "",
    ) -> Response:
        own = _customer(request, customer)
        found = await self._desk.find_media(AttachmentId(attachment), own)
        if found is None and conversation:
            found = await self._in_log(await self._own(own, conversation), attachment)
        if found is None:
            raise CustomerError("not_found")
        return await serve_media(self._desk, request, found)

    async def _own(self, customer: CustomerId, conversation: str) -> Conversation:
        return await self._desk.open_conversation(CHANNEL, customer, ConversationId(conversation))

    async def _conversation(self, customer: CustomerId, named: str) -> Conversation:
        """The one named, the customer's newest one on this channel, or a new one.

        Two first messages at once must not begin two conversations: the second is told to come
        again in a moment.
        """
        if named:
            return await self._own(customer, named)
        for conversation in await self._desk.conversations(customer):
            if conversation.channel == CHANNEL:
                return conversation
        if not await self._limiter.first("api-first", customer, _FIRST_MESSAGE_S):
            raise CustomerError("in_progress")
        return await self._desk.open_conversation(CHANNEL, customer)

    async def _uploaded(self, ids: list[str], customer: CustomerId) -> tuple[Attachment, ...]:
        if len(ids) > self._most_attachments:
            raise CustomerError("too_many_attachments", limit=self._most_attachments)
        found = []
        for name in dict.fromkeys(ids):
            attachment = await self._desk.find_media(AttachmentId(name), customer)
            if attachment is None:
                raise CustomerError("attachment_unknown")
            found.append(attachment)
        return tuple(found)

    async def _in_log(self, conversation: Conversation, attachment: str) -> Attachment | None:
        """A spoken answer belongs to the conversation that it was given in."""
        for entry in await self._desk.entries(conversation.id, 0, 1_000):
            item = entry.item
            attachments = item.speech if isinstance(item, Reply) else item.attachments
            for candidate in attachments:
                if candidate.id == attachment:
                    return candidate
        return None


def _customer(request: Request, name: str) -> CustomerId:
    return customer_id("api", request.scope["state"]["integrator"], name)


def _locale(request: Request) -> str:
    return preferred_locale(request.headers.get("accept-language", ""))


def _message_id(given: str) -> MessageId:
    """The caller's id where it fits; one that follows from it where it does not."""
    if not given:
        return MessageId(new_id("m"))
    if _MESSAGE_ID.fullmatch(given):
        return MessageId(given)
    return MessageId(f"k_{hashlib.sha256(given.encode()).hexdigest()[:40]}")


def _in_our_words(error: HTTPException) -> CustomerError:
    if isinstance(error, BodyRefused):
        return error.error
    if error.status_code == 404:
        return CustomerError("not_found")
    return CustomerError("bad_method" if error.status_code == 405 else "bad_request")


async def _told(request: Request, error: Exception) -> Response:
    """Every error as a problem. FastAPI calls this for what is raised in a route."""
    if isinstance(error, HTTPException) and not request.url.path.startswith("/v1/"):
        return PlainTextResponse(error.detail, error.status_code, error.headers)
    locale = _locale(request)
    if isinstance(error, RequestValidationError):
        # Only where and what: never the input, which is a customer's.
        fields = [
            {"field": ".".join(map(str, one["loc"])), "problem": str(one["msg"])}
            for one in error.errors()[:20]
        ]
        return problem(CustomerError("bad_request"), locale, fields=fields)
    if isinstance(error, HTTPException):
        answer = problem(_in_our_words(error), locale, status=error.status_code)
        for name, value in (error.headers or {}).items():
            answer.headers[name] = value
        return answer
    assert isinstance(error, FrontdeskError)
    answer = problem(error, locale)
    log.info("api.refused", extra={"status": answer.status_code, "reason": type(error).__name__})
    return answer
