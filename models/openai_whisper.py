"""The transcriber `openai-whisper`: Whisper as its authors wrote it, on torch.

Slower than `models.faster_whisper` and the measure of it: the transcripts are those of the
library's own `transcribe`. It brings triton (1 GB), which only a graphics card uses.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import torch
import whisper.timing

from models.device import BYTES, Numbers, require_memory, torch_device, torch_numbers
from models.downloads import WebFile, Weights, bytes_of, pulled
from models.errors import EngineMissing
from models.placed_model import PlacedModel, device_of
from models.speech_parts import Samples
from models.transcriber import Word
from models.voice_activity import SAMPLE_RATE_HZ
from models.whisper import (
    PROMPT_TOKENS,
    Hearing,
    Segment,
    Whisper,
    draft_tokens,
    drafted,
    known_language,
)

MEGABYTES = {
    "tiny": 76, "base": 145, "small": 484, "medium": 1528, "large": 3087, "large-v1": 3087,
    "large-v2": 3087, "large-v3": 3087, "large-v3-turbo": 1618, "turbo": 1618,
}  # fmt: skip
"""About, of the published checkpoints."""
WHICH = f"`model` is one of {', '.join(whisper.available_models())}; or a checkpoint's `.pt` file"
AGAIN = "copy or download the checkpoint again"
POSITIONS_PER_SECOND = 50
"""Of the encoder, which has 1 500."""
DRAFT_S = 5.0
"""Drafts are heard in a window of at least this; final transcripts in one of 30 seconds, as the
library fills it up, of which the encoder makes several times the work."""


class OpenAIWhisper(Whisper):
    """Whisper in any size, 99 languages. One recording at a time: others wait.

    `model`: a size, or a `.pt` file. `language`: ISO 639-1; detected where it is empty. `dtype`:
    float32 or float16; `auto` is float16 on a graphics card. `vocabulary`: names as they are to be
    spelt. `beam_size`: 0 takes the likeliest token each time, 5 makes fewer mistakes.

    Raises `EngineMissing` if the checkpoint is absent, damaged, of another model or too large, and
    if there is no such device.
    """

    overhead_s = DRAFT_S

    def __init__(
        self,
        model: str = "small",
        language: str = "",
        dtype: str = "auto",
        vocabulary: Sequence[str] = (),
        beam_size: int = 0,
        device: str = "auto",
    ) -> None:
        super().__init__(vocabulary)
        self.name = f"openai-whisper-{Path(model).stem}"
        where = torch_device(device)
        if dtype not in ("auto", "float32", "float16"):
            raise EngineMissing(
                f"{self.name} has no `dtype: {dtype}`", remedy="choose auto, float32 or float16"
            )
        self._half = torch_numbers(dtype, where) != torch.float32
        self._model: PlacedModel[Any] = PlacedModel(
            _loaded(_checkpoint(self.weights(model)), model, where), self.name
        )
        self._running = Lock()
        spoken = whisper.tokenizer.LANGUAGES
        self.languages = frozenset(spoken if self._model.model.is_multilingual else {"en"})
        self._language = known_language(language, self.languages, self.name)
        self._beam_size = beam_size or None
        # What times the words is compiled when it is first used: now, not at the first customer.
        whisper.timing.dtw(torch.zeros(2, 2))

    @staticmethod
    def weights(model: str = "small") -> Weights:
        """What `model` names."""
        if url := whisper._MODELS.get(model):
            size = MEGABYTES.get(model.removesuffix(".en"), 0) * 1_000_000
            # The library's addresses carry the checksum.
            file = WebFile(url, checksum=url.split("/")[-2])
            return Weights(f"openai-whisper:{model}", "MIT", size, files=(file,))
        path = Path(model).expanduser()
        if not path.is_file():
            raise EngineMissing(f"there is no Whisper checkpoint {model!r}", remedy=WHICH)
        return Weights(model, path=path.resolve())

    def hear_part(self, samples: Samples, draft: Hearing | None, *, final: bool) -> Hearing:
        """What is said in at most 29 seconds."""
        work = self._transcribed if final else self._drafted
        with self._running:
            return self._model.run(lambda model, parts: [work(model, *parts)], [samples])[0]

    def _transcribed(self, model: Any, samples: Samples) -> Hearing:
        found = whisper.transcribe(
            model,
            samples,
            language=self._language,
            initial_prompt=self._prompt,
            # What a guess in one window would say to the next is kept from it.
            condition_on_previous_text=False,
            word_timestamps=True,
            beam_size=self._beam_size,
            fp16=self._on_card(model),
        )
        return Hearing(tuple(map(_segment, found["segments"])), found["language"])

    def _drafted(self, model: Any, samples: Samples) -> Hearing:
        """The likeliest tokens of a window that ends not long after the sound does."""
        seconds = len(samples) / SAMPLE_RATE_HZ
        positions = math.ceil(max(seconds, DRAFT_S) * POSITIONS_PER_SECOND)
        sound = whisper.pad_or_trim(samples, positions * SAMPLE_RATE_HZ // POSITIONS_PER_SECOND)
        found = whisper.decode(
            _shortened(model, positions),
            whisper.log_mel_spectrogram(sound, model.dims.n_mels).to(model.device),
            whisper.DecodingOptions(
                language=self._language,
                prompt=self._prompt,
                without_timestamps=True,
                sample_len=min(PROMPT_TOKENS, draft_tokens(seconds)),
                fp16=self._on_card(model),
            ),
        )
        return drafted(
            found.text,
            found.language,
            seconds,
            log_probability=found.avg_logprob,
            no_speech=found.no_speech_prob,
        )

    def _on_card(self, model: Any) -> bool:
        """Whether in half precision; never where it fled to."""
        return self._half and device_of(model).type != "cpu"


def _checkpoint(weights: Weights) -> Path:
    found = pulled(weights)
    return found / weights.files[0].place if weights.files else found


def _loaded(path: Path, name: str, device: Any) -> Any:
    whole: Numbers = "float32"
    require_memory(bytes_of(path) // 2 * BYTES[whole], device, path)
    try:
        model = whisper.load_model(str(path), device=device)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
        problem = f"{path} cannot be loaded as a Whisper: {reason}"
        raise EngineMissing(problem, remedy=AGAIN) from error
    if heads := whisper._ALIGNMENT_HEADS.get(name):
        # The library knows them by the name, and has been given a path.
        model.set_alignment_heads(heads)
    return model


def _shortened(model: Any, positions: int) -> Any:
    """The same model, its weights too, for a shorter window than the library lets it have."""
    encoder, shortened = copy.copy(model.encoder), copy.copy(model)
    encoder._buffers = {"positional_embedding": encoder.positional_embedding[:positions]}
    shortened._modules = {**model._modules, "encoder": encoder}
    shortened.dims = replace(model.dims, n_audio_ctx=positions)
    return shortened


def _segment(found: dict[str, Any]) -> Segment:
    return Segment(
        found["text"],
        found["start"],
        found["end"],
        found["avg_logprob"],
        found["compression_ratio"],
        found["no_speech_prob"],
        tuple(
            Word(word["word"].strip(), float(word["start"]), float(word["end"]))
            for word in found["words"]
        ),
    )
