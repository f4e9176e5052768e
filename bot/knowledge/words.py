"""Words of a text as the index counts them: normalised, stemmed, codes kept in one piece."""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import Stemmer
import yaml
from bm25s import stopwords

from bot import arabic

if TYPE_CHECKING:
    import rjieba

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_CODE = re.compile(
    r"\b[A-Za-z]{1,5}[-_./]?\d+[A-Za-z0-9]*\b|\b[A-Z]{1,4} \d{2,}\b|\b\d+[-_./]?[A-Za-z]{1,3}\b"
)
_DENSE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+")
_KANA = re.compile(r"[\u3040-\u30ff]")
_STEMMERS = {
    "da": "danish", "de": "german", "en": "english", "es": "spanish", "fi": "finnish",
    "fr": "french", "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
_FILLERS = {
    "da": stopwords.STOPWORDS_DANISH, "de": stopwords.STOPWORDS_GERMAN,
    "es": stopwords.STOPWORDS_SPANISH, "fr": stopwords.STOPWORDS_FRENCH,
    "it": stopwords.STOPWORDS_ITALIAN, "nl": stopwords.STOPWORDS_DUTCH,
    "no": stopwords.STOPWORDS_NORWEGIAN, "pt": stopwords.STOPWORDS_PORTUGUESE,
    "ru": stopwords.STOPWORDS_RUSSIAN, "sv": stopwords.STOPWORDS_SWEDISH,
    "tr": stopwords.STOPWORDS_TURKISH,
}  # fmt: skip

WORDS: Mapping[str, Mapping[str, str]] = yaml.safe_load(
    (Path(__file__).parent / "words.yaml").read_text("utf-8")
)
"""Kind → language → words; the file says which kinds there are."""


def normalise(text: str) -> str:
    """Compatibility forms, other scripts' digits and Arabic letters that are written in several
    ways made plain, typographic apostrophes made straight."""
    text = unicodedata.normalize("NFKC", text).replace("’", "'")
    if text.isascii():
        return text
    return arabic.normalise("".join(map(_plain_digit, text)))


def _plain_digit(char: str) -> str:
    return char if char.isascii() or not char.isdecimal() else str(unicodedata.decimal(char))


def surface_words(text: str) -> list[str]:
    """Lower-case words as written. Chinese is cut into words, long ones into their parts as well;
    Japanese gives pairs of characters."""
    words: list[str] = []
    for word in _WORD.findall(normalise(text).lower()):
        if not _DENSE.search(word):
            words.append(word)
        elif _KANA.search(word):
            words += [word[i : i + 2] for i in range(max(1, len(word) - 1))]
        else:
            words += chinese().cut_for_search(word)
    return words


@cache
def chinese() -> "rjieba.Jieba":
    """What cuts Chinese into words, and tells names among them; its dictionary is large."""
    import rjieba

    return rjieba.Jieba()


@cache
def fillers(language: str) -> frozenset[str]:
    """Words that say nothing about what a question is about; counted as cover for nothing."""
    own = listed("fillers", language).union(_FILLERS.get(language, ()))
    # Accents are left out by whoever is in a hurry.
    plain = {_bare(word) for word in own}
    return frozenset(own | plain) if own else FILLERS


def is_filler(word: str, language: str = "en") -> bool:
    """Of a lower-case word as it is written."""
    if language == "ar" and len(word) > 3 and word[0] in "وف" and word[1:] in fillers("ar"):
        return True
    # Of English, stems are listed too.
    return word in fillers(language) or (language == "en" and stem(word) in FILLERS)


@cache
def listed(kind: str, language: str) -> frozenset[str]:
    """The words of one kind in `words.yaml`; none in a language that it does not have."""
    return frozenset(normalise(WORDS[kind].get(language, "")).split())


FILLERS = listed("fillers", "en")


_DIGITS = {
    word: str(number)
    for number, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ]
    )
} | {
    "thirty": "30",
    "forty": "40",
    "fifty": "50",
    "sixty": "60",
    "seventy": "70",
    "eighty": "80",
    "ninety": "90",
}


def digits(word: str) -> str:
    """A spoken number in digits (`seven` → `7`); another word as it is."""
    return _DIGITS.get(word, word)


def codes(text: str) -> list[str]:
    """Error codes, order numbers and model names in one spelling: `E-104`, `E 104` → `e104`."""
    return [re.sub(r"[^a-z0-9]", "", c.lower()) for c in _CODE.findall(normalise(text))]


@lru_cache(maxsize=65536)
def stem(word: str, language: str = "en") -> str:
    """What the word has in common with its other forms."""
    word = word.removesuffix("'s").replace("'", "")
    if not word.isalpha():
        return word
    if arabic.is_arabic(word):
        return arabic.stem(word)
    return _bare(_stemmer(language).stemWord(word))


def _bare(word: str) -> str:
    """Without accents: customers leave them out."""
    if word.isascii():
        return word
    parted = unicodedata.normalize("NFD", word)
    return unicodedata.normalize(
        "NFC", "".join(char for char in parted if not "\u0300" <= char <= "\u036f")
    )


@cache
def _stemmer(language: str) -> "Stemmer.Stemmer":
    return Stemmer.Stemmer(_STEMMERS.get(language[:2].lower(), "english"))


def terms(text: str, language: str = "en") -> list[str]:
    """What is counted: the stems of all words, and codes in one piece beside their parts."""
    found = [stem(word, language) for word in surface_words(text)]
    known = set(found)
    return found + [code for code in codes(text) if code not in known]


def telling_terms(text: str, language: str = "en") -> frozenset[str]:
    """Those of `terms` that are more than fillers."""
    idle = {stem(word, language) for word in surface_words(text) if is_filler(word, language)}
    return frozenset(terms(text, language)) - idle


def spoken_numbers(text: str) -> list[str]:
    """Numbers that were spoken, in digits: `fifty one` and `five one` → `51`."""
    words = [digits(word) for word in surface_words(text.replace("-", " "))]
    spoken = surface_words(text.replace("-", " "))
    found: list[str] = []
    for at, (word, was) in enumerate(zip(words, spoken, strict=True)):
        if word == was:
            continue
        following = words[at + 1] if at + 1 < len(words) and words[at + 1] != spoken[at + 1] else ""
        if len(word) == 2 and word.endswith("0") and word != "10" and len(following) == 1:
            found.append(str(int(word) + int(following)))
        elif len(following) in (1, 2) and len(word) == 1:
            found.append(word + following)
        elif len(word) == 2:
            found.append(word)
    return found
