"""Words of a text as the index counts them: normalised, stemmed, codes kept in one piece."""

import re
import unicodedata
from functools import cache, lru_cache

import Stemmer

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_CODE = re.compile(
    r"\b[A-Za-z]{1,5}[-_./]?\d+[A-Za-z0-9]*\b|\b[A-Z]{1,4} \d{2,}\b|\b\d+[-_./]?[A-Za-z]{1,3}\b"
)
_DENSE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+")
_STEMMERS = {
    "ar": "arabic", "da": "danish", "de": "german", "en": "english", "es": "spanish",
    "fi": "finnish", "fr": "french", "hu": "hungarian", "it": "italian", "nl": "dutch",
    "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish",
    "tr": "turkish",
}  # fmt: skip

FILLERS = frozenset(
    [
        "a",
        "able",
        "about",
        "all",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "awesome",
        "be",
        "been",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "doing",
        "excellent",
        "for",
        "from",
        "get",
        "give",
        "go",
        "going",
        "gonna",
        "good",
        "got",
        "great",
        "had",
        "happen",
        "has",
        "have",
        "hello",
        "help",
        "here",
        "hey",
        "hh",
        "hi",
        "how",
        "i",
        "i'd",
        "i'll",
        "i'm",
        "i've",
        "if",
        "in",
        "into",
        "is",
        "it",
        "it's",
        "its",
        "just",
        "know",
        "last",
        "let",
        "like",
        "look",
        "looking",
        "lovely",
        "may",
        "maybe",
        "me",
        "might",
        "mine",
        "my",
        "nice",
        "no",
        "not",
        "now",
        "of",
        "oh",
        "ok",
        "okay",
        "on",
        "one",
        "or",
        "our",
        "perfect",
        "please",
        "question",
        "really",
        "right",
        "see",
        "shall",
        "she",
        "should",
        "sir",
        "so",
        "some",
        "sounds",
        "sure",
        "tell",
        "thank",
        "thanks",
        "that",
        "that's",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "they're",
        "thing",
        "this",
        "those",
        "to",
        "too",
        "u",
        "uh",
        "uhh",
        "um",
        "umm",
        "ummm",
        "us",
        "very",
        "wanna",
        "want",
        "wanted",
        "was",
        "we",
        "well",
        "were",
        "what",
        "what's",
        "when",
        "where",
        "whether",
        "which",
        "who",
        "will",
        "with",
        "wonder",
        "wondering",
        "would",
        "yeah",
        "yep",
        "yes",
        "you",
        "your",
    ]
)
"""Words that say nothing about what a question is about; counted as cover for nothing."""


def normalise(text: str) -> str:
    """Compatibility forms made plain, typographic apostrophes made straight."""
    return unicodedata.normalize("NFKC", text).replace("’", "'")


def surface_words(text: str) -> list[str]:
    """Lower-case words as written; what is written without spaces gives pairs of characters."""
    words: list[str] = []
    for word in _WORD.findall(normalise(text).lower()):
        if _DENSE.search(word):
            words += [word[i : i + 2] for i in range(max(1, len(word) - 1))]
        else:
            words.append(word)
    return words


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
    stemmed: str = _stemmer(language).stemWord(word)
    return stemmed


@cache
def _stemmer(language: str) -> "Stemmer.Stemmer":
    return Stemmer.Stemmer(_STEMMERS.get(language[:2].lower(), "english"))


def terms(text: str, language: str = "en") -> list[str]:
    """What is counted: the stems of all words, and codes in one piece beside their parts."""
    found = [stem(word, language) for word in surface_words(text)]
    known = set(found)
    return found + [code for code in codes(text) if code not in known]


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
