"""Names in the knowledge: of products, plans and places, as they are to be spelt. A transcriber is
told them (`bot/told_transcriber.py`), for it has never heard of them."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

from bot.knowledge.article import Passage
from bot.knowledge.passages import plain

MOST = 60
"""No engine takes more; see `models.whisper.prompt_of`."""
_SHORTEST = 3
_ENOUGH_WORDS = 20
_TITLE_COUNTS = 3
_NOUNS_ARE_CAPITAL = 0.15
"""Share of capitals within sentences from which on a language writes its nouns with one. There,
only a word such as EcoCharge shows that it is a name."""
_WORD = re.compile(r"[^\W\d_][^\W_]*(?:[-'’][^\W_]+)*")
_ADDRESS = re.compile(r"\S+[@/.]\S*\w")
_SENTENCE = re.compile(r"(?<=[.!?:;·…])\s+|\n+")
_CAPITAL_INSIDE = re.compile(r".*[a-z].*[A-Z]|.*[A-Z][a-z]+.*\d")


def names_in(
    passages: Sequence[Passage], familiar: Callable[[str], bool] = lambda word: False
) -> tuple[str, ...]:
    """The names, those of most articles first, at most `MOST`.

    A name is a word with a capital that stands within a sentence, is never written without, and is
    not `familiar` (lower case given) as a word of the language; its neighbours with a capital
    belong to it. Pure.
    """
    texts = [_ADDRESS.sub(" ", plain(passage.text)) for passage in passages]
    common = {word for text in texts for word in _WORD.findall(text) if word.islower()}
    articles: defaultdict[str, set[str]] = defaultdict(set)
    weight: Counter[str] = Counter()
    for passage, text in zip(passages, texts, strict=True):
        plainly = not _writes_nouns_with_a_capital(text)
        for run in _runs(text):
            if not any(_is_name(word, common, familiar, plainly=plainly) for word in run):
                continue
            name = " ".join(run)
            if passage.article not in articles[name]:
                articles[name].add(passage.article)
                weight[name] += _TITLE_COUNTS if name in passage.title else 1
    # What a button says is a verb before a name: Add VoltCare.
    names = [name for name in weight if name.partition(" ")[2] not in weight]
    return tuple(sorted(names, key=lambda name: (-weight[name], name))[:MOST])


def _runs(text: str) -> Iterator[list[str]]:
    """Words with a capital that stand beside each other within a sentence."""
    for sentence in _SENTENCE.split(text):
        run: list[str] = []
        end = 0
        for number, found in enumerate(_WORD.finditer(sentence)):
            word = found[0].removesuffix("'s").removesuffix("’s")
            # The first word has a capital anyway.
            capital = word[:1].isupper() and (number > 0 or bool(_CAPITAL_INSIDE.match(word)))
            if run and not (capital and sentence[end : found.start()] == " "):
                yield run
                run = []
            if capital:
                run.append(word)
            end = found.end()
        if run:
            yield run


def _is_name(
    word: str, common: set[str], familiar: Callable[[str], bool], *, plainly: bool
) -> bool:
    """`plainly`: a capital alone shows it."""
    if len(word) < _SHORTEST:
        return False
    if _CAPITAL_INSIDE.match(word):
        return True
    lower = word.lower()
    return plainly and not word.isupper() and lower not in common and not familiar(lower)


def _writes_nouns_with_a_capital(text: str) -> bool:
    within = [word for part in _SENTENCE.split(text) for word in _WORD.findall(part)[1:]]
    capitals = sum(word[:1].isupper() for word in within)
    return len(within) >= _ENOUGH_WORDS and capitals > _NOUNS_ARE_CAPITAL * len(within)
