"""The default transcriber: finds speech, hears it with a Moonshine, and judges what it heard.

Each Moonshine knows one language and writes words of it for any sound. So what it wrote is believed
only as far as it does itself: where the words were guesses, the transcript says so in `problem` and
the guesses are left out. The default is tiny English; which others there are, `models.
moonshine_models` says.
"""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.audio import resampled
from models.downloads import Weights, pulled
from models.growing import GrowingListener
from models.moonshine_decoder import Hearing, MoonshineDecoder, Samples
from models.moonshine_models import chosen
from models.speech_parts import Part, Speech, hear_in_parts, peak_of
from models.transcriber import Transcript
from models.voice_activity import SAMPLE_RATE_HZ

LEAD_S = 0.5
"""Silence before and after each part. The model was trained on whole clips and drops words at the
very edge: on LJSpeech this lowers the word error from 10 to 3 %, on espeak's voices from 28 to
15 %."""
DRAFT_LEAD_S = 0.1
"""Of what is shown for a moment only."""

UNDERSTOOD = 0.6
"""Least confidence at which the words are kept. It was set on these clips, heard by tiny English:
all 68 of people speaking English are above it, 272 of 288 of espeak's voices in four other
languages below; of espeak's English, what falls below has four words of five wrong. The other
models are held to the same; none of them could be measured."""
SHOWN = 0.57
"""The same of a draft, which is heard once and shown for a moment: with 0.6, one clip's words came
first after 0.9 s of speech instead of 0.7."""
SURE = 0.8
"""Confidence below which a part is heard once more, in another way, and the surer result is taken.
Of espeak's voices 14, 48 and 33 % of the words were wrong in silence, over a telephone and in
noise; heard twice, 12, 37 and 25 %. Of 60 people's orders 15, 25 and 21 % of what was ordered was
missing, and 13, 24 and 21 %. Nearly half of all parts are heard twice."""
AGAIN_SPEED, AGAIN_PRE_EMPHASIS = 0.9, 0.6
"""Slower, and with more of what is high, as long used before speech is analysed (`y[n] = x[n] -
0.6 x[n-1]`; Rabiner and Schafer, 1978). Of seventeen ways this one helped most; more of them helped
little more."""
SAME_LANGUAGE = 0.5
"""Below this it is taken for another language."""
_WORD = re.compile(r"[^\W\d_]|\d")
_SCRIPTS = {
    "ar": ("ARABIC",),
    "ja": ("CJK", "HIRAGANA", "KATAKANA"),
    "ko": ("HANGUL",),
    "uk": ("CYRILLIC",),
    "zh": ("CJK",),
}
"""First words of the names of a language's letters; Latin for all others."""
_UNSPACED = ("ja", "zh")


class MoonshineTranscriber:
    """Speech of one language to text; tiny English hears 10 s in about 0.2 s on one core, and in no
    less on two; in twice that where it is not sure. Thread-safe. Implements
    `models.speech_parts.HearsParts`.

    `confidence` is the geometric mean of the probabilities that the decoder gave to its tokens.
    `model`: the name of a published one, or a folder with its files. `language`: what a folder's
    model hears; the others say it in their names. `threads`: cores.

    Raises `EngineMissing` if the model is absent, damaged or of another kind.
    """

    longest_s = 15.0
    shortest_cut_s = 8.0
    overhead_s = 0.7
    """Words that a pass gets wrong at the end of what has come, and its end."""

    def __init__(self, model: str = "", language: str = "", threads: int = 1) -> None:
        found = chosen(model, language)
        self.name = found.name
        self.languages = frozenset({found.language})
        self._language = found.language
        self._decoder = MoonshineDecoder(
            pulled(found.weights), threads, english=found.language == "en"
        )

    @staticmethod
    def weights(model: str = "", language: str = "") -> Weights:
        """What `model` names."""
        return chosen(model, language).weights

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        """Mono sound at 16 kHz, of any length, to text."""
        return hear_in_parts(self, samples)

    def listen(self) -> GrowingListener[Hearing]:
        """For sound that is still to come."""
        return GrowingListener(self)

    def hear_part(self, samples: Samples, draft: Hearing | None, *, final: bool) -> Hearing:
        """A part of a recording, with silence around it; what is `final` and not sure, twice."""
        heard = self._hear(samples, draft, final=final)
        if not final or _confidence([heard]) >= SURE:
            return heard
        again = self._hear(_put_otherwise(samples), heard, final=True)
        return max(
            heard, again, key=lambda each: (bool(_WORD.search(each.text)), _confidence([each]))
        )

    def _hear(self, samples: Samples, draft: Hearing | None, *, final: bool) -> Hearing:
        framed = np.pad(samples, round((LEAD_S if final else DRAFT_LEAD_S) * SAMPLE_RATE_HZ))
        return self._decoder.hear(framed, draft.tokens if draft else (), final=final)

    def text_of(self, heard: Hearing) -> str:
        """The words in it, if they are more than a guess."""
        return heard.text if _understood(heard, SHOWN) else ""

    def judge(self, parts: Sequence[Part[Hearing]], speech: Speech) -> Transcript:
        """What of the parts can be believed. Where most can, the rest is left out and `problem`
        says so."""
        kept = [part for part in parts if _understood(part.heard)]
        lost = [part for part in parts if not _understood(part.heard)]
        text = ("" if self._language in _UNSPACED else " ").join(part.heard.text for part in kept)
        confidence = _confidence([part.heard for part in kept or parts])
        if text and not self._in_its_script(text):
            return Transcript("", "", confidence, speech.seconds, "audio_language")
        if not lost:
            return Transcript(text, self._language, confidence, speech.seconds)
        # A cough or a word in passing is no reason to complain of the rest.
        lost_s = sum(part.stretch.seconds for part in lost)
        if kept and lost_s < 0.15 * sum(part.stretch.seconds for part in parts):
            return Transcript(text, self._language, confidence, speech.seconds)
        problem = self._problem([part.heard for part in lost], near=speech.near)
        language = self._language if text else ""
        return Transcript(text, language, confidence, speech.seconds, problem)

    def _problem(self, lost: Sequence[Hearing], *, near: bool) -> str:
        words = " ".join(heard.text for heard in lost)
        if not near or not _WORD.search(words):
            return "audio_not_speech"
        certain = _confidence(lost) < SAME_LANGUAGE
        return "audio_language" if certain or not self._in_its_script(words) else "audio_unclear"

    def _in_its_script(self, text: str) -> bool:
        """Whether most letters are of those that the language is written in."""
        names = _SCRIPTS.get(self._language, ("LATIN",))
        letters = [character for character in text if character.isalpha()]
        own = sum(unicodedata.name(letter, "").startswith(names) for letter in letters)
        return 2 * own >= len(letters)


def _put_otherwise(samples: Samples) -> Samples:
    """The same, slower and with its high sounds raised; as loud as it was."""
    raised = np.append(samples[:1], samples[1:] - np.float32(AGAIN_PRE_EMPHASIS) * samples[:-1])
    raised *= np.float32(peak_of(samples) / (peak_of(raised) or 1.0))
    return resampled(raised, round(AGAIN_SPEED * SAMPLE_RATE_HZ), SAMPLE_RATE_HZ)


def _understood(heard: Hearing, least: float = UNDERSTOOD) -> bool:
    return _confidence([heard]) >= least and bool(_WORD.search(heard.text))


def _confidence(hearings: Sequence[Hearing]) -> float:
    chances = np.concatenate([hearing.log_probabilities for hearing in hearings])
    return float(np.exp(chances.mean())) if len(chances) else 0.0
