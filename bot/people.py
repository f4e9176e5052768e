"""Who is one customer: links between the customers of several channels.

Two are linked by a code that one was given and the other sends, or because their channels verified
the same telephone number or e-mail address. Never by a name, and never by what somebody claims.
Links are kept beside each customer, all of them complete: whoever is looked up, all are found.
"""

import asyncio
import hashlib
import logging
import re
import secrets
import time

import msgspec

from bot import keys
from bot.commands import CODE_ALPHABET, CODE_CHARS, write_code
from bot.messages import ChannelName, ConversationId, CustomerId
from bot.store import Script, Store

log = logging.getLogger(__name__)

_OFFER = Script("offer")
_REDEEM = Script("redeem")
_LINK = Script("link")
_UNLINK = Script("unlink")

CODE_S = 600
"""How long a code is good."""
WRONG_CODES = 5
"""So many may one customer send in an hour."""
WRONG_CODES_OF_ALL = 100
"""So many may all customers together: there are 480 million codes, and visitors cost nothing."""
WRONG_CODES_S = 3600
MOST_LINKED = 10
"""Customers that may be one."""
_DONE_S = 3600
"""A turn that is done again after a crash finds what it did for so long."""
_FRESH_S = 30 * 24 * 3600
"""A verified address counts for so long after it was last heard of: numbers change hands."""
_ADDRESS = re.compile(r"tel:\+[1-9]\d{5,14}|mailto:[^\s@]{1,64}@[^\s@]{1,255}")


class Offer(msgspec.Struct, frozen=True):
    """Who was given a code, and where."""

    customer: CustomerId
    conversation: ConversationId
    channel: ChannelName
    locale: str


class Refused(msgspec.Struct, frozen=True):
    """`why`: `tired` (too many wrong codes), `wrong`, `own` (it was given to them) or `full`."""

    why: str


class Linked(msgspec.Struct, frozen=True):
    offer: Offer
    new: bool
    """False: they were one before."""


class People:
    def __init__(self, store: Store, keep_s: int) -> None:
        """`keep_s`: how long links outlast the last message of all who are linked, in seconds."""
        self._store = store
        self._keep_s = keep_s

    async def of(self, customer: CustomerId) -> list[CustomerId]:
        """All that are this customer, themselves first. Raises `Unavailable`."""
        found = await self._store.run("SMEMBERS", keys.linked(customer))
        others = sorted(CustomerId(raw.decode()) for raw in found)
        others = [other for other in others if other != customer]
        if others:
            everyone = (customer, *others)
            await asyncio.gather(
                *(self._store.run("EXPIRE", keys.linked(each), self._keep_s) for each in everyone)
            )
        return [customer, *others]

    async def offer(self, turn: str, offer: Offer) -> str:
        """A code for this customer, good for `CODE_S`, once, and instead of any before it.

        `turn`: the same for the same message, also when its turn is done again. Raises
        `Unavailable`.
        """
        while True:
            code = write_code("".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_CHARS)))
            given = await self._store.script(
                _OFFER,
                [keys.done(turn), keys.link_code(code), keys.offered(offer.customer)],
                [code, msgspec.json.encode(offer), CODE_S, _DONE_S, keys.link_code("")],
            )
            if given:
                return str(given.decode())

    async def redeem(self, turn: str, customer: CustomerId, code: str) -> Linked | Refused:
        """Link a customer with the one who was given the code. `turn`: as in `offer`. Raises
        `Unavailable`."""
        outcome = await self._store.script(
            _REDEEM,
            [
                keys.done(turn),
                keys.link_code(code),
                keys.wrong_codes(customer),
                keys.wrong_codes(CustomerId("")),
            ],
            [customer, WRONG_CODES, WRONG_CODES_OF_ALL, WRONG_CODES_S, _DONE_S],
        )
        if not outcome.startswith(b"{"):
            why = outcome.decode()
            log.warning("link.refused", extra={"customer": customer, "why": why})
            return Refused(why)
        offer = msgspec.json.decode(outcome, type=Offer)
        linked = await self._link(customer, offer.customer)
        return Refused("full") if linked == "full" else Linked(offer, new=linked == "linked")

    async def unlink(self, turn: str, customer: CustomerId) -> int:
        """Make a customer one of their own again; gives with how many they were linked. Verified
        addresses link them no more; a code does. Raises `Unavailable`."""
        others: int = await self._store.script(
            _UNLINK,
            [keys.done(turn), keys.linked(customer), keys.apart(customer), keys.offered(customer)],
            [
                customer,
                self._keep_s,
                _DONE_S,
                keys.linked(CustomerId("")),
                keys.link_code(""),
            ],
        )
        return others

    async def verified(self, customer: CustomerId, address: str) -> None:
        """A channel has verified that this address (`tel:+47…`, `mailto:…`) is the customer's:
        they are one with all others of whom that is known. Raises `Unavailable`."""
        address = _written_plainly(address)
        if not _ADDRESS.fullmatch(address):
            log.warning("link.no_address", extra={"customer": customer})
            return
        key, now = keys.verified(hashlib.sha256(address.encode()).hexdigest()), time.time()
        _, _, fresh, linked, apart, _ = await asyncio.gather(
            self._store.run("ZADD", key, now, customer),
            self._store.run("EXPIRE", key, self._keep_s),
            self._store.run("ZRANGEBYSCORE", key, now - _FRESH_S, "+inf"),
            self._store.run("SMEMBERS", keys.linked(customer)),
            self._store.run("EXISTS", keys.apart(customer)),
            self._store.run("EXPIRE", keys.apart(customer), self._keep_s),
        )
        if apart:
            return
        for raw in set(fresh) - set(linked) - {customer.encode()}:
            other = CustomerId(raw.decode())
            if not await self._store.run("EXISTS", keys.apart(other)):
                await self._link(customer, other)

    async def _link(self, one: CustomerId, other: CustomerId) -> str:
        outcome = await self._store.script(
            _LINK,
            [keys.linked(one), keys.linked(other)],
            [one, other, MOST_LINKED, self._keep_s, keys.linked(CustomerId(""))],
        )
        log.info("link", extra={"customer": one, "other": other, "outcome": outcome.decode()})
        return str(outcome.decode())


def _written_plainly(address: str) -> str:
    """`tel:+47 12-34 56 78` as `tel:+4712345678`; letters small."""
    address = address.strip().casefold()
    return re.sub(r"[\s().-]", "", address) if address.startswith("tel:") else address
