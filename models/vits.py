"""VITS by transformers: Meta's MMS voices for 1 100 languages, and others of that architecture.

Kim, Kong and Son, https://arxiv.org/abs/2106.06103; Pratap et al., https://arxiv.org/abs/2305.13516.
A model of MMS speaks one language: facebook/mms-tts-deu. Several are loaded side by side.
"""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import espeakng_loader
import langcodes
import numpy as np
import uroman
from langcodes.tag_parser import LanguageTagError
from phonemizer.backend.espeak.wrapper import EspeakWrapper
from transformers import AutoConfig, VitsTokenizer

from models.audio import Samples, resampled
from models.device import Device, torch_device
from models.downloads import Weights
from models.errors import EngineFailed, EngineMissing, ModelError
from models.one_core import one_core
from models.placed_model import PlacedModel, device_of
from models.synthesizer import Speech, Voice, sentence_by_sentence
from models.transformers_folder import (
    LOCAL,
    load_model,
    loading,
    model_folder,
    transformers_weights,
)
from models.voices import USUAL_WORDS_PER_MINUTE, Cast, by_speaker, listed, model_and_speaker

_ARCHITECTURE = "vits"
_WHICH = (
    "`model` is a folder of a VITS model as transformers saves it, a folder of such folders, or "
    "the name of a public one: facebook/mms-tts-eng"
)
_TRIAL = "one"


class _Loaded(NamedTuple):
    model: PlacedModel[Any]
    config: Any
    tokenizer: VitsTokenizer
    language: str
    """BCP 47 tag."""


class Vits:
    """Implements `models.synthesizer.Synthesizer`. A sentence takes one core, or the GPU."""

    def __init__(
        self,
        model: str | Sequence[str],
        voice: str | Sequence[str] = "",
        words_per_minute: int = USUAL_WORDS_PER_MINUTE,
        language: str = "",
        device: str = "auto",
    ) -> None:
        """`model`: a folder, or the name of a model on the hub, one or several. `voice`: one or
        more of `voices()`. `language`: of models that do not say theirs.

        Raises `EngineMissing` if a model is not there, damaged, or no VITS.
        """
        folders = [folder for name in listed(model) for folder in _folders(name)]
        # A model is called as it was named; what the hub's cache calls its folder says nothing.
        self._loaded = {
            name: _load(name, folder, language, torch_device(device)) for name, folder in folders
        }
        self._speed = words_per_minute / USUAL_WORDS_PER_MINUTE
        self._rate_hz = max(each.config.sampling_rate for each in self._loaded.values())
        self._voices = [
            voice for name, each in self._loaded.items() for voice in _voices_of(name, each)
        ]
        self._cast = Cast("vits", self._voices, voice)
        self._writing = threading.Lock()
        self._romanizer: uroman.Uroman | None = None
        if any(each.tokenizer.is_uroman for each in self._loaded.values()):
            self._romanizer = uroman.Uroman()
        for name in self._loaded:
            try:
                self._speak(_TRIAL, name)
            except EngineFailed as error:
                raise EngineMissing(f"{name} does not speak: {error}", remedy=_WHICH) from error

    @staticmethod
    def weights(model: str | Sequence[str]) -> list[Weights]:
        """See `models.downloads.Downloading`."""
        return [transformers_weights(name) for name in listed(model)]

    def voices(self) -> list[Voice]:
        return list(self._voices)

    def synthesize(self, text: str, language: str, listener: str = "") -> Iterator[Speech]:
        voice = self._cast.voice_for(language, listener)
        yield from sentence_by_sentence(
            text, self._rate_hz, lambda sentence: self._speak(sentence, voice.name)
        )

    def _speak(self, sentence: str, voice: str) -> Samples:
        import torch

        name, speaker = model_and_speaker(voice)
        loaded = self._loaded[name]

        def spoken(model: Any, sentences: Sequence[Any]) -> Iterator[Samples]:
            for inputs in sentences:
                with one_core(), torch.inference_mode():
                    made = model(
                        **inputs.to(device_of(model)),
                        speaker_id=int(speaker) if speaker else None,
                        speaking_rate=loaded.config.speaking_rate * self._speed,
                    )
                yield made.waveform[0].float().cpu().numpy()

        try:
            inputs = self._tokens(sentence, loaded.tokenizer)
            if inputs is None:
                return np.zeros(0, np.float32)
            (samples,) = loaded.model.run(spoken, [inputs])
        except ModelError as error:
            raise EngineFailed(str(error)) from error
        except (RuntimeError, ValueError, IndexError, KeyError) as error:
            raise EngineFailed(f"{name} failed with {type(error).__name__}") from error
        return resampled(samples, loaded.config.sampling_rate, self._rate_hz)

    def _tokens(self, sentence: str, tokenizer: VitsTokenizer) -> Any:
        """None where the model has no letter for anything in it."""
        # One espeak-ng for the whole process, and a tokenizer that is not made for threads.
        with self._writing:
            if tokenizer.is_uroman and self._romanizer:
                # The tokenizer would load the romanizer's tables for each sentence.
                sentence = tokenizer.normalize_text(sentence)
                sentence = str(self._romanizer.romanize_string(sentence))
            inputs: Any = tokenizer(sentence, return_tensors="pt")
        known = inputs["input_ids"].shape[1] > (1 if tokenizer.add_blank else 0)
        return inputs if known else None


def _folders(model: str) -> list[tuple[str, Path]]:
    """Each model's name and folder."""
    folder = Path(model).expanduser()
    if folder.is_dir() and not (folder / "config.json").is_file():
        inner = sorted(path.parent for path in folder.glob("*/config.json"))
        if inner:
            return [(each.name, model_folder(str(each))) for each in inner]
    return [(Path(model).name, model_folder(model))]


def _load(name: str, folder: Path, language: str, device: Device) -> _Loaded:
    import torch

    with loading(folder):
        config = AutoConfig.from_pretrained(folder, **LOCAL)
    if config.model_type != _ARCHITECTURE:
        raise EngineMissing(f"{folder} is a {config.model_type}, no VITS", remedy=_WHICH)
    with loading(folder):
        tokenizer = VitsTokenizer.from_pretrained(folder, **LOCAL)
    if tokenizer.phonemize:
        EspeakWrapper.set_library(espeakng_loader.get_library_path())
        EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    spoken = language or _language_of(tokenizer)
    if not spoken:
        raise EngineMissing(
            f"{folder} does not say which language it speaks",
            remedy="say it: `options: {language: de}` beside `model`",
        )
    model = load_model(folder, "VitsModel", device=device, numbers=torch.float32).model
    return _Loaded(PlacedModel(model, name), model.config, tokenizer, spoken)


def _language_of(tokenizer: VitsTokenizer) -> str:
    """The language that MMS wrote into its tokenizers; those that take phonemes take English
    ones."""
    named = str(tokenizer.language or "").replace("_", "-")
    try:
        return langcodes.standardize_tag(named) if named else "en" if tokenizer.phonemize else ""
    except LanguageTagError:
        return named.partition("-")[0]


def _voices_of(name: str, loaded: _Loaded) -> list[Voice]:
    speakers = [str(number) for number in range(loaded.config.num_speakers)]
    about = f"VITS, {loaded.config.sampling_rate / 1000:g} kHz"
    return by_speaker(Voice(name, loaded.language, about), speakers)
