"""Which engines the operator chooses: the sections that name one. See `bot.engines`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from bot import engines
from bot.config_section import Section, beside_the_file


def _folder_or_name(model: str, info: ValidationInfo) -> str:
    """A folder's path in full; what is none stays as it is: it may be a public model's name."""
    if not model:
        return model
    folder = beside_the_file(Path(model), info)
    return str(folder) if folder.is_dir() else model


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
        return {name: getattr(self, name) for name in sorted(named)} | self.options


class EncoderSection(EngineSection):
    """One whose engine may be a model that the operator names."""

    model: Annotated[str, AfterValidator(_folder_or_name)] = ""
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


class TranscriberSection(EngineSection):
    part = engines.TRANSCRIBERS
    engine: str = "moonshine"
    """Speech to text. `moonshine` hears English."""


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
    """Text to speech."""
    voice: str = ""
    """Name of one of the engine's voices; empty: the first for the answer's language."""
    words_per_minute: Annotated[int, Field(ge=80, le=450)] = 165
    """How fast it speaks."""
