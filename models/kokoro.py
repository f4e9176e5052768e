"""Kokoro-82M in ONNX, by kokoro-onnx: natural voices in seven languages, somewhat faster than they
speak on two cores. https://github.com/thewh1teagle/kokoro-onnx

A voice's name says its language and whether it is female or male: `af_heart` is an American woman.
Two layouts are read: that of kokoro-onnx (`kokoro-v1.0.onnx` beside `voices-v1.0.bin`) and that of
the hub (`onnx/model.onnx`, a file in `voices/` for each voice).
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from kokoro_onnx import Kokoro
from kokoro_onnx.config import SAMPLE_RATE

from models.audio import Samples
from models.cache import made_once
from models.downloads import Weights, named_weights, pulled
from models.errors import EngineFailed, EngineMissing, first_line
from models.onnx_providers import onnx_providers
from models.synthesizer import Speech, Voice, sentence_by_sentence
from models.voices import USUAL_WORDS_PER_MINUTE, Cast

PUBLIC = "onnx-community/Kokoro-82M-v1.0-ONNX"
_FILES = ("onnx/model.onnx", "voices/*.bin")
_LICENCE = "Apache-2.0"
_BYTES = 355_000_000
_LANGUAGES = {
    "a": "en-us", "b": "en-gb", "e": "es", "f": "fr-fr", "h": "hi", "i": "it", "p": "pt-br",
}  # fmt: skip
"""By the first letter of a voice's name, as espeak-ng calls them. For its Chinese and Japanese
voices espeak's phonemes are not those that the model has learned."""
_BEST = ("af_heart", "bf_emma", "if_sara", "hf_alpha")
"""Those that Kokoro's authors grade best; the others in alphabetical order."""
_PERSONS = {"f": "female", "m": "male"}
_STYLE = 256
_SLOWEST, _FASTEST = 0.5, 2.0
_TRIAL = "one."
_WHICH = (
    "`model` is a folder with an ONNX file and its voices, the ONNX file, or the name of a public "
    f"model: {PUBLIC}"
)


class KokoroSynthesizer:
    """Implements `models.synthesizer.Synthesizer`."""

    def __init__(
        self,
        model: str = PUBLIC,
        voice: str | Sequence[str] = "",
        words_per_minute: int = USUAL_WORDS_PER_MINUTE,
        device: str = "auto",
    ) -> None:
        """`model`: a folder, the ONNX file in it, or the name of a model on the hub. `voice`: one
        or more of `voices()`.

        Raises `EngineMissing` if model or voices are not there, damaged, or not Kokoro's.
        """
        graph = _graph(pulled(self.weights(model)))
        self._kokoro = _load(graph, _voices_file(graph), onnx_providers(device))
        self._speed = min(_FASTEST, max(_SLOWEST, words_per_minute / USUAL_WORDS_PER_MINUTE))
        self._voices = _voices(self._kokoro)
        if not self._voices:
            raise EngineMissing(f"{graph} has no voice in a language known here", remedy=_WHICH)
        self._cast = Cast("kokoro", self._voices, voice)
        self._styles = {
            each.name: _style(self._kokoro, each.name) for each in self._cast.that_may_speak()
        }
        try:
            self._create(_TRIAL, self._cast.that_may_speak()[0])
        except EngineFailed as error:
            raise EngineMissing(
                f"{graph} is not a model of Kokoro: {first_line(error.__cause__ or error)}",
                remedy=_WHICH,
            ) from error

    @staticmethod
    def weights(model: str = PUBLIC) -> Weights:
        if model == PUBLIC:
            return named_weights(model, _FILES, licence=_LICENCE, size_bytes=_BYTES)
        return named_weights(model, _FILES)

    def voices(self) -> list[Voice]:
        return list(self._voices)

    def synthesize(self, text: str, language: str, listener: str = "") -> Iterator[Speech]:
        voice = self._cast.voice_for(language, listener)
        yield from sentence_by_sentence(
            text, SAMPLE_RATE, lambda sentence: self._create(sentence, voice)
        )

    def _create(self, sentence: str, voice: Voice) -> Samples:
        try:
            phonemes = self._kokoro.tokenizer.phonemize(sentence, voice.language)
            if not phonemes.strip(" .!?,;:…"):
                return np.zeros(0, np.float32)
            samples, _ = self._kokoro.create(
                phonemes,
                self._styles[voice.name],
                self._speed,
                voice.language,
                is_phonemes=True,
            )
        except Exception as error:
            # onnxruntime's errors have no common parent, and kokoro-onnx's quote what was said.
            raise EngineFailed(f"kokoro failed with {type(error).__name__}") from error
        return np.asarray(samples, np.float32)


def _graph(place: Path) -> Path:
    if place.is_file():
        return place
    found = sorted(place.rglob("*.onnx"))
    if len(found) == 1:
        return found[0]
    if not found:
        raise EngineMissing(f"{place} holds no ONNX file", remedy=_WHICH)
    whole = place / "onnx" / "model.onnx"
    if whole in found:
        return whole
    names = ", ".join(str(each.relative_to(place)) for each in found)
    raise EngineMissing(
        f"{place} holds several ONNX files: {names}", remedy="name one of them as `model`"
    )


def _voices_file(graph: Path) -> Path:
    """The voices as NumPy writes several arrays: the file beside the graph, or one made of a
    `voices` folder."""
    beside = sorted([*graph.parent.glob("voices*.bin"), *graph.parent.glob("voices*.npz")])
    if beside:
        return beside[0]
    for folder in (graph.parent / "voices", graph.parent.parent / "voices"):
        files = sorted(folder.glob("*.bin"))
        if files:
            return _together(files)
    raise EngineMissing(f"there are no voices beside {graph}", remedy=_WHICH)


def _together(files: Sequence[Path]) -> Path:
    seen = hashlib.sha256()
    for file in files:
        seen.update(f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}\n".encode())

    def make(path: Path) -> None:
        styles: dict[str, Any] = {}
        for file in files:
            numbers = np.fromfile(file, np.float32)
            if not len(numbers) or len(numbers) % _STYLE:
                raise EngineMissing(f"{file} is not a voice of Kokoro", remedy=_WHICH)
            styles[file.stem] = numbers.reshape(-1, 1, _STYLE)
        with path.open("wb") as whole:
            np.savez(whole, **styles)

    return made_once(f"kokoro-voices-{seen.hexdigest()[:16]}.npz", make)


def _load(graph: Path, voices: Path, providers: Sequence[str]) -> Kokoro:
    try:
        session = onnxruntime.InferenceSession(str(graph), providers=list(providers))
    except Exception as error:
        raise EngineMissing(
            f"{graph} cannot be loaded: {first_line(error)}",
            remedy=f"copy or download it again; {_WHICH}",
        ) from error
    try:
        loaded: Kokoro = Kokoro.from_session(session, str(voices))
    except Exception as error:
        raise EngineMissing(
            f"{voices} cannot be loaded: {first_line(error)}",
            remedy=f"copy or download it again; {_WHICH}",
        ) from error
    return loaded


def _voices(kokoro: Kokoro) -> list[Voice]:
    # Typed as an array, it is what NumPy gives for a file of several; a file of one has no names.
    names: list[str] = list(getattr(kokoro.voices, "files", ()))
    return [
        Voice(
            name,
            _LANGUAGES[name[0]],
            f"{_PERSONS.get(name[1:2], 'a voice')}, Kokoro-82M, {_LICENCE}",
        )
        for name in sorted(names, key=lambda name: (name not in _BEST, name))
        if name[:1] in _LANGUAGES
    ]


def _style(kokoro: Kokoro, name: str) -> Samples:
    try:
        style = np.asarray(kokoro.get_voice_style(name), np.float32)
    except Exception as error:
        raise EngineMissing(
            f"the voice {name} cannot be read: {first_line(error)}",
            remedy="copy or download the voices again",
        ) from error
    if style.ndim != 3 or style.shape[1:] != (1, _STYLE):
        raise EngineMissing(f"{name} is not a voice of Kokoro", remedy=_WHICH)
    return style
