"""The chat widget as a channel: its routes, and which connections a reply goes to."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bot.calls.transport import Caption, EndReason
from bot.channel import Delta, Desk, Progress
from bot.errors import CustomerError, TooFast
from bot.messages import ChannelName, ConversationId, Entry, Reply
from connectors.calls.browser import BrowserCalls, Taken
from connectors.limiter import Limiter
from connectors.requests import client_of, headers_of, preferred_locale
from connectors.webchat import protocol as wire
from connectors.webchat.admission import Admission, Admitted
from connectors.webchat.identity import Identity
from connectors.webchat.line import Line
from connectors.webchat.media import MediaPages
from connectors.webchat.origins import Origins
from connectors.webchat.render import Renderer
from connectors.webchat.settings import WebchatSettings
from connectors.webchat.socket import SocketSession
from connectors.webchat.tokens import Session, Signer
from connectors.webchat.uploads import Uploads

log = logging.getLogger(__name__)

CHANNEL = ChannelName("webchat")
MOST_WINDOWS = 20
"""Connections to one conversation; each gets every reply."""
RETRY_WINDOWS_S = 30.0
ABORT = "frontdesk.abort"
"""ASGI extension of connectors/web.py: a callable that ends the connection at once."""


class WebchatConnector:
    """`bot.channel.Connector` for the widget. `routes` and `socket` are its way in."""

    channel = CHANNEL

    def __init__(
        self,
        *,
        desk: Desk,
        signer: Signer,
        identity: Identity,
        origins: Origins,
        limiter: Limiter,
        settings: WebchatSettings,
        calls: BrowserCalls | None = None,
    ) -> None:
        """`calls`: takes calls from the widget; None where there are none."""
        self._calls = calls
        self._talking: dict[ConversationId, int] = {}
        """Chats that have a call beside them, and how far their open widgets know the log."""
        self.desk = desk
        self.settings = settings
        self.origins = origins
        self.renderer = Renderer(signer, media_url_s=settings.media_url_s)
        self.admission = Admission(
            channel=CHANNEL,
            desk=desk,
            signer=signer,
            identity=identity,
            limiter=limiter,
            new_sessions=settings.limits.sessions,
            lookups=settings.limits.lookups,
        )
        self.uploads = Uploads(
            desk=desk, signer=signer, limiter=limiter, renderer=self.renderer, settings=settings
        )
        self._media = MediaPages(
            desk=desk, signer=signer, limiter=limiter, rate=settings.limits.lookups
        )
        self._signer = signer
        self._limiter = limiter
        self._live: dict[ConversationId, tuple[SocketSession, ...]] = {}

    @property
    def routes(self) -> list[Route]:
        """Uploads and media; `socket` is beside them."""
        return [
            Route("/webchat/uploads/{token}", self.uploads.put, methods=["PUT"]),
            Route("/webchat/media/{token}", self._media.get, methods=["GET"]),
        ]

    @property
    def connections(self) -> int:
        """Widgets that have been welcomed and are still there."""
        return sum(map(len, self._live.values()))

    async def socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application behind /webchat/socket."""
        await receive()  # websocket.connect
        headers = headers_of(scope)
        client = client_of(scope)
        if not self.origins.allow(headers):
            log.warning(
                "webchat.origin_refused",
                extra={"origin": headers["origin"][:200], "client": client},
            )
            await send({"type": "websocket.close", "code": 4403})  # before accept: HTTP 403
            return
        await send({"type": "websocket.accept"})
        session = SocketSession(
            self,
            Line(send, scope.get("extensions", {}).get(ABORT, _no_abort)),
            receive,
            client=client,
            locale=preferred_locale(headers.get("accept-language", "")),
        )
        await session.run()

    async def deliver(self, reply: Reply, seq: int) -> None:
        """Show the reply in every open widget of its conversation. None may be open: widgets
        fetch from the log what they have missed."""
        if reply.conversation in self._talking:
            return await self._show_spoken(reply.conversation, seq)
        self.show_entry(Entry(seq, reply))

    def show(self, progress: Progress) -> None:
        sessions = self._live.get(progress.conversation)
        if not sessions:
            return
        if isinstance(progress, Delta):
            frame = wire.encode(wire.ShowDelta(progress.reply, progress.at, progress.text))
        else:
            frame = wire.encode(wire.ShowTyping(progress.on))
        for session in sessions:
            session.line.push(frame)

    def show_entry(self, entry: Entry, besides: SocketSession | None = None) -> None:
        """Show a new entry of the log in the open widgets of its conversation, but for one."""
        sessions = self._live.get(entry.item.conversation, ())
        if not sessions or sessions == (besides,):
            return
        frame = wire.encode(wire.NewEntry(self.renderer.entry(entry)))
        for session in sessions:
            if session is not besides:
                session.line.push(frame)

    @property
    def call_terms(self) -> wire.WireCalls | None:
        """How the desk can be called; None where it cannot."""
        if self._calls is None:
            return None
        return wire.WireCalls(
            tuple(
                wire.WireIceServer(each.urls, each.username, each.credential.get_secret_value())
                for each in self._calls.ice_servers
            )
        )

    async def call(self, admitted: Admitted, offer: str, *, client: str, locale: str) -> Taken:
        """A widget calls; `offer`: SDP, empty where it has no WebRTC. Raises `CustomerError`
        (`call_busy`, `call_not_understood`, `bad_frame`), `TooFast` and `Unavailable`."""
        if self._calls is None:
            raise CustomerError("bad_frame")
        await self._limiter.allow("call", client, self.settings.limits.calls)
        conversation = admitted.conversation.id
        held = await self.desk.entries(conversation, limit=1)
        self._talking[conversation] = held[-1].seq if held else 0
        try:
            return await self._calls.begin(
                admitted.conversation,
                offer=offer,
                locale=locale,
                verified=admitted.verified,
                show=partial(self._show_call, conversation),
            )
        except CustomerError:
            self._talking.pop(conversation, None)
            raise

    async def hang_up(self, conversation: ConversationId, call: str) -> None:
        if self._calls is not None:
            await self._calls.hang_up(conversation, call)

    def _show_call(
        self, conversation: ConversationId, call: str, what: Caption | EndReason
    ) -> None:
        if isinstance(what, EndReason):
            self._talking.pop(conversation, None)
            frame = wire.encode(wire.CallEnded(call, what))
        else:
            frame = wire.encode(wire.ShowCaption(call, what.by_caller, what.text, what.final))
        for session in self._live.get(conversation, ()):
            session.line.push(frame)

    async def _show_spoken(self, conversation: ConversationId, seq: int) -> None:
        """What was said in a call before a reply, which no widget has sent, and the reply."""
        known = self._talking[conversation]
        for entry in await self.desk.entries(conversation, known):
            if entry.seq <= seq:
                self.show_entry(entry)
        self._talking[conversation] = max(known, seq)

    @contextmanager
    def live(self, conversation: ConversationId, session: SocketSession) -> Iterator[None]:
        """While this lasts, the session gets what is new in the conversation.

        Raises `TooFast` if more windows show this conversation than a person has.
        """
        others = self._live.get(conversation, ())
        if len(others) >= MOST_WINDOWS:
            raise TooFast(RETRY_WINDOWS_S)
        self._live[conversation] = (*others, session)
        try:
            yield
        finally:
            others = tuple(s for s in self._live[conversation] if s is not session)
            if others:
                self._live[conversation] = others
            else:
                del self._live[conversation]

    def session_token(self, admitted: Admitted) -> str:
        conversation = admitted.conversation
        session = Session(conversation.customer, conversation.id, admitted.identified)
        return self._signer.sign(session, expires_in_s=self.settings.session_days * 86_400)

    async def limit_lookups(self, client: str) -> None:
        """Raises `TooFast`."""
        await self._limiter.allow("lookup", client, self.settings.limits.lookups)


def _no_abort(*_: Any) -> None:
    """Without the extension a connection that was cut off ends with its keep-alive."""
