"""Which of an engine's voices speaks: the one that was chosen, or the nearest to a language.

Languages are compared by their BCP 47 tags as Unicode's CLDR does it: `cmn` is `zh`, `deu` is `de`,
and an American voice is nearer to plain `en` than a Scottish one.
"""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from threading import Lock

import langcodes
from langcodes.tag_parser import LanguageTagError

from models.errors import EngineMissing
from models.synthesizer import LanguageUnspoken, Voice

ANY_LANGUAGE = "mul"
"""The tag of a voice that speaks whatever language it is given: ISO 639-2's `multiple languages`.
"""
USUAL_WORDS_PER_MINUTE = 165
"""At this setting a voice speaks at the pace that it was made with."""
_DIALECT = 10
"""CLDR's distance up to which speakers of one understand the other: `gsw` and `de`, not `uk` and
`ru`."""
FAR = 1000
"""The distance between languages, from here on."""
_SHOWN = 40
_SPEAKER = "#"


class Cast:
    """Finds the voice for a language and a listener."""

    def __init__(
        self, engine: str, voices: Sequence[Voice], chosen: str | Sequence[str] = ""
    ) -> None:
        """`voices`: all that the engine has, for each language the best first. `chosen`: names of
        voices, or tags of languages, whose best voice it is then; languages that none of them
        speaks have their best.

        Raises `EngineMissing` naming those that there are, if one of `chosen` is none of them.
        """
        self._voices = tuple(voices)
        self._chosen = tuple(self._named(engine, name) for name in listed(chosen) if name)

    def voice_for(self, language: str, listener: str = "") -> Voice:
        """The voice for a language. Where several were chosen that speak it, each listener has one
        of them, the same each time, in every process.

        Raises `LanguageUnspoken`.
        """
        candidates = self.voices_for(language)
        return candidates[zlib.crc32(listener.encode()) % len(candidates)]

    def voices_for(self, language: str) -> list[Voice]:
        """Those that were chosen and speak a language, or else the one nearest to it.

        Raises `LanguageUnspoken`.
        """
        if chosen := [voice for voice in self._chosen if speaks(voice, language)]:
            return chosen
        nearest = min(self._voices, key=lambda voice: _farness(language, voice), default=None)
        if nearest is None or not speaks(nearest, language):
            raise LanguageUnspoken(language)
        return [nearest]

    def that_may_speak(self) -> tuple[Voice, ...]:
        """Every voice that `voice_for` may name: what must be loaded."""
        spoken = [self.voice_for(voice.language) for voice in self._voices]
        return tuple(dict.fromkeys([*self._chosen, *spoken]))

    def _named(self, engine: str, name: str) -> Voice:
        for voice in self._voices:
            if name in (voice.name, voice.language):
                return voice
        names = sorted({voice.name for voice in self._voices})
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        raise EngineMissing(
            f"{engine} has no voice {name!r}",
            remedy=f"choose one of: {', '.join(names[:_SHOWN])}{more}",
        )


def listed(names: str | Sequence[str]) -> list[str]:
    """The names in a setting that takes one or several."""
    return [names] if isinstance(names, str) else list(names)


def by_speaker(voice: Voice, speakers: Sequence[str]) -> list[Voice]:
    """A model's voice; where it has several speakers, a voice of each, by the name
    `model#speaker`."""
    if len(speakers) < 2:
        return [voice]
    return [replace(voice, name=f"{voice.name}{_SPEAKER}{speaker}") for speaker in speakers]


def model_and_speaker(voice: str) -> tuple[str, str]:
    """What `by_speaker` has put into a voice's name; no speaker where the model has one."""
    model, _, speaker = voice.partition(_SPEAKER)
    return model, speaker


def speaks(voice: Voice, language: str) -> bool:
    """Whether a voice speaks a language, or one so near that its speakers understand it."""
    return distance(language, voice.language) < FAR


def _farness(language: str, voice: Voice) -> tuple[bool, int, int, int]:
    """What comes first speaks. Where a French of Canada is missing, that of France comes before
    that of Belgium; plain British before that of Scotland, unless it is asked for."""
    tag = language.replace("_", "-").lower()
    return (
        voice.language.replace("_", "-").lower() != tag,
        distance(language, voice.language),
        distance(tag.partition("-")[0], voice.language),
        len(voice.language),
    )


_langcodes = Lock()
"""It shares its tags among threads, and fills them in step by step."""


@lru_cache(4096)
def distance(language: str, spoken: str) -> int:
    """How far a voice's language is from the one wanted: 0 for the same, `FAR` or more where it
    is another language, or none."""
    if spoken == ANY_LANGUAGE:
        return 0
    try:
        with _langcodes:
            wanted = langcodes.get(langcodes.standardize_tag(language, macro=True))
            offered = langcodes.get(langcodes.standardize_tag(spoken, macro=True))
            apart = wanted.distance(offered)
    except LanguageTagError:
        # espeak has made some of its tags up.
        return 0 if language == spoken else FAR
    return apart if wanted.language == offered.language or apart <= _DIALECT else FAR + apart
