"""What a conversation is about: which articles' names were mentioned, and how long ago.

"Do they take cards?" finds its article only through the name that fell three turns ago. Names are
article titles and the part of a title before its colon, comma or dash; their rare words count
most, a word heard slightly wrong still counts, and a later mention outweighs an earlier one.
"""

import math
import re
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from rapidfuzz import fuzz, process

from bot.knowledge.index import Floats, Index
from bot.knowledge.passages import plain
from bot.knowledge.synonyms import alike, places
from bot.knowledge.words import digits, is_filler, stem, surface_words

SIMILAR = 84.0
"""Least likeness of two words, of 100, that are taken for the same one heard differently."""
FUZZY_MIN_LENGTH = 5
SLACK_WORDS = 3
"""So many other words may stand between the words of a name."""
LEAST_COVER = 0.35
"""Less of a name than this is no mention."""
HEAD_WEIGHT = 0.95
"""What the head of a title alone (`Laurel Inn` of `Laurel Inn, a Hotel`) is worth."""
FILLER_RARITY = 0.3
WHEREABOUTS = frozenset(
    ["in", "near", "around", "nearby", "from", "en", "cerca", "bei", "nahe", "um"]
)
"""A name after one of these says where or whence, and is less likely what is talked about."""
WHEREABOUTS_WEIGHT = 0.4
LINKS = frozenset(
    [
        "the",
        "of",
        "at",
        "a",
        "an",
        "and",
        "for",
        "to",
        "in",
        "on",
        "der",
        "die",
        "das",
        "und",
        "von",
        "zu",
        "el",
        "la",
        "los",
        "y",
        "de",
    ]
)
LONGEST_NUMBER = 2
"""More number words in a row are a telephone number or an address, and name nothing."""
LATE_GAIN = 0.2
"""A name at the end of a turn gains this share over one at its beginning."""
TURNS_REMEMBERED = 4_096
"""Texts whose mentions are kept."""
TELLING_SHARE = 0.55
"""A word with this share of the greatest rarity there can be names something by itself."""
_HEAD = re.compile(r"\s*[:(|–—,]\s*|\s+-\s+")


class _Name(NamedTuple):
    article: int
    words: list[str]
    worth: float


class _Mention(NamedTuple):
    article: int
    cover: float
    """Share of the name's rarity that was said."""
    mass: float
    """Rarity that was said."""
    start: int
    last: int

    @property
    def strength(self) -> float:
        return self.mass * self.cover


class Subjects:
    """The names of an index's articles, ready to be recognised."""

    def __init__(self, index: Index) -> None:
        titles = {passage.article: passage for passage in index.passages}
        self.articles = len(titles)
        self._places = [places(each.title) for each in titles.values()]
        self._idle: set[str] = set()
        self._names: list[_Name] = []
        for number, each in enumerate(titles.values()):
            language = each.language or "en"
            self._names += _names(number, each.title, language)
            words = [digits(word) for word in surface_words(each.title)]
            self._idle |= {stem(w, language) for w in words if is_filler(w, language)}
        holders: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, name in enumerate(self._names):
            for place, word in enumerate(name.words):
                holders[word].append((number, place))
        self._holders = dict(holders)
        self._words = [w for w in self._holders if len(w) >= FUZZY_MIN_LENGTH]
        self._rarity = self._rarities(index)
        self._mass = [sum(self._rarity[word] for word in n.words) for n in self._names]
        self._usual_mass = math.log(1 + self.articles)
        self._alike = lru_cache(maxsize=20_000)(self._find_alike)
        # Each turn of a conversation is weighed again with every turn after it.
        self.mentioned = lru_cache(maxsize=TURNS_REMEMBERED)(self._mentioned)

    def _rarities(self, index: Index) -> dict[str, float]:
        """A word is telling if few titles have it and few other articles use it."""
        titled = {
            word: {self._names[n].article for n, _ in places}
            for word, places in self._holders.items()
        }
        used: dict[str, set[int]] = defaultdict(set)
        for passage, article in zip(index.passages, index.article_of.tolist(), strict=True):
            for word in surface_words(plain(passage.text)):
                stemmed = stem(word, passage.language or "en")
                if stemmed in titled and article not in titled[stemmed]:
                    used[stemmed].add(article)
        return {
            word: math.log(1 + self.articles / (len(holders) + len(used[word])))
            * (FILLER_RARITY if word in self._idle or word.isdigit() else 1.0)
            for word, holders in titled.items()
        }

    def _mentioned(self, text: str, language: str) -> Mapping[int, float]:
        """How clearly each article (by number) is named in the text: 0 to 1, absent for not."""
        heard = _heard(text, language)
        found: dict[int, list[tuple[int, int, float]]] = defaultdict(list)
        for at, word in enumerate(heard):
            if word in LINKS:
                continue
            joined = ("".join(heard[at : at + n]) for n in (2, 3) if at + n <= len(heard))
            for spelling in (word, *joined):
                for known, likeness in self._alike(spelling):
                    for name, place in self._holders[known]:
                        found[name].append((at, place, likeness * self._rarity[known]))
        mentions = [
            mention
            for name, hits in found.items()
            if (mention := self._mention(name, hits, heard)).cover >= LEAST_COVER
        ]
        length = max(1, len(heard))
        return {
            m.article: m.cover**2
            * (m.mass / (m.mass + self._usual_mass / 2))
            * (1 - LATE_GAIN * (1 - m.last / length))
            for m in reversed(_most_telling(mentions))
        }

    def _find_alike(self, word: str) -> tuple[tuple[str, float], ...]:
        if word in self._holders:
            return ((word, 1.0),)
        if len(word) < FUZZY_MIN_LENGTH:
            return ()
        close = process.extract(word, self._words, scorer=fuzz.ratio, score_cutoff=SIMILAR, limit=3)
        return tuple((known, (likeness / 100) ** 2) for known, likeness, _ in close)

    def _mention(self, name: int, hits: list[tuple[int, int, float]], heard: list[str]) -> _Mention:
        """The stretch of the text, not much longer than the name, that holds most of it."""
        article, words, worth = self._names[name]
        best = _Mention(article, 0.0, 0.0, 0, 0)
        for start, _, _ in hits:
            by_place: dict[int, float] = {}
            last = start
            for at, place, weight in hits:
                if start <= at < start + len(words) + SLACK_WORDS:
                    by_place[place] = max(weight, by_place.get(place, 0.0))
                    last = max(last, at)
            mass = sum(by_place.values())
            if mass > best.mass:
                if WHEREABOUTS.intersection(heard[max(0, start - 2) : start]):
                    worth = self._names[name].worth * WHEREABOUTS_WEIGHT
                best = _Mention(article, worth * mass / self._mass[name], mass, start, last)
        return best

    def weigh(self, turns: list[tuple[str, float]], language: str = "en") -> Floats:
        """Sum of mentions over turns given with their weights; one value per article.

        Between names that were said alike (`Corner Shop - North`, `Corner Shop - South`) whatever
        else was said decides.
        """
        weighed = np.zeros(self.articles, np.float32)
        for text, weight in turns:
            for article, clarity in self.mentioned(text, language).items():
                weighed[article] += weight * clarity
        said = {word for text, _ in turns for word in _words_heard(text, language)}
        for name in self._names:
            if weighed[name.article] and name.worth == 1.0:
                covered = sum(self._rarity[w] for w in name.words if w in said)
                weighed[name.article] *= 1 + 0.3 * covered / sum(
                    self._rarity[w] for w in name.words
                )
        return weighed

    def newly_named(self, text: str, language: str = "en") -> Floats:
        """For each article the share of its name's rarity that the text has, if a telling word of
        the name is in it; one value per article."""
        words = _words_heard(text, language) | _said_otherwise(text, language)
        words &= self._holders.keys()
        telling = self._telling(words)
        named = np.zeros(self.articles, np.float32)
        for number in {number for word in telling for number, _ in self._holders[word]}:
            name = self._names[number]
            held = sum(self._rarity[word] for word in set(name.words) & words)
            share = held / self._mass[number]
            named[name.article] = max(named[name.article], share)
        return named

    def without_names(self, before: str, now: str, language: str = "en") -> str:
        """An earlier turn without the names that this one puts others in place of: after "delivery
        to Norway", "and to Sweden?" is not about Norway."""
        named = self._telling(_words_heard(now, language) | _said_otherwise(now, language))
        replaced = self._telling(_words_heard(before, language)) - named
        if not named or not replaced:
            return before
        kept = (each for each in before.split() if not replaced & _words_heard(each, language))
        return " ".join(kept)

    def elsewhere(self, text: str) -> Floats:
        """1 for each article whose title names a place, and none that the text names; else 0."""
        said = places(text)
        if not said:
            return np.zeros(self.articles, np.float32)
        return np.array([bool(named) and not named & said for named in self._places], np.float32)

    def _telling(self, words: frozenset[str]) -> set[str]:
        """Those that name something by themselves."""
        least = TELLING_SHARE * self._usual_mass
        return {word for word in words if self._rarity.get(word, 0.0) > least}


def _heard(text: str, language: str) -> list[str]:
    """The words of a turn as names have them; long runs of number words are blanked."""
    words = [stem(digits(word), language) for word in surface_words(text)]
    start = 0
    while start < len(words):
        end = start
        while end < len(words) and words[end].isdigit():
            end += 1
        if end - start > LONGEST_NUMBER:
            words[start:end] = [""] * (end - start)
        start = end + 1
    return words


@lru_cache(maxsize=TURNS_REMEMBERED)
def _words_heard(text: str, language: str) -> frozenset[str]:
    return frozenset(_heard(text, language))


def _said_otherwise(text: str, language: str) -> frozenset[str]:
    """The words of names for the same: `Oslo` for `Norway`, `Scotland` for `United Kingdom`."""
    return frozenset(word for expression in alike(text, language) for word in expression)


def _names(article: int, title: str, language: str) -> list[_Name]:
    """The title as a name and, where it has one, its head."""
    whole = _words_of_name(title, language)
    head = _words_of_name(_HEAD.split(title)[0], language)
    names = [_Name(article, whole, 1.0)] if whole else []
    if head and head != whole:
        names.append(_Name(article, head, HEAD_WEIGHT))
    return names


def _words_of_name(title: str, language: str) -> list[str]:
    words = [stem(digits(word), language) for word in surface_words(title)]
    return [word for word in words if word not in LINKS] or words


def _most_telling(mentions: list[_Mention]) -> list[_Mention]:
    """Of names that overlap in the text (`Alamo Square`, `Alamo Square Grill`) those that explain
    most of it, the clearest first."""
    kept: list[_Mention] = []
    for mention in sorted(mentions, key=lambda m: -m.strength):
        rivals = [k for k in kept if k.start <= mention.last and mention.start <= k.last]
        if all(mention.strength > 0.6 * rival.strength for rival in rivals):
            kept.append(mention)
    return kept
