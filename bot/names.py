"""Names that customers say of themselves: "my name is …", the end of a letter. Pure.

Only where the words leave no doubt. A name that is missed is told to a language model; a word that
is taken for a name leaves the model without it.
"""

import re

from bot.arabic import normalise
from bot.knowledge.words import chinese, is_filler, surface_words

_LANGUAGES = ("ar", "de", "en", "es")
_SAID = re.compile(
    r"""\b(?:my\s+(?:full\s+)?name(?:\s+is|'s|:)|(?:i\s+am|i'm)\s+called
        |mein\s+(?:voller\s+)?name\s+(?:ist|lautet)|ich\s+hei(?:ß|ss)e
        |me\s+llamo|mi\s+nombre(?:\s+completo)?\s+es)\s+
    | (?<!\w)(?:اسمي|انا\s+اسمي)\s+(?:هو\s+)?""",
    re.IGNORECASE | re.VERBOSE,
)
_INTRODUCED = re.compile(r"\b(?:I\ am|I'm|[Tt]his\ is|[Ss]oy)\ (?=[^\W\d_a-z]\w+\ [^\W\d_a-z]\w)")
"""Of these only a name of two words is sure: "I'm German." tells none."""
_SIGNED = re.compile(
    r"""^[^\S\n]*(?:(?:best|kind|warm)\ (?:regards|wishes)|regards|sincerely|yours\ \w+|cheers
        |thanks|mit\ freundlichen\ grü(?:ß|ss)en|viele\ grü(?:ß|ss)e|lg|vg|mfg
        |(?:un\ )?saludos?(?:\ cordial(?:es)?)?|atentamente)[,.!]?[^\S\n]*\n\s*""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_CHINESE = re.compile(
    r"(?:我叫|我的名字(?:是|叫)|本人(?:姓名)?(?:是|叫)?[:：]?)(?P<rest>[\u4e00-\u9fff]{2,12})"
)
_TITLE = re.compile(r"(?:mr|mrs|ms|miss|dr|herr|frau|señora?|sra?|dra?)\.?\s+", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_NO_NAMES = frozenset(
    ["wrong", "incorrect", "misspelled", "misspelt", "spelled", "spelt", "missing", "different",
     "still", "listed", "written", "falsch", "anders", "verkehrt", "geschrieben", "incorrecto",
     "mal", "otro", "escrito"]
)  # fmt: skip
_ALSO_NAMES = frozenset({"علي"})
"""Ali is written like a word for `on`."""
_MOST_WORDS = 3


def names_said(text: str) -> tuple[str, ...]:
    """In the order in which they stand."""
    found: list[str] = []
    arabic = normalise(text)
    for said in _SAID.finditer(text):
        found.append(_name(text[said.end() :]))
    if arabic != text:
        found += [_name(arabic[said.end() :]) for said in _SAID.finditer(arabic)]
    found += [_name(text[said.end() :]) for said in _INTRODUCED.finditer(text)]
    found += [_signature(text[signed.end() :]) for signed in _SIGNED.finditer(text)]
    found += [_chinese_name(said["rest"]) for said in _CHINESE.finditer(text)]
    return tuple(dict.fromkeys(name for name in found if name))


def _name(rest: str) -> str:
    """The words at the beginning that can be a name; empty for none."""
    title = _TITLE.match(rest)
    at = title.end() if title else 0
    words: list[str] = []
    while len(words) < _MOST_WORDS and (word := _WORD.match(rest, at)):
        if _is_plain(word[0], first=not words) or (
            words and word[0].islower() and words[0][0].isupper()
        ):
            break
        words.append(word[0])
        if not rest[word.end() : word.end() + 1].isspace():
            break
        at = word.end() + len(rest[word.end() :]) - len(rest[word.end() :].lstrip())
    return " ".join(words)


def _signature(rest: str) -> str:
    """A line with nothing but one to three words, each with a capital."""
    line = rest.partition("\n")[0].strip(" ,.-–—")
    words = line.split()
    fits = all(_WORD.fullmatch(word) and word[0].isupper() for word in words)
    return line if words and fits and len(words) <= _MOST_WORDS else ""


def _chinese_name(rest: str) -> str:
    """What the dictionary knows as a person's name; else all there is, if it is short enough."""
    word, kind = chinese().tag(rest)[0]
    if kind.startswith("nr") and len(word) > 1:
        return str(word)
    return rest if len(rest) <= _MOST_WORDS else ""


def _is_plain(word: str, *, first: bool) -> bool:
    """A word that is no name here, though some are elsewhere: Will, May, Ali."""
    lowered = surface_words(word)[0]
    if lowered in _NO_NAMES:
        return True
    if lowered in _ALSO_NAMES or (first and word[0].isupper()):
        return False
    return any(is_filler(lowered, each) for each in _LANGUAGES)
