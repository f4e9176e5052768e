"""Who comes in with a hello, and into which conversation."""

import logging

import msgspec

from bot.channel import Desk
from bot.errors import CustomerError
from bot.messages import ChannelName, Conversation, ConversationId, CustomerId, new_id
from connectors.limiter import Limiter, Rate
from connectors.webchat.identity import Identified, Identity, IdentityInvalid
from connectors.webchat.protocol import Hello
from connectors.webchat.tokens import Session, Signer, TokenInvalid

log = logging.getLogger(__name__)


class Admitted(msgspec.Struct, frozen=True):
    conversation: Conversation
    identified: bool
    after: int
    """The widget holds the log up to this entry."""
    expired: bool
    """It had asked for a conversation that could not be resumed."""
    verified: tuple[str, ...] = ()
    """Addresses that the site vouches for to be the customer's."""
    name: str = ""
    """What the site says that the customer is called."""


class Admission:
    def __init__(
        self,
        *,
        channel: ChannelName,
        desk: Desk,
        signer: Signer,
        identity: Identity,
        limiter: Limiter,
        new_sessions: Rate,
        lookups: Rate,
    ) -> None:
        self._channel = channel
        self._desk = desk
        self._signer = signer
        self._identity = identity
        self._limiter = limiter
        self._new_sessions = new_sessions
        self._lookups = lookups

    async def admit(self, hello: Hello, client: str) -> Admitted:
        """Open the conversation that this widget may have.

        `client`: its network address, for the limit on new sessions. Raises `CustomerError`
        (`identity_required`, `identity_invalid`), `TooFast`, `Unavailable`.
        """
        identified = self._identified(hello)
        known = identified.customer if identified else None
        verified = identified.verified if identified else ()
        name = identified.name if identified else ""
        session = self._session(hello)
        expired = hello.token is not None and session is None
        if session is not None and known is None and session.identified:
            raise CustomerError("identity_required")
        if session is not None or known is not None:
            await self._limiter.allow("lookup", client, self._lookups)
        if session is not None and (known is None or known == session.customer):
            resumed = await self._resume(session)
            if resumed is not None:
                holds_it = hello.last_seq <= resumed.last_seq
                after = hello.last_seq if holds_it else 0
                return Admitted(resumed, known is not None, after, False, verified, name)
            expired = True
        if known is not None:
            opened = await self._open_known(known, client)
        else:
            visitor = CustomerId(session.customer if session else new_id("cus"))
            opened = await self._open_new(visitor, client)
        return Admitted(opened, known is not None, 0, expired, verified, name)

    def _identified(self, hello: Hello) -> Identified | None:
        if hello.identity is None:
            return None
        try:
            return self._identity.check(hello.identity)
        except IdentityInvalid as error:
            log.warning("webchat.identity_invalid", extra={"reason": str(error)})
            raise CustomerError("identity_invalid") from error

    def _session(self, hello: Hello) -> Session | None:
        if hello.token is None:
            return None
        try:
            return self._signer.read(Session, hello.token)
        except TokenInvalid as error:
            log.info("webchat.session_refused", extra={"reason": str(error)})
            return None

    async def _resume(self, session: Session) -> Conversation | None:
        """The session's conversation; None once the desk has forgotten it."""
        try:
            return await self._desk.open_conversation(
                self._channel, CustomerId(session.customer), ConversationId(session.conversation)
            )
        except CustomerError as error:
            log.info("webchat.conversation_gone", extra={"code": error.code})
            return None

    async def _open_known(self, customer: CustomerId, client: str) -> Conversation:
        """A logged-in customer goes on where they were on another device."""
        for conversation in await self._desk.conversations(customer):
            if conversation.channel == self._channel:
                return conversation
        return await self._open_new(customer, client)

    async def _open_new(self, customer: CustomerId, client: str) -> Conversation:
        await self._limiter.allow("session", client, self._new_sessions)
        return await self._desk.open_conversation(self._channel, customer)
