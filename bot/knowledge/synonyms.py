"""Words that customers use for one another when they write to a shop or a service.

A question says "purchase" and "box", the article "order" and "parcel". The other words of a group
are looked up too, at a lower weight; the encoder already knows much of this, BM25 nothing.
"""

import re
import unicodedata
from functools import lru_cache

from bot.knowledge.words import stem, surface_words

SYNONYM_WEIGHT = 0.4

_GROUPS = """
order, purchase, bought, buy
parcel, package, shipment, box, carton
delivery, deliver, ship, shipping, send, dispatch, courier, carrier
track, where is, where's, how far, status, on its way
cancel, withdraw, revoke, call off
refund, reimburse, money back, get my money
return, send back, give back, bring back, take back, returning
exchange, swap, replace, replacement, instead
broken, damaged, faulty, defective, cracked, defect, does not work, doesn't work, dead
missing, left out, not in the box, incomplete
lost, disappeared, vanished, never arrived, never came
late, delayed, delay, overdue
coupon, voucher, promotion, promo, discount
account, profile
delete, close, remove, erase, get rid of
password, passcode
sign in, log in, login, signin, log on
two-step, two-factor, 2fa, authenticator, verification code
invoice, bill, receipt
charge, debit, booking, deduct, taken from
twice, double, duplicate, two debits, two charges
warranty, guarantee, covered
gift, present
repair, fix, mend, workshop
refurbished, used, second-hand, second hand, pre-owned
person, human, agent, employee, staff, someone real
contact, reach, call, talk to
instalments, rates, monthly, finance, in parts
locked, blocked, too many times, too many attempts
expired, run out, out of date
insufficient, not enough money, not enough funds
stolen, theft, stole
phone, mobile, smartphone
tv, television
headphones, earphones, headset, earbuds, ear buds
wifi, wi-fi, wireless, wlan
pair, connect, bluetooth
charger, charging, charge up, battery
price, cost, fee, how much, expensive
price guarantee, price match, match, competitor, cheaper elsewhere
alert, notify, let me know, remind
job, career, vacancy, apply, internship
suspicious, phishing, scam, fraud, fake
recycling, recycle, dispose, old device
trade-in, trade in, sell you
company, business, firm, employer
address, house, moved
fast, express, fastest, urgent, tomorrow
label, sticker
unpacked, opened, unsealed, tried
insurance, protection plan, extra protection
unsubscribe, newsletter, no more mails
data, privacy, gdpr
loyalty, points, rewards
pick up, pickup, collect, locker
neighbour, not at home, nobody home, missed
mount, install, set up, setup
norway > oslo, norwegian, bergen
switzerland > swiss, zurich, geneva, bern
united kingdom, uk, britain > england, scotland, wales, northern ireland, london
eu, europe, european union > greece, austria, belgium, bulgaria, croatia, cyprus, czech, denmark, \
estonia, finland, france, germany, hungary, ireland, italy, latvia, lithuania, luxembourg, malta, \
netherlands, poland, portugal, romania, slovakia, slovenia, spain, sweden, berlin, paris, madrid, \
rome, vienna
"""


Expression = tuple[str, ...]
"""The stems of one word or several."""


def _read() -> dict[Expression, frozenset[Expression]]:
    """From each expression to its group."""
    found: dict[Expression, frozenset[Expression]] = {}
    for line in _GROUPS.strip().splitlines():
        broad, _, narrow = line.partition(">")
        group = frozenset(_stems(expression) for expression in broad.split(","))
        parts = frozenset(_stems(expression) for expression in narrow.split(",") if narrow)
        for expression in group | parts:
            said = group | {expression}
            found[expression] = found.get(expression, frozenset()) | said
    return found


@lru_cache(maxsize=4096)
def _stems(text: str) -> tuple[str, ...]:
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return tuple(stem(word) for word in surface_words(re.sub(r"\s+", " ", bare)))


def _read_places() -> dict[Expression, str]:
    """From each name of a place, or of a part of it, to the place."""
    lines = [line.partition(">") for line in _GROUPS.strip().splitlines() if ">" in line]
    return {
        _stems(name): broad for broad, _, narrow in lines for name in f"{broad},{narrow}".split(",")
    }


_SYNONYMS = _read()
_PLACES = _read_places()
_LONGEST = max(map(len, _SYNONYMS))


def alike(text: str) -> frozenset[Expression]:
    """The expressions that say the same as those of an English text, and they themselves."""
    words = _stems(text)
    found: frozenset[Expression] = frozenset()
    for at in range(len(words)):
        for length in range(1, _LONGEST + 1):
            found |= _SYNONYMS.get(words[at : at + length], frozenset())
        # "send it back"
        found |= _SYNONYMS.get(words[at : at + 3 : 2], frozenset())
    return found


@lru_cache(maxsize=4096)
def places(text: str) -> frozenset[str]:
    """Which of the places of the list an English text speaks of; they exclude one another."""
    words = _stems(text)
    found: set[str] = set()
    at = 0
    while at < len(words):
        # "northern ireland" is not "ireland"
        length = next((n for n in (2, 1) if words[at : at + n] in _PLACES), 0)
        if length:
            found.add(_PLACES[words[at : at + length]])
        at += length or 1
    return frozenset(found)


def synonyms(text: str) -> frozenset[str]:
    """The stems that alone say the same as the words and expressions of an English text."""
    single = frozenset(expression[0] for expression in alike(text) if len(expression) == 1)
    return single.difference(_stems(text))
