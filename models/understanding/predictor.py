"""A trained version as it is served: onnxruntime and numpy, no torch.

A version is a folder, written by `models.understanding.training`:
`model.json` (`Card`), `network.onnx`, `wide.npz`, `memory.npz`, and `encoder.onnx` with
`tokenizer.json` where the text encoder was trained as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from models.errors import ModelError
from models.published import open_session
from models.sentence_encoder import SentenceEncoder
from models.text_encoder import TextEncoder
from models.understanding.calibration import Calibration
from models.understanding.decider import Decider
from models.understanding.features import (
    Batch,
    Features,
    Floats,
    Modality,
    features_of,
    modalities,
    texts_of,
)
from models.understanding.memory import Memory
from models.understanding.observation import Observation
from models.understanding.prediction import Prediction
from models.understanding.wide import Wide
from models.understanding.words import WordFeatures

FORMAT = 2
SMALL_MEMORY = 2_000
"""Examples that a turn is compared with in a fraction of a millisecond."""


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What `model.json` holds."""

    format: int
    version: str
    made_at: float
    """Epoch seconds."""
    intents: tuple[str, ...]
    text_encoder: str
    """Name of the encoder whose vectors the model takes."""
    text_dimensions: int
    image_encoder: str
    image_dimensions: int
    tuned: bool
    """Whether the turn's own words go through `encoder.onnx` for the network."""
    calibration: Calibration
    settings: dict[str, str]
    digest: str
    """Of the examples that it was trained on."""
    accuracy: float
    """On the examples that were held out."""


@dataclass(frozen=True)
class Inputs:
    """What a prediction is made from, and made again for parts of it."""

    observations: tuple[Observation, ...]
    features: Features
    """Of the encoder that the desk shares with the knowledge."""
    tuned: Floats | None
    """The words' vectors by the version's own encoder, (n, width); zero where there are none."""

    def network_batch(self) -> Batch:
        batch = self.features.batch(np.arange(len(self.observations)))
        if self.tuned is None:
            return batch
        own = self.tuned[:, None, :] * batch.present["text"][:, :, None]
        return Batch({**batch.tokens, "text": own}, batch.present)


class Predictor:
    """Thread-safe."""

    def __init__(self, folder: Path, encoder: TextEncoder) -> None:
        """`encoder`: the one that the version was trained with.

        Raises `ModelError` if the folder is damaged, of another format, or of another encoder.
        """
        self.card = read_card(folder)
        if self.card.text_encoder != encoder.name:
            raise ModelError(
                f"version {self.card.version} was trained on vectors of {self.card.text_encoder}, "
                f"and the text encoder is now {encoder.name}: train it again"
            )
        self._encoder = encoder
        self.ways: tuple[Modality, ...] = modalities(
            self.card.text_dimensions, self.card.image_dimensions
        )
        try:
            self._network = open_session(folder / "network.onnx", threads=1)
            with np.load(folder / "wide.npz", allow_pickle=False) as stored:
                self._wide = Wide(
                    stored["dense"], stored["sparse"].astype(np.float32), stored["bias"]
                )
                self._words = WordFeatures(stored["pieces"].tolist(), stored["weights"])
            memory = Memory.load(folder / "memory.npz", len(self.card.intents))
            self._own = _own_encoder(folder, self.card) if self.card.tuned else None
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(f"{folder} cannot be read: {error}") from error
        self.small = self._own is None and len(memory.intents) <= SMALL_MEMORY
        """Whether a prediction, its texts encoded, takes but a few hundred microseconds."""
        self._decider = Decider(self.card.intents, self.card.calibration, memory)

    def texts(self, observations: Sequence[Observation]) -> list[str]:
        """What `inputs` wants vectors of, each once."""
        return texts_of(self.ways, observations)

    def inputs(self, observations: Sequence[Observation], vectors: Mapping[str, Floats]) -> Inputs:
        """`vectors`: the shared encoder's, for each of `texts(observations)`."""
        fitting = tuple(self._fitting(seen) for seen in observations)
        features = features_of(self.ways, fitting, vectors)
        return Inputs(fitting, features, self._tuned(fitting))

    def encode(self, observations: Sequence[Observation]) -> Inputs:
        """`inputs`, with the texts encoded here and now."""
        return self.inputs(observations, self.vectors(observations))

    def vectors(self, observations: Sequence[Observation]) -> dict[str, Floats]:
        """Of each of `texts(observations)`."""
        texts = self.texts(observations)
        rows = self._encoder.encode_queries(texts) if texts else np.zeros((0, 1), np.float32)
        return dict(zip(texts, rows, strict=True))

    def predict(self, inputs: Inputs) -> list[Prediction]:
        """One for each observation."""
        batch = inputs.network_batch()
        out = self.run(batch)
        wide = self._wide.logits(inputs.features.pooled(), self._words.of(inputs.observations))
        return self._decider.predictions(wide, out)

    def run(self, batch: Batch) -> dict[str, Floats]:
        """The network's outputs by name."""
        feed = {
            **{name: batch.tokens[name] for name in batch.tokens},
            **{f"{name}.present": batch.present[name] for name in batch.present},
        }
        names = [output.name for output in self._network.get_outputs()]
        return dict(zip(names, self._network.run(names, feed), strict=True))

    def _tuned(self, observations: Sequence[Observation]) -> Floats | None:
        if self._own is None:
            return None
        texts = list(dict.fromkeys(seen.text for seen in observations if seen.text))
        vectors = dict(zip(texts, self._own.encode(texts), strict=True)) if texts else {}
        nothing = np.zeros(self._own.dimensions, np.float32)
        return np.stack([vectors.get(seen.text, nothing) for seen in observations])

    def _fitting(self, seen: Observation) -> Observation:
        """Without a picture's vector that is of another encoder than the version's."""
        if len(seen.image) in (0, self.card.image_dimensions):
            return seen
        return Observation(seen.text, seen.lines, (), seen.prosody, seen.history)


def read_card(folder: Path) -> Card:
    """Raises `ModelError` if there is none that can be read."""
    try:
        card = msgspec.json.decode((folder / "model.json").read_bytes(), type=Card)
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelError(f"{folder} is no trained version: {error}") from error
    if card.format != FORMAT:
        raise ModelError(f"{folder} is of format {card.format}, not {FORMAT}: train it again")
    return card


def _own_encoder(folder: Path, card: Card) -> SentenceEncoder:
    return SentenceEncoder(
        folder / "encoder.onnx",
        folder / "tokenizer.json",
        dimensions=card.text_dimensions,
    )
