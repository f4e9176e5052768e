"""Who somebody is to the desk, from what a channel knows of them."""

import hashlib

from bot.messages import CustomerId


def customer_id(realm: str, authority: str, user: str) -> CustomerId:
    """The desk's id of a user that an authority names.

    `realm`: the kind of authority (`site`, `api`). Two authorities that call their users alike
    name two customers: what is hashed has its borders marked.
    """
    parts = [part.encode() for part in (realm, authority, user)]
    framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return CustomerId(f"cus_{hashlib.sha256(framed).hexdigest()[:40]}")
