"""espeak-ng, inside the `espeakng-loader` wheel: small, quick, a hundred languages.

The C interface is speak_lib.h of espeak-ng 1.52. The library has one state for the whole process,
so one lock guards it; a second of speech takes about a millisecond.
"""

import ctypes
import threading
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

from models.errors import EngineFailed, EngineMissing
from models.synthesizer import Speech, Voice, sentence_by_sentence
from models.voices import USUAL_WORDS_PER_MINUTE, Cast, listed

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_NO_EXIT = 0x8000
"""espeakINITIALIZE_DONT_EXIT: a missing data folder is an error code, not the process' end."""
_UTF8 = 1
_POSITION_CHARACTER = 1
_RATE = 1

_TAGS = {"pt": "pt-pt"}
"""espeak's tags that say less than they mean: its `pt` is the voice of Portugal."""


class _VoiceRecord(ctypes.Structure):
    """espeak_VOICE of speak_lib.h."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class Espeak:
    """Implements `models.synthesizer.Synthesizer`."""

    def __init__(
        self,
        voice: str | Sequence[str] = "",
        words_per_minute: int = USUAL_WORDS_PER_MINUTE,
    ) -> None:
        """`voice`: one or more of `voices()`, or a language's tag; with `+` and one of `variants()`
        after it (`en-us+f3`), another person. Languages that none of them speaks have their own.
        `words_per_minute`: 80 to 450.

        Raises `EngineMissing` if the library does not load or has no such voice.
        """
        self._library = _library()
        self._rate = words_per_minute
        self._variants: dict[str, str] = {}
        names = [self._plain(name) for name in listed(voice)]
        self._cast = Cast("espeak-ng", self.voices(), names)

    def voices(self) -> list[Voice]:
        return [Voice(name, language, "espeak-ng, GPL-3.0") for name, language in _voice_names()]

    def synthesize(self, text: str, language: str, listener: str = "") -> Iterator[Speech]:
        voice = self._cast.voice_for(language, listener)
        whose = voice.name + self._variants.get(voice.name, "")
        yield from sentence_by_sentence(
            text, _sample_rate_hz, lambda sentence: self._speak(sentence, whose)
        )

    def _plain(self, chosen: str) -> str:
        """The voice's name without its variant, which is kept."""
        name, plus, variant = chosen.partition("+")
        if not plus:
            return name
        if variant not in variants():
            raise EngineMissing(
                f"espeak-ng has no variant {variant!r} of its voices",
                remedy=f"choose one of: {', '.join(variants())}",
            )
        whole = next((n for n, language in _voice_names() if name in (n, language)), None)
        if whole is None:
            raise EngineMissing(
                f"espeak-ng has no voice {name!r}",
                remedy=f"choose one of: {', '.join(sorted(n for n, _ in _voice_names()))}",
            )
        self._variants[whole] = plus + variant
        return whole

    def _speak(self, sentence: str, voice: str) -> NDArray[np.float32]:
        pieces: list[bytes] = []

        def collect(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _: object) -> int:
            # Not by `as_array`: ctypes makes a type for each length, and keeps it for ever.
            if samples and count:
                pieces.append(ctypes.string_at(samples, count * np.int16().itemsize))
            return 0

        callback = _Callback(collect)
        data = sentence.encode("utf-8").replace(b"\0", b" ")
        with _lock:
            self._library.espeak_SetSynthCallback(callback)
            self._library.espeak_SetVoiceByName(voice.encode())
            self._library.espeak_SetParameter(_RATE, self._rate, 0)
            status = self._library.espeak_Synth(
                data, len(data) + 1, 0, _POSITION_CHARACTER, 0, _UTF8, None, None
            )
            self._library.espeak_Synchronize()
        if status != 0:
            raise EngineFailed(f"espeak-ng failed with status {status}")
        return (np.frombuffer(b"".join(pieces), np.int16) / 32768).astype(np.float32)


_lock = threading.RLock()
_sample_rate_hz = 22_050


def _library() -> ctypes.CDLL:
    """The library, initialised once for the process. Twice at the same time would break its memory,
    and `cache` alone lets two threads in."""
    with _lock:
        return _initialised()


@cache
def _initialised() -> ctypes.CDLL:
    global _sample_rate_hz
    try:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
    except OSError as error:
        raise EngineMissing(
            f"espeak-ng does not load: {error}",
            remedy="pip install --force-reinstall espeakng-loader",
        ) from error
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_VoiceRecord))
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    rate = library.espeak_Initialize(
        _AUDIO_OUTPUT_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), _NO_EXIT
    )
    if rate <= 0:
        raise EngineMissing(
            "espeak-ng does not find its data",
            remedy="pip install --force-reinstall espeakng-loader",
        )
    _sample_rate_hz = rate
    return library


@cache
def _voice_names() -> tuple[tuple[str, str], ...]:
    """(name, language) of each voice. A language may have several names; the first is best."""
    with _lock:
        records = _library().espeak_ListVoices(None)
        found: list[tuple[str, str]] = []
        position = 0
        while records[position]:
            record = records[position].contents
            # `languages` is a list of (priority byte, tag, 0): the first is the voice's own.
            language = record.languages[1:].decode() if record.languages else ""
            found.append((record.name.decode(), _TAGS.get(language, language)))
            position += 1
    return tuple(found)


@cache
def variants() -> tuple[str, ...]:
    """Persons that any voice can be given: `m1` to `m8`, `f1` to `f5`, and some with names."""
    folder = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
    return tuple(sorted(path.name for path in folder.iterdir() if path.is_file()))
