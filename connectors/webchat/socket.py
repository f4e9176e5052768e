"""One widget's connection, from hello to its end. See docs/protocol.md.

One coroutine reads and answers; it takes the next frame when the last one is done with, so a
flood waits in the sender's own buffers.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from bot import texts
from bot.channel import Receipt
from bot.errors import CustomerError, TooFast, Unavailable
from bot.messages import Attachment, AttachmentId, Entry, Message, MessageId, TurnId
from connectors.webchat import protocol as wire
from connectors.webchat.admission import Admitted
from connectors.webchat.line import Line
from connectors.webchat.render import attachments_of

if TYPE_CHECKING:
    from connectors.webchat.connector import WebchatConnector

log = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

MOST_BAD_FRAMES = 10
RETRY_UNAVAILABLE_S = 2
_CLOSE_BAD, _CLOSE_IDENTITY, _CLOSE_VERSION, _CLOSE_LATER = 4400, 4401, 4406, 1013
_FRAMES_PER_S = 200.0
_FRAMES_AT_ONCE_S = 1.0
"""How far ahead of `_FRAMES_PER_S` a client may be before its frames are read more slowly."""


class SocketSession:
    """What the desk knows of one open connection."""

    __slots__ = (
        "_admitted",
        "_bad_frames",
        "_calling",
        "_client",
        "_connector",
        "_due",
        "_locale",
        "_receive",
        "line",
    )

    _admitted: Admitted

    def __init__(
        self,
        connector: "WebchatConnector",
        line: Line,
        receive: Receive,
        *,
        client: str,
        locale: str,
    ) -> None:
        """`client`: network address. `locale`: the browser's, until the widget names its own."""
        self._connector = connector
        self.line = line
        self._receive = receive
        self._client = client
        self._locale = locale
        self._bad_frames = 0
        self._calling: asyncio.Task[None] | None = None
        self._due = 0.0

    async def run(self) -> None:
        """Serve the connection until it ends."""
        hello = await self._hello()
        if hello is None:
            return
        try:
            self._admitted = await self._connector.admission.admit(hello, self._client)
            with self._connector.live(self._admitted.conversation.id, self):
                await self._welcome()
                await self._serve()
        except CustomerError as error:
            code = _CLOSE_LATER if isinstance(error, TooFast) else _CLOSE_IDENTITY
            await self.line.close(code, self._problem(error))
        except Unavailable as error:
            await self.line.close(_CLOSE_LATER, self._problem(error))
        finally:
            self._stop_calling()

    async def _hello(self) -> wire.Hello | None:
        try:
            async with asyncio.timeout(self._connector.settings.hello_s):
                data = await self._next()
            if data is None:
                return None
            hello = wire.decode_first(data)
        except TimeoutError:
            error = wire.FrameError("no hello came in time", code="hello_first")
            await self.line.close(_CLOSE_BAD, self._frame_problem(error))
            return None
        except wire.FrameError as error:
            code = _CLOSE_VERSION if error.code == "protocol_version" else _CLOSE_BAD
            await self.line.close(code, self._frame_problem(error))
            return None
        self._locale = hello.locale or self._locale
        return hello

    async def _welcome(self) -> None:
        connector, admitted = self._connector, self._admitted
        conversation = admitted.conversation
        entries = await connector.desk.entries(
            conversation.id, admitted.after, limit=wire.MOST_ENTRIES
        )
        business = connector.settings.business
        limits = connector.settings.limits
        welcome = wire.Welcome(
            token=connector.session_token(admitted),
            conversation=conversation.id,
            identified=admitted.identified,
            last_seq=max(conversation.last_seq, entries[-1].seq if entries else 0),
            entries=tuple(connector.renderer.entry(entry) for entry in entries),
            business=wire.WireBusiness(
                business.name, business.greeting(self._locale), business.suggested(self._locale)
            ),
            limits=wire.WireLimits(limits.text_chars, limits.upload_bytes, limits.attachments),
            developer=connector.settings.developer,
            protocol=wire.VERSION,
            calls=connector.call_terms,
        )
        expired = [self._problem(CustomerError("session_expired"))] if admitted.expired else []
        await self.line.open(*expired, wire.encode(welcome))

    async def _serve(self) -> None:
        while (data := await self._next()) is not None and not self.line.cut:
            try:
                frame = wire.decode(data)
            except wire.FrameError as error:
                self._bad_frames += 1
                if self._bad_frames >= MOST_BAD_FRAMES:
                    await self.line.close(_CLOSE_BAD, self._frame_problem(error))
                    return
                await self.line.tell(self._frame_problem(error))
                continue
            try:
                await self._take(frame)
            except (CustomerError, Unavailable) as error:
                about = (
                    frame.id if isinstance(frame, wire.Say | wire.Upload | wire.StartCall) else ""
                )
                await self.line.tell(self._problem(error, about))

    async def _take(self, frame: wire.Inbound) -> None:
        match frame:
            case wire.Say():
                await self._say(frame)
            case wire.Writing():
                self._connector.desk.customer_types(self._admitted.conversation.id)
            case wire.Ping():
                await self.line.tell(wire.encode(wire.Pong()))
            case wire.Upload():
                await self._upload(frame)
            case wire.Renew():
                await self._renew(frame)
            case wire.AskTrace():
                await self._trace(frame)
            case wire.StartCall():
                await self._connector.limit_calls(self._client)
                self._stop_calling()
                # It may take seconds, in which the chat goes on.
                self._calling = asyncio.create_task(self._call(frame))
            case wire.HangUp():
                await self._connector.hang_up(self._admitted.conversation.id, frame.call)
            case wire.Hello():
                raise CustomerError("bad_frame")

    async def _say(self, frame: wire.Say) -> None:
        conversation = self._admitted.conversation
        message = Message(
            id=MessageId(frame.id),
            channel=conversation.channel,
            conversation=conversation.id,
            customer=conversation.customer,
            text=frame.text,
            attachments=await self._find(frame.attachments) if frame.attachments else (),
            customer_name=self._admitted.name,
            locale=self._locale,
            answer_as=frame.answer_as,
            sent_at=time.time(),
        )
        receipt: Receipt = await self._connector.desk.accept(
            message, verified=self._admitted.verified
        )
        await self.line.tell(wire.encode(wire.Ack(frame.id, receipt.seq, receipt.duplicate)))
        if not receipt.duplicate:
            self._connector.show_entry(Entry(receipt.seq, message), besides=self)

    async def _call(self, frame: wire.StartCall) -> None:
        try:
            taken = await self._connector.call(self._admitted, frame.sdp, locale=self._locale)
        except (CustomerError, Unavailable) as error:
            await self.line.tell(self._problem(error, frame.id))
            return
        told = wire.CallTaken(frame.id, taken.call, sdp=taken.sdp, url=taken.url)
        await self.line.tell(wire.encode(told))

    def _stop_calling(self) -> None:
        if self._calling is not None:
            self._calling.cancel()

    async def _find(self, ids: tuple[str, ...]) -> tuple[Attachment, ...]:
        most = self._connector.settings.limits.attachments
        if len(ids) > most:
            raise CustomerError("too_many_attachments", limit=most)
        customer = self._admitted.conversation.customer
        found = []
        for name in dict.fromkeys(ids):
            attachment = await self._connector.desk.find_media(AttachmentId(name), customer)
            if attachment is None:
                raise CustomerError("attachment_unknown")
            found.append(attachment)
        return tuple(found)

    async def _upload(self, frame: wire.Upload) -> None:
        url = await self._connector.uploads.reserve(
            frame, self._admitted.conversation, client=self._client, locale=self._locale
        )
        expires_in_s = int(self._connector.settings.upload_url_s)
        await self.line.tell(wire.encode(wire.UploadReady(frame.id, url, expires_in_s)))

    async def _renew(self, frame: wire.Renew) -> None:
        """New addresses for what is in this conversation, or was uploaded for it just now."""
        connector, conversation = self._connector, self._admitted.conversation
        await connector.limit_lookups(self._client)
        wanted = set(frame.attachments)
        log_of_it = await connector.desk.entries(conversation.id, 0, limit=wire.MOST_ENTRIES)
        found = {a.id: a for entry in log_of_it for a in attachments_of(entry) if a.id in wanted}
        for name in wanted - found.keys():
            own = await connector.desk.find_media(AttachmentId(name), conversation.customer)
            if own is not None:
                found[own.id] = own
        urls = {
            str(name): connector.renderer.media_url(attachment, conversation.customer)
            for name, attachment in found.items()
        }
        await self.line.tell(wire.encode(wire.Renewed(urls)))

    async def _trace(self, frame: wire.AskTrace) -> None:
        connector = self._connector
        if not connector.settings.developer:
            raise CustomerError("bad_frame")
        await connector.limit_lookups(self._client)
        trace = await connector.desk.trace(self._admitted.conversation.id, TurnId(frame.turn))
        await self.line.tell(wire.encode(wire.Trace(frame.turn, trace)))

    async def _next(self) -> str | bytes | None:
        """The next frame's text; None when the connection has ended."""
        now = time.monotonic()
        self._due = max(now, self._due) + 1 / _FRAMES_PER_S
        if self._due - now > _FRAMES_AT_ONCE_S:
            await asyncio.sleep(self._due - now - _FRAMES_AT_ONCE_S)
        event = await self._receive()
        if event["type"] != "websocket.receive":
            self.line.cut = True
            return None
        text: str | None = event.get("text")
        data: bytes = event.get("bytes") or b""
        return data if text is None else text

    def _problem(self, error: CustomerError | Unavailable, about: str = "") -> str:
        """The frame that tells the customer, in their language."""
        code = error.code if isinstance(error, CustomerError) else "unavailable"
        params = error.params if isinstance(error, CustomerError) else {}
        log.info("webchat.refused", extra={"code": code, "client": self._client})
        retry_after_s = None
        if isinstance(error, TooFast):
            retry_after_s = math.ceil(error.retry_after_s)
        elif isinstance(error, Unavailable):
            retry_after_s = RETRY_UNAVAILABLE_S
        text = texts.say(code, self._locale, **params)
        return wire.encode(wire.Problem(code, text, id=about, retry_after_s=retry_after_s))

    def _frame_problem(self, error: wire.FrameError) -> str:
        log.info("webchat.bad_frame", extra={"code": error.code, "reason": error.detail})
        text = texts.say(error.code, self._locale)
        return wire.encode(wire.Problem(error.code, text, detail=error.detail))
