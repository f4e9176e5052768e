"""The transcriber `faster-whisper`: Whisper on CTranslate2, in int8 on a processor.

Final transcripts are those of the library's own `WhisperModel.transcribe`. Its drafts are our own:
the library fills every window up to 30 seconds, the encoder under it need not.
"""

import logging
import os
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import ctranslate2
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens
from faster_whisper.utils import _MODELS as REPOSITORIES

from models.device import require_memory
from models.downloads import Weights, bytes_of, named_weights, pulled
from models.errors import EngineMissing
from models.speech_parts import Samples
from models.transcriber import Word
from models.whisper import (
    Hearing,
    Segment,
    Whisper,
    draft_tokens,
    drafted,
    known_language,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faster_whisper.transcribe import Segment as Written

log = logging.getLogger(__name__)

PATTERNS = ("config.json", "model.bin", "tokenizer.json", "preprocessor_config.json", "vocabulary*")
NEEDED = ("config.json", "model.bin", "tokenizer.json")
MEGABYTES = {
    "tiny": 78, "base": 148, "small": 486, "medium": 1530, "large": 3090, "large-v1": 3090,
    "large-v2": 3090, "large-v3": 3090, "large-v3-turbo": 1620, "turbo": 1620,
    "distil-small.en": 335, "distil-medium.en": 792, "distil-large-v2": 1520,
    "distil-large-v3": 1520, "distil-large-v3.5": 1520,
}  # fmt: skip
"""About, of the published models, which have two bytes for each number."""
WHICH = (
    f"`model` is one of {', '.join(REPOSITORIES)}; a repository of the model hub; or a folder that "
    "`ct2-transformers-converter` wrote"
)
AGAIN = "copy, convert or download the model again"
BYTES = {"float32": 4.0, "int8": 1.0, "int8_float32": 1.0, "int8_float16": 1.0}
"""For each number in memory; two where nothing is said."""


class FasterWhisper(Whisper):
    """Whisper in any size, 99 languages; the small one hears 10 s in about 3 s on two cores.

    `model`: a size, a repository of the model hub, or a folder. `language`: ISO 639-1; detected
    where it is empty. `dtype`: int8, int8_float16, float16, bfloat16 or float32; `auto` is int8 on
    a processor and float16 on a graphics card. `vocabulary`: names as they are to be spelt.
    `beam_size`: 1 is faster, 5 makes fewer mistakes. `threads`: cores; 0 takes all, up to four.

    Raises `EngineMissing` if the model is absent, damaged, another kind of model or too large, and
    if the device or its numbers are not to be had.
    """

    overhead_s = 1.5

    def __init__(
        self,
        model: str = "small",
        language: str = "",
        dtype: str = "auto",
        vocabulary: "Sequence[str]" = (),
        beam_size: int = 5,
        threads: int = 0,
        device: str = "auto",
    ) -> None:
        super().__init__(vocabulary)
        self.name = f"faster-whisper-{Path(model).name}"
        self._folder = _complete(pulled(self.weights(model)))
        self._threads = threads or min(4, os.cpu_count() or 1)
        self._device = _device(device)
        self._model = self._loaded(self._device, _numbers(dtype, self._device))
        self._spare: WhisperModel | None = None
        self._sparing = Lock()
        self.languages = frozenset(self._model.supported_languages)
        self._language = known_language(language, self.languages, self.name)
        self._options: dict[str, Any] = {
            "language": self._language,
            "beam_size": beam_size,
            # What a guess in one window would say to the next is kept from it.
            "condition_on_previous_text": False,
            "word_timestamps": True,
        }

    @staticmethod
    def weights(model: str = "small") -> Weights:
        """What `model` names."""
        repository = REPOSITORIES.get(model)
        if repository is None:
            if "/" not in model and not Path(model).expanduser().exists():
                raise EngineMissing(f"there is no Whisper model {model!r}", remedy=WHICH)
            return named_weights(model, PATTERNS)
        return Weights(
            f"faster-whisper:{model}",
            "MIT",
            MEGABYTES.get(model.removesuffix(".en"), MEGABYTES.get(model, 0)) * 1_000_000,
            repository=repository,
            patterns=PATTERNS,
        )

    def hear_part(self, samples: Samples, draft: Hearing | None, *, final: bool) -> Hearing:
        """What is said in at most 29 seconds. Out of a card's memory, it is tried with less, and
        then on the processor."""
        try:
            return self._heard(self._model, samples, draft, final=final)
        except RuntimeError as error:
            if "out of memory" not in str(error):
                raise
            reason = str(error).partition("\n")[0]
        about = {"engine": self.name, "device": self._device, "reason": reason}
        if final and self._options["beam_size"] > 1:
            log.warning("engine.out_of_memory.halved", extra=about)
            try:
                return self._heard(self._model, samples, draft, final=True, beam_size=1)
            except RuntimeError as error:
                if "out of memory" not in str(error):
                    raise
        log.warning("engine.out_of_memory.on_processor", extra=about)
        return self._heard(self._on_processor(), samples, draft, final=final)

    def _heard(
        self,
        model: WhisperModel,
        samples: Samples,
        draft: Hearing | None,
        *,
        final: bool,
        **options: Any,
    ) -> Hearing:
        if not final:
            return self._drafted(model, samples, draft.language if draft else "")
        asked = {**self._options, "initial_prompt": self._prompt, **options}
        written, about = model.transcribe(samples, **asked)
        return Hearing(tuple(map(_segment, written)), about.language)

    def _drafted(self, model: WhisperModel, samples: Samples, language: str) -> Hearing:
        """The likeliest tokens of a window that ends where the sound does."""
        seconds = len(samples) / 16_000
        encoded = model.encode(model.feature_extractor(samples))
        if not (language := self._language or language):
            detected = model.model.is_multilingual and model.model.detect_language(encoded)
            language = detected[0][0][0][2:-2] if detected else "en"
        tokenizer = Tokenizer(
            model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=language
        )
        hint = self._prompt
        prompt = model.get_prompt(
            tokenizer, tokenizer.encode(f" {hint}") if hint else [], without_timestamps=True
        )
        (result,) = model.model.generate(
            encoded,
            [prompt],
            beam_size=1,
            max_length=len(prompt) + draft_tokens(seconds),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
        )
        return drafted(
            tokenizer.decode(result.sequences_ids[0]),
            language,
            seconds,
            log_probability=result.scores[0],
            no_speech=result.no_speech_prob,
        )

    def _on_processor(self) -> WhisperModel:
        with self._sparing:
            if self._spare is None:
                self._spare = self._loaded("cpu", "int8")
            return self._spare

    def _loaded(self, device: str, numbers: str) -> WhisperModel:
        size_bytes = bytes_of(self._folder) / 2 * BYTES.get(numbers, 2.0)
        require_memory(round(size_bytes), "cuda" if device == "cuda" else "cpu", self.name)
        try:
            return WhisperModel(
                str(self._folder),
                device=device,
                compute_type=numbers,
                cpu_threads=self._threads,
                local_files_only=True,
            )
        except Exception as error:
            reason = str(error).partition("\n")[0]
            problem = f"{self._folder} cannot be loaded: {reason}"
            raise EngineMissing(problem, remedy=AGAIN) from error


def _complete(folder: Path) -> Path:
    """The library would look elsewhere for what it misses."""
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise EngineMissing(
            f"{folder} holds no Whisper for CTranslate2: it has no {', '.join(missing)}",
            remedy=WHICH,
        )
    return folder


def _device(asked: str) -> str:
    cards = ctranslate2.get_cuda_device_count()
    if asked == "cuda" and not cards:
        raise EngineMissing(
            "`device: cuda` cannot be used: CTranslate2 finds no graphics card of Nvidia's",
            remedy="`nvidia-smi` should list one; or set `device: cpu`",
        )
    return "cuda" if cards and asked in ("auto", "cuda") else "cpu"


def _numbers(asked: str, device: str) -> str:
    known = ctranslate2.get_supported_compute_types(device)
    if asked == "auto":
        wanted = "float16" if device == "cuda" else "int8"
        return wanted if wanted in known else "default"
    if asked not in known:
        raise EngineMissing(
            f"`dtype: {asked}` cannot be used on this {device}",
            remedy=f"choose one of: auto, {', '.join(sorted(known))}",
        )
    return asked


def _segment(written: "Written") -> Segment:
    return Segment(
        written.text,
        written.start,
        written.end,
        written.avg_logprob,
        written.compression_ratio,
        written.no_speech_prob,
        tuple(
            Word(word.word.strip(), float(word.start), float(word.end))
            for word in written.words or ()
        ),
    )
