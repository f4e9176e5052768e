"""Piper: small neural voices in ONNX, quick on a processor. https://github.com/OHF-Voice/piper1-gpl

A voice is a file `en_US-lessac-medium.onnx` with its `en_US-lessac-medium.onnx.json`; the public
ones lie in the repository rhasspy/piper-voices. A voice may have several speakers.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from piper import PiperVoice, SynthesisConfig

from models.audio import Samples, resampled
from models.cache import cache_folder
from models.downloads import Weights, pulled
from models.errors import EngineFailed, EngineMissing, first_line
from models.onnx_providers import onnx_providers
from models.synthesizer import Speech, Voice, sentence_by_sentence
from models.voices import USUAL_WORDS_PER_MINUTE, Cast, by_speaker, listed, model_and_speaker

_REPOSITORY = "rhasspy/piper-voices"
_PUBLIC = re.compile(
    r"(?P<family>[a-z]{2,3})_(?P<region>[A-Z]{2})-(?P<name>[^-/]+)-(?P<quality>\w+)"
)
_BYTES = {"x_low": 20_000_000, "low": 63_000_000, "medium": 63_000_000, "high": 114_000_000}
_INPUTS = {"input", "input_lengths", "scales"}
_TRIAL = "1."
_WHICH = (
    "`model` is a folder with NAME.onnx and NAME.onnx.json, one such file, or the name of a public "
    "voice: en_US-lessac-medium"
)


class Piper:
    """Implements `models.synthesizer.Synthesizer`."""

    def __init__(
        self,
        model: str | Sequence[str],
        voice: str | Sequence[str] = "",
        words_per_minute: int = USUAL_WORDS_PER_MINUTE,
        device: str = "auto",
    ) -> None:
        """`model`: a folder of voices, a voice's file, or names of public voices, one or several.
        `voice`: one or more of `voices()`.

        Raises `EngineMissing` if a voice is not there, damaged, or not one of Piper's.
        """
        self._providers = onnx_providers(device)
        self._speed = words_per_minute / USUAL_WORDS_PER_MINUTE
        self._files = {path.name.removesuffix(".onnx"): path for path in _files(listed(model))}
        self._voices = [each for path in self._files.values() for each in _voices_of(path)]
        self._cast = Cast("piper", self._voices, voice)
        needed = {model_and_speaker(each.name)[0] for each in self._cast.that_may_speak()}
        self._loaded = {name: self._load(self._files[name]) for name in sorted(needed)}
        self._rate_hz = max(each.config.sample_rate for each in self._loaded.values())

    @staticmethod
    def weights(model: str | Sequence[str]) -> list[Weights]:
        """See `models.downloads.Downloading`."""
        names = listed(model)
        public = [name for name in names if _is_public(name)]
        others = [Path(name).expanduser() for name in names if name not in public]
        for path in others:
            if not path.exists():
                raise EngineMissing(f"there is no voice {path}", remedy=_WHICH)
        found = [Weights(str(path), path=path) for path in others]
        return [*found, _public_weights(public)] if public else found

    def voices(self) -> list[Voice]:
        return list(self._voices)

    def synthesize(self, text: str, language: str, listener: str = "") -> Iterator[Speech]:
        voice = self._cast.voice_for(language, listener)
        yield from sentence_by_sentence(
            text, self._rate_hz, lambda sentence: self._speak(sentence, voice.name)
        )

    def _speak(self, sentence: str, voice: str) -> Samples:
        name, speaker = model_and_speaker(voice)
        loaded = self._loaded[name]
        config = SynthesisConfig(
            speaker_id=_speakers(loaded.config)[speaker] if speaker else None,
            length_scale=loaded.config.length_scale / self._speed,
        )
        try:
            chunks = [chunk.audio_float_array for chunk in loaded.synthesize(sentence, config)]
        except Exception as error:
            # onnxruntime's errors have no common parent, and may quote what was said.
            raise EngineFailed(
                f"piper's voice {name} failed with {type(error).__name__}"
            ) from error
        whole = np.concatenate([np.zeros(0, np.float32), *chunks])
        return resampled(whole, loaded.config.sample_rate, self._rate_hz)

    def _load(self, path: Path) -> PiperVoice:
        try:
            loaded = PiperVoice.load(
                path, use_cuda=len(self._providers) > 1, download_dir=cache_folder() / "piper"
            )
            inputs = {each.name for each in loaded.session.get_inputs()}
            if not inputs >= _INPUTS:
                raise EngineMissing(
                    f"{path} is no voice of Piper: it takes {', '.join(sorted(inputs))}",
                    remedy=_WHICH,
                )
            # Some need more than their file, as a dictionary of Chinese: now or never.
            list(loaded.synthesize(_TRIAL))
        except EngineMissing:
            raise
        except Exception as error:
            raise EngineMissing(
                f"{path} cannot be loaded: {first_line(error)}",
                remedy=f"copy or download the voice again, both of its files; {_WHICH}",
            ) from error
        return loaded


def _is_public(name: str) -> bool:
    return bool(_PUBLIC.fullmatch(name)) and not Path(name).exists()


def _public_weights(names: Sequence[str]) -> Weights:
    found = [match for match in map(_PUBLIC.fullmatch, names) if match]
    files = [
        f"{each['family']}/{each['family']}_{each['region']}/{each['name']}/{each['quality']}/{end}"
        for each in found
        for end in (f"{each[0]}.onnx", f"{each[0]}.onnx.json", "MODEL_CARD")
    ]
    return Weights(
        ", ".join(names),
        size_bytes=sum(_BYTES.get(each["quality"], 0) for each in found),
        repository=_REPOSITORY,
        patterns=tuple(files),
    )


def _files(names: Sequence[str]) -> list[Path]:
    """The ONNX file of each voice. Raises `EngineMissing` if there is none."""
    public = [name for name in names if _is_public(name)]
    kept = pulled(_public_weights(public)) if public else None
    found: list[Path] = []
    for name in names:
        if kept and name in public:
            found += kept.rglob(f"{name}.onnx")
            continue
        path = Path(name).expanduser()
        here = sorted(path.rglob("*.onnx")) if path.is_dir() else [path] if path.is_file() else []
        if not here:
            what = f"{path} holds no voice" if path.is_dir() else f"there is no voice {name}"
            raise EngineMissing(what, remedy=_WHICH)
        found += here
    return found


def _voices_of(path: Path) -> list[Voice]:
    """The voice in a file; of one with several speakers, a voice for each."""
    beside = Path(f"{path}.json")
    try:
        config = json.loads(beside.read_text("utf-8"))
        language = config.get("language", {}).get("code") or config["espeak"]["voice"]
        speakers = _speaker_ids(config["num_speakers"], config.get("speaker_id_map") or {})
        rate_hz = int(config["audio"]["sample_rate"])
    except FileNotFoundError:
        raise EngineMissing(f"{path} lies there without {beside.name}", remedy=_WHICH) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineMissing(
            f"{beside} is not the description of a voice of Piper: {first_line(error)}",
            remedy="copy or download it again",
        ) from error
    name = path.name.removesuffix(".onnx")
    language = str(language).replace("_", "-").lower()
    dataset = config.get("dataset") or name
    about = f"{dataset}, {rate_hz / 1000:g} kHz"
    return by_speaker(Voice(name, language, about), [*speakers])


def _speakers(config: Any) -> dict[str, int]:
    return _speaker_ids(config.num_speakers, config.speaker_id_map)


def _speaker_ids(count: int, names: dict[str, int]) -> dict[str, int]:
    """Speakers by name, or by number where they have none, in the order of their numbers."""
    named = dict(sorted(names.items(), key=lambda item: item[1]))
    return named or {str(number): number for number in range(count)}
