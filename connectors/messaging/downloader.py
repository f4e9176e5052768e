"""Fetches customers' files from providers: from their hosts alone, never from inside the network.

A webhook names an address, and what it names would be fetched by a machine that stands inside the
operator's network (server-side request forgery, OWASP A10). So: https, hosts that the channel
lists, addresses that are public after the name was resolved, redirects checked like the first
address, no credentials taken along to another host.
"""

import socket
from collections.abc import AsyncIterator, Collection, Mapping
from ipaddress import ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from bot.errors import CustomerError, Unavailable

CONNECT_S = 5.0
SILENT_S = 15.0
"""How long a provider may send nothing."""
WHOLE_S = 120.0
_MOST_REDIRECTS = 3
_PIECE_BYTES = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({401, 403, 404, 410})


class Downloader:
    """Use as an asynchronous context manager."""

    def __init__(self, *, trusted: Collection[str] = (), limit_bytes: int) -> None:
        """`trusted`: addresses that the operator has configured (`http://127.0.0.1:8081`): what
        has the same scheme, host and port may lie inside the network. `limit_bytes`: the largest
        file."""
        self._limit_bytes = limit_bytes
        self._trusted = frozenset(URL(address).origin() for address in trusted if address)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Downloader":
        hosts = frozenset(origin.host or "" for origin in self._trusted)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=_PublicResolver(hosts), limit=50),
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
                    headers=dict(headers) if url.origin() == first else {},
                )
            except _NotPublic:
                raise CustomerError("media_gone") from None
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                raise Unavailable(f"the file cannot be had: {type(error).__name__}") from None
            if response.status not in _REDIRECTS:
                return response
            response.close()
            target = response.headers.get("location", "")
            try:
                url = self._allowed(str(url.join(URL(target))), hosts)
            except ValueError as error:
                raise CustomerError("media_gone") from error
        raise CustomerError("media_gone")

    def _allowed(self, address: str, hosts: Collection[str]) -> URL:
        """The address, if it may be fetched. Raises `CustomerError("media_gone")`."""
        try:
            url = URL(address)
            origin, host = url.origin(), url.host or ""
        except ValueError as error:
            raise CustomerError("media_gone") from error
        if origin in self._trusted:
            return url
        named = any(host == name or (name[:1] == "." and host.endswith(name)) for name in hosts)
        if not named or url.scheme != "https" or url.port != 443 or url.user or _is_number(host):
            raise CustomerError("media_gone")
        return url


class _NotPublic(OSError):
    """The name leads into the network that the desk stands in."""


class _PublicResolver(AbstractResolver):
    """Resolves names to public addresses; the connection is made to the very address that was
    looked at, so that a second answer of the name server changes nothing."""

    def __init__(self, trusted: frozenset[str]) -> None:
        self._trusted = trusted
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if host in self._trusted:
            return found
        public = [each for each in found if ip_address(each["host"].partition("%")[0]).is_global]
        if not public:
            raise _NotPublic(f"{host} has no public address")
        return public

    async def close(self) -> None:
        await self._resolver.close()


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
