"""Arabic words in one spelling, and what they have in common with their other forms. Pure.

A light stemmer after light10 of Larkey, Ballesteros and Connell ("Light stemming for Arabic
information retrieval", 2007): only what is hardly ever part of a word is taken off. Unlike light10
it takes off the endings that say whose a thing is, for customers speak of theirs, and leaves the
dual, which is rarer than words such as ضمان. Snowball's Arabic stemmer makes two stems of that word
and of الضمان.
"""

import re

_MARKS = re.compile("[\u064b-\u065f\u0670\u0640]")
"""Vowels, and the stroke that stretches a word."""
_LETTERS = str.maketrans("أإآٱىةؤئ", "اااايهءء")
_ARABIC = re.compile("[\u0600-\u06ff]+")
_ARTICLES = ("وال", "فال", "بال", "كال", "ال", "لل")
_WHOSE = ("ها", "كم", "هم", "نا", "ه", "ي", "ك", "ا")
"""The last one is not of those: it makes an adverb."""
_FORMS = ("ات", "ون", "ين", "يه", "ه", "ت")
_LEAST = 3
"""So many letters are left."""


def normalise(text: str) -> str:
    """Without vowel marks; letters that are written in several ways in one of them."""
    return _MARKS.sub("", text).translate(_LETTERS)


def is_arabic(word: str) -> bool:
    return bool(_ARABIC.fullmatch(word))


def stem(word: str) -> str:
    """`word`: normalised."""
    if word.startswith("و") and len(word) > _LEAST + 1:
        word = word[1:]
    for article in _ARTICLES:
        if word.startswith(article) and len(word) >= len(article) + _LEAST:
            word = word.removeprefix(article)
            break
    # Of إلغاء too, so that it is the same as الإلغاء.
    if word.startswith("ال") and len(word) >= 2 + _LEAST:
        word = word[2:]
    for endings in (_WHOSE, _FORMS):
        for ending in endings:
            if word.endswith(ending) and len(word) >= len(ending) + _LEAST:
                word = word.removesuffix(ending)
                break
    return word
