"""What the desk signs for itself: sessions, upload places and media addresses.

A token is a JSON Web Token (RFC 7519, HS256). Each purpose signs with a key of its own, derived
from the desk's secret, so that no token can stand in for one of another purpose.
"""

import hmac
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import jwt
import msgspec

from bot.errors import OperatorError
from bot.messages import AttachmentKind

SECRET_BYTES = 32


class Session(msgspec.Struct, frozen=True, tag="session"):
    """Who a widget is, between its connections."""

    customer: str
    conversation: str
    identified: bool
    """The customer is logged in at the host site; the token is worth nothing without the site's
    signature."""


class UploadPlace(msgspec.Struct, frozen=True, tag="upload"):
    """Leave to send one file."""

    customer: str
    conversation: str
    name: str
    media_type: str
    size_bytes: int
    locale: str
    nonce: str
    """What makes the place usable once."""


class MediaAddress(msgspec.Struct, frozen=True, tag="media", omit_defaults=True):
    """Leave to read one attachment."""

    attachment: str
    customer: str
    kind: AttachmentKind
    media_type: str
    size_bytes: int
    name: str = ""


Claims = TypeVar("Claims", Session, UploadPlace, MediaAddress)


class TokenInvalid(Exception):
    """Not signed by this desk for this purpose, or damaged."""


class TokenExpired(TokenInvalid):
    """Signed by this desk, too long ago."""


class Signer:
    """Signs and reads the desk's tokens."""

    def __init__(self, secret: bytes, *, clock: Callable[[], float] = time.time) -> None:
        """`secret`: at least 32 bytes; see `load_secret`. `clock`: Unix time in seconds."""
        if len(secret) < SECRET_BYTES:
            raise OperatorError(
                f"The desk's secret has {len(secret)} bytes; it needs at least {SECRET_BYTES}",
                remedy="make one with `openssl rand -base64 48`",
            )
        self._clock = clock
        self._keys = {
            kind: hmac.digest(secret, f"frontdesk {kind.__name__} 1".encode(), "sha256")
            for kind in (Session, UploadPlace, MediaAddress)
        }

    def sign(self, claims: Session | UploadPlace | MediaAddress, *, expires_in_s: float) -> str:
        payload = msgspec.to_builtins(claims)
        payload["exp"] = int(self._clock() + expires_in_s)
        return jwt.encode(payload, self._keys[type(claims)], algorithm="HS256")

    def read(self, kind: type[Claims], token: str) -> Claims:
        """Raises `TokenExpired` and `TokenInvalid`."""
        try:
            payload = jwt.decode(
                token,
                self._keys[kind],
                algorithms=["HS256"],
                # The time is compared below, with the clock that was handed in.
                options={"require": ["exp"], "verify_exp": False},
            )
            claims = msgspec.convert(payload, kind)
        except (jwt.InvalidTokenError, msgspec.ValidationError) as error:
            raise TokenInvalid(str(error)) from error
        if payload["exp"] <= self._clock():
            raise TokenExpired("expired")
        return claims


def load_secret(folder: Path, *, environment: str = "FRONTDESK_SECRET") -> bytes:
    """The desk's secret: from the environment, or from a file in its data folder that is made at
    the first start and that only its owner may read.

    Raises `OperatorError` if the file may be read by others or cannot be used.
    """
    given = os.environ.get(environment)
    if given:
        return given.encode()
    file = folder / "secret"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not file.exists():
            _make(file)
        if file.stat().st_mode & 0o077:
            raise OperatorError(
                f"{file} signs the customers' sessions, and others may read it",
                remedy=f"chmod 600 {file}",
            )
        return bytes.fromhex(file.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise OperatorError(
            f"The desk's secret in {file} cannot be used: {error}",
            remedy=f"delete {file} (customers begin new sessions then), or set {environment}",
        ) from error


def _make(file: Path) -> None:
    """Write a whole file under a name of its own first: two desks that start at once read the
    same secret."""
    draft = file.with_name(f".secret-{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as writer:
        writer.write(secrets.token_hex(SECRET_BYTES))
        writer.flush()
        os.fsync(writer.fileno())
    try:
        os.link(draft, file)
    except FileExistsError:
        return
    finally:
        draft.unlink()
