"""What slots are filled with where nothing else is said: plausible, and nobody's.

Addresses are of example.com and its siblings (RFC 2606), phone numbers from the ranges that the
North American Numbering Plan (555-0100 to 555-0199) and Ofcom (020 7946 0000 to 0999) keep for
fiction.
"""

import random
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, timedelta

_FIRST_NAMES = (
    "Ada", "Amir", "Anna", "Ben", "Carla", "Chen", "David", "Elif", "Emma", "Fatima", "Grace",
    "Hugo", "Ines", "Ivan", "Jamal", "Julia", "Kofi", "Lena", "Liam", "Lucía", "Maria", "Mei",
    "Nora", "Omar", "Paul", "Priya", "Rosa", "Sam", "Sofia", "Tom", "Yusuf", "Zoë",
)  # fmt: skip
_LAST_NAMES = (
    "Adams", "Bauer", "Brown", "Chen", "Costa", "Demir", "Dubois", "Evans", "Fischer", "García",
    "Haddad", "Ivanov", "Jensen", "Kaya", "Khan", "Kowalski", "Lee", "Martin", "Mensah", "Müller",
    "Novak", "O'Brien", "Okafor", "Patel", "Rossi", "Silva", "Smith", "Tanaka", "Weber", "Wilson",
)  # fmt: skip
_STREETS = (
    "Station Road",
    "Mill Lane",
    "Park Avenue",
    "Harbour Street",
    "Church Street",
    "Elm Way",
)
_CITIES = ("London", "Berlin", "Boston", "Dublin", "Vienna", "Oslo", "Leeds", "Lyon", "Porto")
_DOMAINS = ("example.com", "example.org", "example.net")
_PRODUCTS = (
    "wireless headphones", "desk lamp", "running shoes", "coffee maker", "rain jacket", "backpack",
    "phone case", "office chair", "water bottle", "bluetooth speaker", "winter coat", "tablet",
)  # fmt: skip
_CARDS = ("Visa", "Mastercard", "American Express", "Debit card")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FIRST_DAY = date(2025, 1, 1)
_DAYS = 3 * 365
_DATES = ("{0:%d.%m.%Y}", "{0:%Y-%m-%d}", "{0:%m/%d/%Y}", "{0.day} {0:%b} {0.year}",
          "{0:%B} {0.day}, {0.year}")  # fmt: skip
_PRICES = ("€{:,.2f}", "${:,.2f}", "£{:,.2f}", "{:,.2f} EUR")
_NOT_IN_ADDRESSES = re.compile(r"[^a-z0-9]+")


def make_up(name: str, rng: random.Random, values: dict[str, str]) -> str:
    """The value called `name`, one of `MADE_UP` unless it is in `values`; it is put there."""
    if name not in values:
        values[name] = MADE_UP[name](rng, values)
    return values[name]


def _name(rng: random.Random, values: dict[str, str]) -> str:
    return f"{make_up('first_name', rng, values)} {make_up('last_name', rng, values)}"


def _first_name(rng: random.Random, values: dict[str, str]) -> str:
    """Of the name, where a template has chosen that."""
    return values.get("name", "").partition(" ")[0] or rng.choice(_FIRST_NAMES)


def _last_name(rng: random.Random, values: dict[str, str]) -> str:
    return values.get("name", "").rpartition(" ")[2] or rng.choice(_LAST_NAMES)


def _email(rng: random.Random, values: dict[str, str]) -> str:
    """Of the one who is named in the example."""
    spelled = unicodedata.normalize("NFKD", make_up("name", rng, values))
    ascii_only = spelled.encode("ascii", "ignore").decode().lower()
    local = _NOT_IN_ADDRESSES.sub(".", ascii_only.replace("'", "")).strip(".")
    return f"{local or 'customer'}@{rng.choice(_DOMAINS)}"


def _phone(rng: random.Random, _: dict[str, str]) -> str:
    if rng.random() < 0.5:
        return f"020 7946 0{rng.randrange(1000):03}"
    return f"({rng.choice((202, 312, 415, 617))}) 555-01{rng.randrange(100):02}"


def _date(rng: random.Random, _: dict[str, str]) -> str:
    day = _FIRST_DAY + timedelta(days=rng.randrange(_DAYS))
    return rng.choice(_DATES).format(day)


def _time(rng: random.Random, _: dict[str, str]) -> str:
    hour, minute = rng.randrange(24), rng.randrange(60)
    if rng.random() < 0.3:
        return f"{(hour - 1) % 12 + 1}:{minute:02} {'am' if hour < 12 else 'pm'}"
    return f"{hour}:{minute:02}"


def _price(rng: random.Random, _: dict[str, str]) -> str:
    amount = rng.choice((rng.uniform(3, 60), rng.uniform(20, 300), rng.uniform(100, 2000)))
    return rng.choice(_PRICES).format(int(amount) + rng.choice((0, 0.49, 0.5, 0.95, 0.99)))


def _order(rng: random.Random, _: dict[str, str]) -> str:
    digits = f"{rng.randrange(10**4, 10**7)}"
    return rng.choice(("{}", "#{}", "A-{}", "ORD-{}")).format(digits)


def _card(rng: random.Random, _: dict[str, str]) -> str:
    return f"{rng.choice(_CARDS)} •••• {rng.randrange(10_000):04}"


def _one_of(*options: str) -> Callable[[random.Random, dict[str, str]], str]:
    return lambda rng, _: rng.choice(options)


MADE_UP: Mapping[str, Callable[[random.Random, dict[str, str]], str]] = {
    "name": _name,
    "first_name": _first_name,
    "last_name": _last_name,
    "email": _email,
    "phone": _phone,
    "street": lambda rng, _: f"{rng.randint(1, 180)} {rng.choice(_STREETS)}",
    "city": _one_of(*_CITIES),
    "date": _date,
    "weekday": _one_of(*_WEEKDAYS),
    "time": _time,
    "price": _price,
    "order": _order,
    "invoice": lambda rng, _: f"INV-{rng.randint(2025, 2027)}-{rng.randrange(10**5):05}",
    "tracking": lambda rng, _: f"TRK{rng.randrange(10**10):010}",
    "card": _card,
    "product": _one_of(*_PRODUCTS),
    "number": lambda rng, _: str(rng.randint(2, 9)),
}
"""How each of them is made, given what the example has already."""
