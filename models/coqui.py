"""Coqui TTS, by the package `coqui-tts`: VITS and others, and XTTS, which speaks 17 languages with
the voice of a recording. https://github.com/idiap/coqui-ai-TTS

It needs torchaudio and torchcodec of the same build as torch. A licence that a model asks for, as
XTTS does, is the operator's to read and accept: `COQUI_TOS_AGREED=1` in the environment.
"""

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from TTS.api import TTS
from TTS.utils.synthesizer import PAD_SILENCE_SAMPLES

from models.audio import Samples
from models.cache import cache_folder
from models.device import torch_device
from models.errors import EngineFailed, EngineMissing, first_line
from models.synthesizer import LanguageUnspoken, Speech, Voice, sentence_by_sentence
from models.voices import ANY_LANGUAGE, FAR, USUAL_WORDS_PER_MINUTE, Cast, distance

_WHICH = (
    "`model` is the folder of a model with its config.json, or a name that `tts --list_models` "
    "prints: tts_models/multilingual/multi-dataset/xtts_v2"
)


class Coqui:
    """Implements `models.synthesizer.Synthesizer`. One sentence at a time."""

    def __init__(
        self,
        model: str,
        voice: str | Sequence[str] = "",
        recording: Path | None = None,
        words_per_minute: int = USUAL_WORDS_PER_MINUTE,
        language: str = "",
        device: str = "auto",
    ) -> None:
        """`model`: a folder, or a public model's name, which is fetched once. `voice`: one or more
        of `voices()`. `recording`: some seconds of somebody who has agreed to it, as a WAV: models
        that can, as XTTS, speak with that voice. `language`: of a model that does not say its own.

        Raises `EngineMissing` if model or recording are not there or cannot be used.
        """
        if recording and not recording.is_file():
            raise EngineMissing(f"there is no recording {recording}", remedy="a WAV of 6 to 30 s")
        self._speed = words_per_minute / USUAL_WORDS_PER_MINUTE
        self._one = threading.Lock()
        self._tts = _load(model).to(torch_device(device))
        self._languages = list(self._tts.languages or ())
        spoken = language or _language_of(model)
        if not self._languages and not spoken:
            raise EngineMissing(
                f"{model} does not say which language it speaks",
                remedy="say it: `options: {language: de}` beside `model`",
            )
        self._paced = _takes_speed(self._tts)
        self._cloned = _cloned(self._tts, recording) if recording else ""
        self._voices = self._all_voices(ANY_LANGUAGE if self._languages else spoken)
        self._cast = Cast("coqui", self._voices, voice)

    def voices(self) -> list[Voice]:
        return list(self._voices)

    def synthesize(self, text: str, language: str, listener: str = "") -> Iterator[Speech]:
        voice = self._cast.voice_for(language, listener)
        spoken = self._nearest(language) if self._languages else None
        yield from sentence_by_sentence(
            text,
            self._tts.synthesizer.output_sample_rate,
            lambda sentence: self._speak(sentence, voice.name, spoken),
        )

    def _speak(self, sentence: str, voice: str, language: str | None) -> Samples:
        arguments: dict[str, Any] = {"language": language, "split_sentences": False}
        if self._tts.is_multi_speaker:
            arguments["speaker"] = voice
        if self._cloned:
            arguments["voice_dir"] = _clones()
        if self._paced:
            arguments["speed"] = self._speed
        try:
            with self._one:
                made = self._tts.tts(sentence, **arguments)
        except Exception as error:
            # Its models raise whatever they come upon, and may quote what was said.
            raise EngineFailed(f"coqui failed with {type(error).__name__}") from error
        # It ends each sentence with silence of its own.
        return np.asarray(made[:-PAD_SILENCE_SAMPLES], np.float32)

    def _nearest(self, language: str) -> str:
        """What the model calls a language that it speaks. Raises `LanguageUnspoken`."""
        best: str = min(self._languages, key=lambda each: distance(language, each))
        if distance(language, best) >= FAR:
            raise LanguageUnspoken(language)
        return best

    def _all_voices(self, language: str) -> list[Voice]:
        if self._cloned:
            return [Voice(self._cloned, language, "the voice of the recording")]
        names = self._tts.speakers or ["default"]
        return [Voice(name, language, "Coqui TTS") for name in dict.fromkeys(names)]


def _load(model: str) -> TTS:
    folder = Path(model).expanduser()
    local = folder.is_dir()
    if local and not (folder / "config.json").is_file():
        raise EngineMissing(f"{folder} holds no model: it has no config.json", remedy=_WHICH)
    if "xtts" in model and not local and os.environ.get("COQUI_TOS_AGREED") != "1":
        raise EngineMissing(
            "XTTS may be used under the Coqui Public Model License, which excludes commercial use",
            remedy="read https://coqui.ai/cpml, then set COQUI_TOS_AGREED=1 if you agree",
        )
    try:
        if local:
            return TTS(
                model_path=str(_checkpoint(folder)),
                config_path=str(folder / "config.json"),
                progress_bar=False,
            )
        return TTS(model, progress_bar=True)
    except Exception as error:
        raise EngineMissing(
            f"{model} cannot be loaded: {first_line(error)}", remedy=_WHICH
        ) from error


def _checkpoint(folder: Path) -> Path:
    """XTTS knows its files by the folder; others are one file."""
    if "xtts" in str(_config(folder).get("model", "")):
        return folder
    files = sorted(path for path in folder.glob("*.pth") if "speaker" not in path.name)
    if not files:
        raise EngineMissing(f"{folder} holds no weights (*.pth)", remedy=_WHICH)
    return files[0]


def _language_of(model: str) -> str:
    """`tts_models/de/thorsten/vits` says it in its name, a folder in its configuration."""
    folder = Path(model).expanduser()
    if not folder.is_dir():
        parts = model.split("/")
        return parts[1] if len(parts) == 4 and parts[1] != "multilingual" else ""
    config = _config(folder)
    datasets = config.get("datasets") or [{}]
    return str(config.get("phoneme_language") or datasets[0].get("language") or "")


def _config(folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        problem = f"{folder}/config.json cannot be read: {error}"
        raise EngineMissing(problem, remedy=_WHICH) from error
    return config


def _clones() -> Path:
    return cache_folder() / "coqui-voices"


def _cloned(tts: TTS, recording: Path) -> str:
    """What the voice of a recording is called from now on: learned once, and kept."""
    model = tts.synthesizer.tts_model
    if not model.config.supports_cloning:
        raise EngineMissing(
            "this model cannot take the voice of a recording",
            remedy="leave out `recording`, or choose one that can: "
            "tts_models/multilingual/multi-dataset/xtts_v2",
        )
    name = f"{recording.stem}-{hashlib.sha256(recording.read_bytes()).hexdigest()[:12]}".lower()
    try:
        model.clone_voice(str(recording), speaker_id=name, voice_dir=_clones())
    except Exception as error:
        raise EngineMissing(
            f"the voice of {recording} cannot be taken: {first_line(error)}",
            remedy="give a WAV of 6 to 30 s",
        ) from error
    return name


def _takes_speed(tts: TTS) -> bool:
    """XTTS can be told to speak faster; VITS and others speak as they do."""
    return "xtts" in type(tts.synthesizer.tts_model).__name__.lower()
