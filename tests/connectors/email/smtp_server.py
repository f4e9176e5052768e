"""A real SMTP server (aiosmtpd) on the loopback interface: it keeps what it is sent, and refuses
what it is told to."""

import asyncio
import email.policy
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

from tests.connectors.email.imap_server import PASSWORD, USER


class SmtpServer:
    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.failures: list[tuple[str, str]] = []
        """`(RCPT or DATA, answer)`, each given once, in order."""
        self._tls = tls
        self._changed = asyncio.Condition()

    async def wait(self, count: int = 1) -> list[EmailMessage]:
        """The mails, once there are as many."""
        async with asyncio.timeout(30), self._changed:
            await self._changed.wait_for(lambda: len(self.mails) >= count)
        return self.mails

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["SmtpServer"]:
        loop = asyncio.get_running_loop()

        def protocol() -> SMTP:
            # It warns that passwords go in the clear, as they do on this interface.
            warnings.filterwarnings("ignore", message="Requiring AUTH while not requiring TLS")
            return SMTP(
                self,
                hostname="mx.shop.example",
                authenticator=self._known,
                auth_required=True,
                auth_require_tls=False,
                enable_SMTPUTF8=True,
                loop=loop,
            )

        server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()

    def _known(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    def _failure(self, command: str) -> str:
        if self.failures and self.failures[0][0] == command:
            return self.failures.pop(0)[1]
        return ""

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if failure := self._failure("RCPT"):
            return failure
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if failure := self._failure("DATA"):
            return failure
        mail = message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        async with self._changed:
            self.mails.append(mail)
            self.recipients.append(list(envelope.rcpt_tos))
            self._changed.notify_all()
        return "250 OK"
