"""What customers say about call-backs: that they want one, yes and no. Pure; the words are in
`words.yaml`."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bot.texts import FALLBACK

_LONGEST_ASKING = 300
"""Characters; who writes more has something to be answered."""


@cache
def words_of(language: str) -> Mapping[str, Any]:
    """The words of a language (`de`, `de-AT`), or English ones."""
    return _all()[understood(language)]


def understood(language: str) -> str:
    """The language (`de-AT`) by its code where there are words in it, or `en`."""
    code = language[:2].lower()
    return code if code in _all() else FALLBACK


def asks_for_call_back(text: str, language: str) -> bool:
    return len(text) <= _LONGEST_ASKING and _found("asks", text, language)


def cancels_call_back(text: str, language: str) -> bool:
    return len(text) <= _LONGEST_ASKING and _found("cancels", text, language)


def is_yes(text: str, language: str) -> bool:
    return not is_no(text, language) and _begins("agrees", text, language)


def is_no(text: str, language: str) -> bool:
    return _begins("refuses", text, language)


def _found(kind: str, text: str, language: str) -> bool:
    # Who changes to English in the middle means the same.
    return any(
        re.search(rf"(?<!\w)(?:{words_of(each)[kind]})", plain(text))
        if each != "zh"
        else re.search(words_of(each)[kind], text)
        for each in {understood(language), FALLBACK}
    )


def _begins(kind: str, text: str, language: str) -> bool:
    words = plain(text).strip(" ,.!?¡¿،。，！")
    for each in {understood(language), FALLBACK}:
        # Chinese and Arabic join what follows to the word.
        end = "" if each == "zh" else r"(?!\w)"
        if re.match(rf"(?:{words_of(each)[kind]}){end}", words):
            return True
    return False


def plain(text: str) -> str:
    return " ".join(text.casefold().replace("’", "'").split())


@cache
def _all() -> Mapping[str, Mapping[str, Any]]:
    loaded: Mapping[str, Mapping[str, Any]] = yaml.safe_load(
        (Path(__file__).parent / "words.yaml").read_text("utf-8")
    )
    return loaded
