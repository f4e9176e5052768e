"""Where a mail server is, and how the way there is kept from others' eyes."""

import ssl
from enum import Enum
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

_PORTS = {"imaps": 993, "imap": 143, "smtps": 465, "smtp": 587}


class Safety(Enum):
    TLS = "tls"
    """From the first byte on."""
    STARTTLS = "starttls"
    """Once connected, before anything else."""
    NONE = "none"
    """To a server on this machine alone."""


class Server(NamedTuple):
    host: str
    port: int
    safety: Safety


def read_server(address: str) -> Server:
    """`imaps://mail.shop.example`, `smtp://mail.shop.example:2525`."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme.endswith("s"):
        safety = Safety.TLS
    else:
        safety = Safety.NONE if _is_here(host) else Safety.STARTTLS
    return Server(host, parts.port or _PORTS[parts.scheme], safety)


def tls_context() -> ssl.SSLContext:
    """Certificates are checked, names too."""
    return ssl.create_default_context()


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
