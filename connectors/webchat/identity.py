"""Who a logged-in customer is, by a signature that the host site's server made (docs/identity.md).

Two forms are taken: a JSON Web Token (HS256 with `sub` and `exp`), and for sites without a library
for those `hmac:EXPIRY:SIGNATURE:USER`, where SIGNATURE is the hexadecimal HMAC-SHA256 of
`EXPIRY:USER`.

A token may also say which addresses the site has verified, by OpenID Connect's claims (Core 5.1):
`email` with `email_verified`, `phone_number` with `phone_number_verified`; and, as `name`, what the
customer is called.
"""

import hmac
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jwt
import msgspec

from bot.errors import OperatorError
from bot.messages import CustomerId
from connectors.customer_ids import customer_id

LONGEST_LIFETIME_S = 24 * 3600
LEEWAY_S = 60
"""How far the host site's clock may be behind ours."""
_SHORTEST_SECRET = 32
_LAST_SECOND = 2**53


class IdentityInvalid(Exception):
    """The signature proves nothing. The message is for the operator's log."""


class Identified(msgspec.Struct, frozen=True):
    """Whom a site vouches for."""

    customer: CustomerId
    verified: tuple[str, ...] = ()
    """Addresses that the site has verified: `mailto:…`, `tel:+…`."""
    name: str = ""
    """Hidden from language models on other machines."""


class Identity:
    """Checks signatures of the configured sites."""

    def __init__(
        self, secrets: Mapping[str, str], *, clock: Callable[[], float] = time.time
    ) -> None:
        """`secrets`: a site's name → the secret it shares with the desk, 32 characters or more.
        Without any, every identity is refused."""
        for site, secret in secrets.items():
            if len(secret.encode()) < _SHORTEST_SECRET:
                raise OperatorError(
                    f"The identity secret of {site!r} is shorter than {_SHORTEST_SECRET} bytes",
                    remedy="make one with `openssl rand -base64 48`, for the site and the desk",
                )
        self._secrets = dict(secrets)
        self._clock = clock

    def check(self, proof: str) -> Identified:
        """Who this is. Raises `IdentityInvalid`."""
        if not self._secrets:
            raise IdentityInvalid("no site has an identity secret in this desk's configuration")
        read = self._read_hmac if proof.startswith("hmac:") else self._read_jwt
        site, user, expiry, verified, name = read(proof)
        left_s = min(expiry, _LAST_SECOND) - self._clock()
        if left_s < -LEEWAY_S:
            raise IdentityInvalid(f"expired {-left_s:.0f} s ago")
        if left_s > LONGEST_LIFETIME_S + LEEWAY_S:
            raise IdentityInvalid("expires in more than a day; sign one for each page instead")
        if not user:
            raise IdentityInvalid("names no user")
        return Identified(customer_id("site", site, user), verified, name)

    def _read_hmac(self, proof: str) -> "_Read":
        try:
            _, expiry, signature, user = proof.split(":", 3)
            expires_at = int(expiry)
            given = bytes.fromhex(signature)
            signed = f"{expiry}:{user}".encode()
        except ValueError as error:
            raise IdentityInvalid("not of the form hmac:EXPIRY:SIGNATURE:USER") from error
        for site, secret in self._secrets.items():
            if hmac.compare_digest(hmac.digest(secret.encode(), signed, "sha256"), given):
                return _Read(site, user, expires_at)
        raise IdentityInvalid("signed with another secret")

    def _read_jwt(self, proof: str) -> "_Read":
        for site, secret in self._secrets.items():
            try:
                claims = jwt.decode(
                    proof,
                    secret,
                    algorithms=["HS256"],
                    leeway=LEEWAY_S,
                    # Audience and issuer are the host's own affair; `check` compares the expiry.
                    options={
                        "require": ["sub", "exp"],
                        "verify_exp": False,
                        "verify_aud": False,
                        "verify_iat": False,
                    },
                )
                expires_at = int(claims["exp"])
            except jwt.InvalidSignatureError:
                continue
            except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError) as error:
                raise IdentityInvalid(str(error)) from error
            name = claims.get("name")
            return _Read(
                site,
                str(claims["sub"]),
                expires_at,
                _verified(claims),
                name[:120] if isinstance(name, str) else "",
            )
        raise IdentityInvalid("signed with another secret")


class _Read(NamedTuple):
    """What a proof says, whether or not it still holds."""

    site: str
    user: str
    expires_at: float
    verified: tuple[str, ...] = ()
    name: str = ""


def _verified(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """The addresses that the claims say are verified: by `true`, and nothing that resembles it."""
    found = []
    for scheme, claim in (("mailto", "email"), ("tel", "phone_number")):
        value = claims.get(claim)
        if isinstance(value, str) and claims.get(f"{claim}_verified") is True:
            found.append(f"{scheme}:{value.strip()}")
    return tuple(found)
