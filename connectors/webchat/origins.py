"""Which pages may talk to the desk, by the `Origin` that their browser names."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from bot.errors import OperatorError

_DEFAULT_PORTS = {"http": 80, "https": 443}
_ORIGIN = re.compile(r"(https?)://(\*\.)?[A-Za-z0-9.\-\[\]:]+")


class Origins:
    """The list of allowed origins. The desk's own pages always are."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        """`allowed`: origins (`https://shop.example`), all subdomains of one
        (`https://*.shop.example`), or `*` for any page on the web.

        Raises `OperatorError` for anything else.
        """
        self._any = False
        self._exact: set[tuple[str, str, int]] = set()
        self._under: list[tuple[str, str, int]] = []
        for origin in allowed:
            if origin == "*":
                self._any = True
            elif not _ORIGIN.fullmatch(origin):
                raise OperatorError(
                    f"{origin!r} is not an origin",
                    remedy="write it as https://shop.example, https://*.shop.example or *",
                )
            elif "//*." in origin:
                self._under.append(_parts(origin.replace("//*.", "//", 1)))
            else:
                self._exact.add(_parts(origin))

    def allow(self, headers: Mapping[str, str]) -> bool:
        """Whether a request with these headers (lower-case names) may be served.

        Without an `Origin` it does not come from a foreign page: browsers always name theirs when
        they open a WebSocket or send to another site.
        """
        origin = headers.get("origin")
        if origin is None or self._any:
            return True
        try:
            scheme, host, port = _parts(origin)
        except ValueError:
            return False
        if (scheme, host, port) in self._exact or self._is_own(scheme, host, port, headers):
            return True
        return any(
            (scheme, port) == (allowed_scheme, allowed_port) and host.endswith(f".{domain}")
            for allowed_scheme, domain, allowed_port in self._under
        )

    @staticmethod
    def _is_own(scheme: str, host: str, port: int, headers: Mapping[str, str]) -> bool:
        """The page came from the same host. Its scheme is not compared: a proxy that ends TLS
        hides it."""
        try:
            return (host, port) == _parts(f"{scheme}://{headers.get('host', '')}")[1:]
        except ValueError:
            return False


def _parts(origin: str) -> tuple[str, str, int]:
    """Scheme, host and port. Raises `ValueError` for what is not an http(s) origin."""
    split = urlsplit(origin)
    if split.scheme not in _DEFAULT_PORTS or not split.hostname or split.path or split.query:
        raise ValueError(f"not an origin: {origin}")
    return split.scheme, split.hostname.lower(), split.port or _DEFAULT_PORTS[split.scheme]
