"""Runs the web application with uvicorn, set for many long connections."""

import contextlib
import logging
import resource
import socket
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address
from typing import Any

import uvicorn

from bot.errors import OperatorError
from connectors.server_protocols import HttpProtocol, WebSocketProtocol
from connectors.webchat.protocol import LARGEST_FRAME_BYTES

log = logging.getLogger(__name__)

PING_EVERY_S = 25.0
"""Below the minute after which proxies drop silent connections; nginx's default is 60 s."""
GRACE_S = 10
"""How long requests in progress may take to finish when the desk stops."""
BACKLOG = 2048


class Server:
    """`await serve()` until `stop()`."""

    def __init__(
        self,
        app: Any,
        *,
        host: str,
        port: int,
        trusted_proxies: Sequence[str] = (),
        on_ready: Callable[[str], None] = lambda url: None,
    ) -> None:
        """`port` 0: any free one. `trusted_proxies`: addresses or networks whose
        `X-Forwarded-For` and `X-Forwarded-Proto` are believed; from others they are ignored.
        `on_ready` is called with the URL once connections are taken."""
        self._host, self._port = host, port
        config = uvicorn.Config(
            app,
            http=HttpProtocol,
            ws=WebSocketProtocol,
            ws_max_size=LARGEST_FRAME_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=PING_EVERY_S,
            ws_ping_timeout=PING_EVERY_S,
            proxy_headers=bool(trusted_proxies),
            forwarded_allow_ips=list(trusted_proxies),
            server_header=False,
            access_log=False,
            log_config=None,
            lifespan="off",
            backlog=BACKLOG,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=GRACE_S,
        )
        self._server = _Uvicorn(config, self._started)
        self._on_ready = on_ready

    async def serve(self) -> None:
        """Raises `OperatorError` if the address cannot be used."""
        _allow_many_connections()
        try:
            listening = _listen(self._host, self._port)
        except OSError as error:
            raise OperatorError(
                f"The desk cannot listen on {self._host}:{self._port}: {error.strerror or error}",
                remedy="stop what uses that port, or choose another with `frontdesk serve --port`",
            ) from error
        address, self._port = listening[0].getsockname()[:2]
        if ip_address(address.partition("%")[0]).is_unspecified:
            self._host = "localhost"
        await self._server.serve(sockets=listening)

    def stop(self) -> None:
        """Take nothing new, let what is in progress end, and return from `serve`."""
        self._server.should_exit = True

    def _started(self) -> None:
        host = f"[{self._host}]" if ":" in self._host else self._host
        self._on_ready(f"http://{host}:{self._port}")


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._when_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._when_started()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The desk handles signals itself: the server is one of its parts."""
        yield


def _listen(host: str, port: int) -> list[socket.socket]:
    """A socket for each address of the host, all on one port."""
    listening: list[socket.socket] = []
    try:
        for family, _, _, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            port = port or (listening[0].getsockname()[1] if listening else 0)
            with contextlib.suppress(*_ignored(listening)):
                listening.append(
                    socket.create_server((str(address[0]), port), family=family, backlog=BACKLOG)
                )
    except OSError:
        for taken in listening:
            taken.close()
        raise
    return listening


def _ignored(listening: list[socket.socket]) -> tuple[type[Exception], ...]:
    """A host without IPv6 still has its IPv4 address: only the first must work."""
    return (OSError,) if listening else ()


def _allow_many_connections() -> None:
    """Every connection is an open file, and the usual limit on those is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # macOS caps it lower than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
