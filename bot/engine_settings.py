"""Which engines the operator chooses: the sections that name one. See `bot.engines`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from bot import engines
from bot.config_section import Section, beside_the_file


def folder_or_name(model: str, info: ValidationInfo) -> str:
    """A folder's path in full; what is none stays as it is: it may be a public model's name."""
    place = _place_or_name(model, info)
    return place if Path(place).is_dir() else model


def _place_or_name(model: str, info: ValidationInfo) -> str:
    """The path in full of what is there, a folder or a file; else a public model's name."""
    place = beside_the_file(Path(model), info)
    return str(place) if model and place.exists() else model


def _places_or_names(model: str | list[str], info: ValidationInfo) -> str | list[str]:
    if isinstance(model, str):
        return _place_or_name(model, info)
    return [_place_or_name(each, info) for each in model]


def _file(path: Path | None, info: ValidationInfo) -> Path | None:
    if path is None:
        return None
    whole = beside_the_file(path, info)
    if not whole.is_file():
        raise ValueError(f"must be a file, and there is no {whole}")
    return whole


class EngineSection(Section):
    """A section that chooses an engine; implements `bot.engines.Chosen`."""

    part: ClassVar[str]
    engine: str
    options: dict[str, Any] = {}
    """What else the engine takes, by name; see docs/engines.md."""

    @field_validator("engine")
    @classmethod
    def _one_that_there_is(cls, name: str) -> str:
        if name not in engines.names(cls.part):
            raise ValueError(f"must be one of: {', '.join(engines.names(cls.part))}")
        return name

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What was set, for an engine's own defaults are the best for it."""
        named = self.model_fields_set - {"engine", "options"}
        return {name: _plain(getattr(self, name)) for name in sorted(named)} | self.options


def _plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


class EncoderSection(EngineSection):
    """One whose engine may be a model that the operator names."""

    model: Annotated[str, AfterValidator(folder_or_name)] = ""
    """A folder as transformers saves a model, or the name of a public one, which is fetched once.
    `minilm` and `small` take none."""

    @model_validator(mode="after")
    def _a_model_where_one_is_wanted(self) -> Self:
        if self.engine in ("transformers", "onnx") and not self.model:
            raise ValueError(
                f"has `engine: {self.engine}` and must name a `model`: a folder, or a public model"
            )
        if self.engine in ("minilm", "small") and self.model:
            raise ValueError(
                f"names a `model`, which `engine: {self.engine}` does not take; it must be left "
                "out, or the engine be `transformers`"
            )
        return self


_THE_DESKS = "knowledge_names"


class TranscriberSection(EngineSection):
    part = engines.TRANSCRIBERS
    engine: str = "moonshine"
    """Speech to text. `moonshine` hears English, and by its `model` one of nine other languages;
    `faster-whisper` and `openai-whisper` are Whisper, for 99 languages; `openai` is any server that
    transcribes as OpenAI's does. See docs/transcribers.md."""
    model: Annotated[str, AfterValidator(_place_or_name)] = ""
    """A size or name that the engine knows, a repository of the model hub, or a folder or file;
    empty: the engine's own choice."""
    language: str = ""
    """ISO 639-1 code of the one language that is spoken; empty: detected."""
    dtype: str = ""
    """Numbers to compute with, such as `int8` or `float16`; empty: what suits the device."""
    vocabulary: list[str] = []
    """Names of products and people, as they are to be spelt; for the Whispers and servers."""
    knowledge_names: bool = True
    """Whether names that stand in the knowledge are added to the vocabulary."""

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Without what is the desk's to do."""
        return {name: given for name, given in super().arguments.items() if name != _THE_DESKS}


class TextReaderSection(EngineSection):
    part = engines.TEXT_READERS
    engine: str = "ppocr"
    """Text in images. `ppocr` reads Latin and Chinese scripts."""


class TextEncoderSection(EncoderSection):
    part = engines.TEXT_ENCODERS
    engine: str = "minilm"
    """Meaning of sentences, for searching the knowledge and knowing intents. `minilm` knows English
    best; `transformers` is any text encoder of that library, such as one of many languages, and
    `onnx` the same as an onnx graph. See docs/engines.md."""


class ImageEncoderSection(EncoderSection):
    part = engines.IMAGE_ENCODERS
    engine: str = "small"
    """Looks of images. `small` tells screens apart; `clip` and `siglip` know what is in a picture;
    `transformers` is any image encoder of that library. See docs/engines.md."""


class SynthesizerSection(EngineSection):
    part = engines.SYNTHESIZERS
    engine: str = "espeak"
    """Text to speech: `espeak` (a hundred languages, mechanical), `piper` (quick), `kokoro`
    (natural), `vits` (1 100 languages), `coqui` (a recorded voice), `openai` (a server). See
    docs/voices.md."""
    model: Annotated[str | list[str], AfterValidator(_places_or_names)] = ""
    """For the neural engines: a folder or a file, or the name of a public model, which is fetched
    once. `piper` and `vits` take several."""
    voice: str | list[str] = ""
    """Name of one of the engine's voices, as `frontdesk voices` lists them; empty: the first for
    the answer's language. Of several, each conversation has one that speaks its language."""
    words_per_minute: Annotated[int, Field(ge=80, le=450)] = 165
    """How fast it speaks; 165 is the pace that a voice was made with."""
    recording: Annotated[Path | None, AfterValidator(_file)] = None
    """For `coqui`: a WAV of 6 to 30 seconds, whose speaker has agreed that the desk speaks with
    this voice."""
    base_url: str = ""
    """For `openai`: the address of a server that is not OpenAI's, up to its `/v1`."""
    api_key: SecretStr = SecretStr("")
    """For `openai`: `${NAME}` of an environment variable; `OPENAI_API_KEY` otherwise."""
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 20.0
    """For `openai`: how many seconds the server may be silent before the answer goes out as text.
    """
