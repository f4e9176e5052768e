"""Fetches customers' files from providers: from their hosts alone, never from inside the network.

A webhook names an address, and what it names would be fetched by a machine that stands inside the
operator's network (server-side request forgery, OWASP A10). So: https, hosts that the channel
lists, addresses that are public after the name was resolved, redirects checked like the first
address, no credentials taken along to another host.
"""

import logging
import socket
from collections.abc import AsyncIterator, Collection, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from bot.errors import CustomerError, Unavailable

log = logging.getLogger(__name__)

CONNECT_S = 5.0
SILENT_S = 15.0
"""How long a provider may send nothing."""
WHOLE_S = 120.0
_MOST_REDIRECTS = 3
_PIECE_BYTES = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({401, 403, 404, 410})
_ASSIGNED = IPv6Network("2000::/3")
"""What IANA gives to the world."""
_STAND_FOR_OTHERS = (
    *(IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24")),
    *(IPv6Network("2001::/23"), IPv6Network("2002::/16")),
)
"""Of protocols, relays and tunnels: where they lead is not told by themselves."""
_AS_IT_IS = {"accept-encoding": "identity"}


class Downloader:
    """Use as an asynchronous context manager."""

    def __init__(
        self,
        *,
        trusted: Collection[str] = (),
        limit_bytes: int,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """`trusted`: addresses that the operator has configured (`http://127.0.0.1:8081`): what
        has the same scheme, host and port may lie inside the network. `limit_bytes`: the largest
        file. `resolver`: of names, the system's by default."""
        self._resolver = resolver or ThreadedResolver()
        self._limit_bytes = limit_bytes
        self._trusted = frozenset(URL(address).origin() for address in trusted if address)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Downloader":
        places = frozenset((origin.host or "", origin.port or 0) for origin in self._trusted)
        resolver = _PublicResolver(places, self._resolver)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=resolver, limit=50),
            timeout=aiohttp.ClientTimeout(total=WHOLE_S, connect=CONNECT_S, sock_read=SILENT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()

    async def pieces(
        self,
        address: str,
        *,
        hosts: Collection[str],
        headers: Mapping[str, str] | None = None,
        limit_bytes: int = 0,
    ) -> AsyncIterator[bytes]:
        """The bytes at an address. `hosts`: names that it may have; `.example.com` stands for all
        below it. `headers` go to the first address's host alone. `limit_bytes`: where it is less
        than the desk's own.

        Raises `CustomerError` (`upload_too_large`, `media_gone`) and `Unavailable`.
        """
        limit = min(limit_bytes or self._limit_bytes, self._limit_bytes)
        async with await self._open(address, hosts, headers or {}) as response:
            if response.status == 202:
                raise Unavailable("the provider is still preparing the file")
            if response.status in _GONE:
                raise CustomerError("media_gone")
            if response.status != 200:
                raise Unavailable(f"the provider answers HTTP {response.status} for the file")
            if response.headers.get("content-encoding", "identity") != "identity":
                raise Unavailable("the provider sends the file compressed, unasked")
            if (response.content_length or 0) > limit:
                raise CustomerError("upload_too_large", limit_mb=limit / 1024**2)
            seen_bytes = 0
            try:
                async for piece in response.content.iter_chunked(_PIECE_BYTES):
                    seen_bytes += len(piece)
                    if seen_bytes > limit:
                        raise CustomerError("upload_too_large", limit_mb=limit / 1024**2)
                    yield piece
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                raise Unavailable(f"the file stopped coming: {type(error).__name__}") from None

    async def _open(
        self, address: str, hosts: Collection[str], headers: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        assert self._session, "the session is not open"
        url = self._allowed(address, hosts)
        first = url.origin()
        for _ in range(_MOST_REDIRECTS + 1):
            try:
                response = await self._session.get(
                    url,
                    allow_redirects=False,
                    headers={**_AS_IT_IS, **(headers if url.origin() == first else {})},
                )
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                if isinstance(getattr(error, "os_error", None), _NotPublic):
                    log.warning("download.not_public", extra={"host": url.host})
                    raise CustomerError("media_gone") from None
                raise Unavailable(f"the file cannot be had: {type(error).__name__}") from None
            if response.status not in _REDIRECTS:
                return response
            response.close()
            target = response.headers.get("location", "")
            try:
                url = self._allowed(str(url.join(URL(target))), hosts)
            except ValueError:
                raise CustomerError("media_gone") from None
        raise CustomerError("media_gone")

    def _allowed(self, address: str, hosts: Collection[str]) -> URL:
        """The address, if it may be fetched. Raises `CustomerError("media_gone")`."""
        try:
            url = URL(address)
            origin, host = url.origin(), url.host or ""
        except ValueError:
            # Its words may hold the address, and the address a token.
            raise CustomerError("media_gone") from None
        if origin in self._trusted:
            return url
        named = any(host == name or (name[:1] == "." and host.endswith(name)) for name in hosts)
        plain = url.scheme == "https" and url.port == 443 and "@" not in url.raw_authority
        if not (named and plain) or _is_number(host):
            raise CustomerError("media_gone")
        return url


class _NotPublic(OSError):
    """The name leads into the network that the desk stands in."""


class _PublicResolver(AbstractResolver):
    """Resolves names to public addresses; the connection is made to the very address that was
    looked at, so that a second answer of the name server changes nothing."""

    def __init__(self, trusted: frozenset[tuple[str, int]], resolver: AbstractResolver) -> None:
        """`trusted`: hosts and ports that may lie anywhere."""
        self._trusted = trusted
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if (host, port) in self._trusted:
            return found
        public = [each for each in found if is_public(each["host"])]
        if not public:
            raise _NotPublic(f"{host} has no public address")
        return public

    async def close(self) -> None:
        await self._resolver.close()


def is_public(address: str) -> bool:
    """Whether an IP address leads out of the operator's network, and to one machine.

    Only what IANA has given to the world counts. Addresses that stand for others are refused
    whatever they stand for: IPv4 in IPv6 (mapped, NAT64, 6to4) may stand for an inner one.
    """
    number = ip_address(address.partition("%")[0])
    if not number.is_global or number.is_multicast or any(number in n for n in _STAND_FOR_OTHERS):
        return False
    return isinstance(number, IPv4Address) or number in _ASSIGNED


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
