"""Hides personal data from a language model, and puts it back into what the model answers.

What is hidden: the customer's names as their channel knows them or as they say themselves, numbers
of cards and bank accounts, telephone numbers, e-mail addresses. Each is checked by the rules of its
kind, so that an order number stays what it is.
"""

import re
from collections.abc import Iterable, Iterator

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from stdnum import iban, luhn

from bot.knowledge.words import digits, fillers

PLACEHOLDER = re.compile(r"\{(?:NAME|CARD|IBAN|PHONE|EMAIL)_\d{1,3}\}")

_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}", re.IGNORECASE)
_CARD = re.compile(r"(?<![\d.])\d(?:[ .\-\u00a0]{0,2}\d){12,18}(?![\d])")
_SPOKEN = re.compile(r"\b[a-z]+(?:[\s,-]+[a-z]+){6,}\b", re.IGNORECASE)
_SPOKEN_LEAST = 7
"""So many digits, said one by one or in pairs, are a number that may be somebody's."""
_REGIONS = {
    "de": ("DE", "AT", "CH"),
    "en": ("US", "GB"),
    "es": ("ES", "MX"),
    "zh": ("CN", "TW", "HK"),
    "ar": ("EG", "SA", "AE"),
}
"""Where a number without a country's code may be from, by the language it was written in."""
_SHORTEST_NAME = 2
_CHINESE = re.compile(r"[\u3400-\u9fff]+")


class Masking:
    """The personal data of one turn: the same datum has the same placeholder everywhere."""

    def __init__(self, names: Iterable[str] = (), language: str = "en") -> None:
        """`names`: of the customer; whole, and in their parts."""
        self._language = language[:2]
        self._name = _pattern_of(names)
        self._values: dict[str, str] = {}
        self._places: dict[tuple[str, str], str] = {}

    def mask(self, text: str) -> str:
        """The text with a placeholder such as `{EMAIL_1}` for each piece of personal data."""
        # What looks like a placeholder already was written by somebody, not put there.
        text = PLACEHOLDER.sub(lambda found: found[0].strip("{}"), text)
        for kind, spans in (
            ("EMAIL", _emails),
            ("IBAN", _ibans),
            ("CARD", _cards),
            ("PHONE", self._phones),
            ("PHONE", _spoken),
            ("NAME", self._names),
        ):
            text = self._replaced(text, kind, spans(text))
        return text

    def restore(self, text: str) -> str:
        """The text with what its placeholders stand for; those that stand for nothing stay."""
        return PLACEHOLDER.sub(lambda found: self._values.get(found[0], found[0]), text)

    def known(self, placeholder: str) -> bool:
        return placeholder in self._values

    def hides(self, text: str) -> bool:
        """Whether there is anything to hide in a text."""
        return self.mask(text) != text

    @property
    def values(self) -> list[str]:
        """What has been hidden, as it was written."""
        return list(self._values.values())

    @property
    def hidden(self) -> dict[str, int]:
        """How many of each kind were found, for the trace."""
        counted: dict[str, int] = {}
        for kind, _ in self._places:
            counted[kind.lower()] = counted.get(kind.lower(), 0) + 1
        return counted

    def _replaced(self, text: str, kind: str, spans: Iterable[tuple[int, int]]) -> str:
        taken = [found.span() for found in PLACEHOLDER.finditer(text)]
        for start, end in sorted(spans, reverse=True):
            if any(start < last and first < end for first, last in taken):
                continue
            text = text[:start] + self._placeholder(kind, text[start:end]) + text[end:]
        return text

    def _placeholder(self, kind: str, value: str) -> str:
        plain = (kind, re.sub(r"[\s.()\-]", "", value).casefold())
        if plain not in self._places:
            number = 1 + sum(other == kind for other, _ in self._places)
            self._places[plain] = f"{{{kind}_{number}}}"
            self._values[self._places[plain]] = value
        return self._places[plain]

    def _names(self, text: str) -> Iterator[tuple[int, int]]:
        if self._name:
            yield from (found.span() for found in self._name.finditer(text))

    def _phones(self, text: str) -> Iterator[tuple[int, int]]:
        """Numbers that exist: with a country's code, or as they are written where the language is
        spoken."""
        ends: list[tuple[int, int]] = []
        for region in (None, *_REGIONS.get(self._language, ())):
            for found in phonenumbers.PhoneNumberMatcher(
                text, region, leniency=phonenumbers.Leniency.VALID
            ):
                # A bracket that was opened before the number is not the number's.
                number = found.raw_string
                if number.count("(") > number.count(")"):
                    number = number.removeprefix("(").lstrip()
                begin = found.end - len(number)
                if not any(begin < end and start < found.end for start, end in ends):
                    ends.append((begin, found.end))
        yield from ends


def _pattern_of(names: Iterable[str]) -> re.Pattern[str] | None:
    """Matches the names and their parts. Chinese has no spaces around them, Arabic writes `and` and
    `to` in one with them; parts that are common words, as May and Will, count as they are spelt."""
    parts = {part.strip(".,") for name in names for part in (name.strip(), *name.split())}
    known = (p for p in parts if len(p) >= _SHORTEST_NAME and any(map(str.isalpha, p)))
    found = []
    for part in sorted(known, key=len, reverse=True):
        spelt = re.escape(part)
        if _CHINESE.fullmatch(part):
            found.append(spelt)
        elif any(part.casefold() in fillers(each) for each in _REGIONS):
            found.append(rf"(?<!\w)(?-i:{spelt})(?!\w)")
        else:
            found.append(rf"(?:(?<!\w)|(?<=\b[وفبل])){spelt}(?!\w)")
    return re.compile("|".join(found), re.IGNORECASE) if found else None


def _emails(text: str) -> Iterator[tuple[int, int]]:
    for found in _EMAIL.finditer(text):
        try:
            validate_email(found[0], check_deliverability=False, test_environment=True)
        except EmailNotValidError as error:
            # `.example` and `.invalid` belong to nobody, yet whoever writes one means an address.
            if "special-use" not in str(error):
                continue
        yield found.span()


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    for found in _IBAN.finditer(text):
        # The pattern may have run into the words behind it.
        for end in range(found.end(), found.start() + 14, -1):
            cuts_a_word = end < len(text) and text[end].isalnum()
            if cuts_a_word or not text[end - 1].isalnum():
                continue
            if iban.is_valid(text[found.start() : end], check_country=False):
                yield found.start(), end
                break


def _cards(text: str) -> Iterator[tuple[int, int]]:
    for found in _CARD.finditer(text):
        if luhn.is_valid(re.sub(r"\D", "", found[0])):
            yield found.span()


def _spoken(text: str) -> Iterator[tuple[int, int]]:
    """Long numbers as a recording gives them, in words."""
    for found in _SPOKEN.finditer(text):
        start: int | None = None
        end, count = 0, 0
        for word in re.finditer(r"[a-z]+", found[0], re.IGNORECASE):
            if digits(word[0].lower()) != word[0].lower() or word[0].lower() in ("oh", "double"):
                start = word.start() if start is None else start
                end, count = word.end(), count + 1
                continue
            if start is not None and count >= _SPOKEN_LEAST:
                yield found.start() + start, found.start() + end
            start, count = None, 0
        if start is not None and count >= _SPOKEN_LEAST:
            yield found.start() + start, found.start() + end
