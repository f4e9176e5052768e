"""Trains and runs models as `frontdesk train` and `frontdesk serve` do."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.minilm import MiniLM, published_folder
from models.small_image_encoder import DIMENSIONS, SmallImageEncoder
from models.understanding.evaluation import Evaluation
from models.understanding.judging import judge
from models.understanding.observation import OUT_OF_SCOPE, Example
from models.understanding.predictor import Predictor
from models.understanding.settings import Settings
from models.understanding.setup import Setup
from models.understanding.training import train
from models.understanding.versions import Versions

_AT_ONCE = 100


@dataclass(frozen=True)
class Model:
    """A version, and how long it took to make."""

    predictor: Predictor
    seconds: float
    folder: Path


def trained(
    folder: Path,
    examples: Sequence[Example],
    settings: Settings,
    held_out: Sequence[Example] = (),
) -> Model:
    """The intents are known by their names alone; no general examples are added.

    What an earlier run left in the folder is taken as it is: then nothing is trained.
    """
    encoder, versions = MiniLM(), Versions(folder)
    time_taken = folder / "seconds"
    if time_taken.exists():
        place = versions.path(versions.names()[-1])
        return Model(Predictor(place, encoder), float(time_taken.read_text("utf-8")), place)
    names = sorted({e.labels.intents[0] for e in examples} - {OUT_OF_SCOPE})
    setup = Setup(
        examples=tuple(examples),
        titles=dict.fromkeys(names, ()),
        general=(),
        text_encoder=encoder,
        text_source=published_folder(),
        image_encoder=SmallImageEncoder().name,
        image_dimensions=DIMENSIONS,
        settings=settings,
        held_out=tuple(held_out),
    )
    started = time.perf_counter()
    place = versions.path(train(setup, versions).version)
    seconds = time.perf_counter() - started
    time_taken.write_text(str(seconds), "utf-8")
    return Model(Predictor(place, encoder), seconds, place)


def evaluated(predictor: Predictor, examples: Sequence[Example]) -> Evaluation:
    """As it is served: int8 encoder, onnx, calibrated."""
    found = []
    for at in range(0, len(examples), _AT_ONCE):
        some = [each.observation for each in examples[at : at + _AT_ONCE]]
        found += predictor.predict(predictor.encode(some))
    return judge(predictor.card.version, "test", predictor.card.intents, examples, found)
