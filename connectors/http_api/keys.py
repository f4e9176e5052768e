"""The keys that let other programs use the HTTP API."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping

from bot.errors import OperatorError

_DIGEST = re.compile(r"[0-9a-f]{64}")


class ApiKeys:
    """Knows the keys' SHA-256 digests; the keys themselves are nowhere. They are random and long
    (`new_key`), so a plain digest cannot be turned back."""

    def __init__(self, digests: Mapping[str, str]) -> None:
        """`digests`: an integrator's name → the digest of its key, hexadecimal. Without any,
        nobody is let in. Raises `OperatorError`."""
        for name, digest in digests.items():
            if not _DIGEST.fullmatch(digest):
                raise OperatorError(
                    f"The API key of {name!r} is not a SHA-256 digest",
                    remedy="printf %s KEY | sha256sum",
                )
        self._digests = {name: digest.encode() for name, digest in digests.items()}

    def who(self, authorization: str) -> str | None:
        """Whose key an Authorization header carries; None if nobody's."""
        scheme, _, key = authorization.partition(" ")
        given = digest_of(key.strip()).encode()
        found = None
        for name, digest in self._digests.items():
            # All are compared, each in constant time: how long it takes tells nothing.
            if hmac.compare_digest(digest, given):
                found = name
        return found if scheme.lower() == "bearer" else None


def new_key() -> str:
    return f"fd_{secrets.token_urlsafe(32)}"


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
