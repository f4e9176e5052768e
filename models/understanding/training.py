"""From labelled examples to a version that can be served: the whole of a training, step by step.

1. Hold out some examples.  2. Train network and wide head on the rest; find the best epoch.
3. Calibrate and judge on what was held out, and see whether int8 does as well.  4. Go on for a
little over everything.  5. Export, and write the version.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
import torch

from models.errors import ModelError
from models.understanding.beside import Beside
from models.understanding.calibration import Calibration
from models.understanding.dataset import Dataset, drawing, targets_of
from models.understanding.decider import Decider
from models.understanding.encoder import TunedEncoder
from models.understanding.evaluation import Evaluation
from models.understanding.export import export_encoder, export_network
from models.understanding.features import Floats, Modality, extract, modalities
from models.understanding.fit_calibration import calibrate
from models.understanding.judging import judge, modalities_of
from models.understanding.model import Model, run
from models.understanding.network import Network, Shape
from models.understanding.observation import OUT_OF_SCOPE, Example
from models.understanding.prediction import Prediction
from models.understanding.predictor import FORMAT, Card, Predictor
from models.understanding.settings import Settings, Smaller, Tune
from models.understanding.setup import Setup, settled
from models.understanding.split import evened, joined_pairs, named, split
from models.understanding.trainer import Fitted, Trainer
from models.understanding.training_run import TrainingRun
from models.understanding.versions import Versions

LOSES_AT_MOST = 0.003
"""Accuracy that the int8 encoder may cost; else the version keeps the float one."""
MORE_EPOCHS, GENTLE = 0.25, 0.3
"""Share of the epochs, and of the learning rates, with which the held-out examples are taught."""
_ENCODED_AT_ONCE = 1024

Tell = Callable[[str, int, int], None]
"""Called with the name of a step, and how much of it is done of how much."""


@dataclass(frozen=True)
class Trained:
    """A version that was written; it is not served yet."""

    version: str
    evaluation: Evaluation
    """On what was held out."""
    run: TrainingRun
    written: bool = True
    """False in a process that helped the one that writes."""


def train(setup: Setup, versions: Versions, tell: Tell = lambda step, done, of: None) -> Trained:
    """Train, and write a version.

    Raises `ModelError` where the examples do not suffice, the training fails or another is running
    in the same folder, and `OSError` where the disk fails. What is served does not change.
    """
    training = _Training(setup, versions, tell)
    with versions.training() if training.is_main else nullcontext():
        return training.run()


class _Training:
    def __init__(self, setup: Setup, versions: Versions, tell: Tell) -> None:
        self._setup, self._settings = setup, settled(setup.settings, setup.examples)
        self._versions, self._tell = versions, tell
        self._intents = tuple(sorted(set(setup.titles) - {OUT_OF_SCOPE}))
        if len(self._intents) < 2:
            raise ModelError("a model tells intents apart: it needs at least two")
        self._ways: tuple[Modality, ...] = modalities(
            setup.text_encoder.dimensions, setup.image_dimensions
        )
        self._vectors: dict[str, Floats] = {}
        folder = versions.folder / "training" / setup.digest[:16]
        self._trainer = Trainer(self._settings, folder, self._tell_steps)
        self._phase = ""
        self._cores = os.cpu_count() or 1

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes."""
        return bool(self._trainer.accelerator.is_main_process)

    def run(self) -> Trained:
        started, settings = time.time(), self._settings
        held_out = list(self._setup.held_out)
        teaching = list(self._setup.examples)
        again = not held_out and settings.validation > 0
        if again:
            teaching, held_out = split(teaching, settings.validation, settings.seed)
        general, general_out = split(self._setup.general, 0.2, settings.seed)
        taught = self._with_more([*teaching, *general])
        data = self._dataset(taught)
        fitted, model = self._fit(data, taught, held_out)
        if model.encoder is not None and settings.smaller is not Smaller.NONE:
            model = self._smaller(model, data, taught)
        beside = self._beside(model, data, taught)
        calibration = self._calibrate(model, beside, [*held_out, *general_out])
        evaluation = self._evaluate(model, beside, calibration, held_out)
        int8 = self.is_main and self._int8_suffices(
            model, beside, calibration, held_out, evaluation.accuracy
        )
        if again:
            everything = [*self._setup.examples, *self._setup.general]
            beside = self._go_on(model, everything, fitted.best_epoch)
        version = time.strftime("%Y%m%d-%H%M%S", time.gmtime(started))
        if self.is_main:
            card = self._card(version, model, calibration, evaluation.accuracy)
            self._write(model, beside, card, int8)
        self._trainer.accelerator.wait_for_everyone()
        run_ = TrainingRun(
            version=version,
            started_at=started,
            seconds=time.time() - started,
            seed=settings.seed,
            settings=_words_of(settings),
            epochs=fitted.epochs,
            stopped_early=fitted.stopped_early,
            best_epoch=fitted.best_epoch,
            examples=len(self._setup.examples),
            intents=len(self._intents),
            by_modality=_by_modality(self._setup.examples),
            warnings=(*self._setup.warnings, *self._trainer.warnings),
        )
        return Trained(version, replace(evaluation, version=version), run_, self.is_main)

    def _fit(
        self, data: Dataset, examples: Sequence[Example], held_out: Sequence[Example]
    ) -> tuple[Fitted, Model]:
        """From the beginning."""
        self._phase = "train"
        model = self._model(data)
        fitted = self._trainer.fit(
            model,
            data,
            phase="train",
            epochs=self._settings.epochs,
            drawn=drawing(examples, self._settings.balance),
            validation=self._dataset(held_out) if held_out else None,
            seed=self._settings.seed,
        )
        return fitted, model

    def _go_on(self, model: Model, examples: Sequence[Example], epochs: int) -> Beside:
        """Teach what was held out as well: a few more epochs over everything, gently."""
        self._phase = "everything"
        examples = self._with_more(examples)
        data = self._dataset(examples)
        self._trainer.fit(
            model,
            data,
            phase="everything",
            epochs=max(1, round(epochs * MORE_EPOCHS)),
            drawn=drawing(examples, self._settings.balance),
            validation=None,
            seed=self._settings.seed + 1,
            gentleness=GENTLE,
        )
        return self._beside(model, data, examples)

    def _smaller(self, model: Model, data: Dataset, examples: Sequence[Example]) -> Model:
        """With a smaller encoder, taught for some epochs by what the whole one says."""
        from models.understanding.compression import prune, student_of

        assert model.encoder is not None
        model.encoder.model = model.encoder.merged()
        self._phase = str(self._settings.smaller)
        with torch.no_grad():
            teacher = model.encoder.eval()
            vectors = [teacher.encode(data.texts[at : at + 256]) for at in range(0, len(data), 256)]
        if self._settings.smaller is Smaller.PRUNED:
            prune(model.encoder)
        else:
            model = Model(model.network, student_of(model.encoder))
        self._trainer.fit(
            model,
            replace(data, taught=torch.cat(vectors)),
            phase=self._phase,
            epochs=self._settings.epochs,
            drawn=drawing(examples, self._settings.balance),
            validation=None,
            seed=self._settings.seed + 2,
            gentleness=0.7,
        )
        return model

    def _with_more(self, examples: Sequence[Example]) -> list[Example]:
        """And what can be made of them."""
        seed = self._settings.seed
        return [
            *examples,
            *named({name: self._setup.titles[name] for name in self._intents}),
            *evened(examples, seed),
            *joined_pairs(examples, len(examples) // 10, seed),
        ]

    def _model(self, data: Dataset) -> Model:
        """As it is before it has learned anything: the same each time."""
        settings = self._settings
        torch.manual_seed(settings.seed)
        encoder = None
        if settings.tune is not Tune.NONE:
            encoder = TunedEncoder(self._setup.text_source, settings.tune)
        shape = Shape(settings.fusion, len(self._intents), self._setup.text_encoder.dimensions)
        model = Model(Network(self._ways, shape), encoder)
        model.network.begin_at(run(model, data).vector, data.targets.intent)
        return model

    def _beside(self, model: Model, data: Dataset, examples: Sequence[Example]) -> Beside:
        return Beside.learn(
            data,
            examples,
            run(model, data).vector.numpy(),
            self._settings.seed,
            lambda done, of: self._tell("words", done, of),
        )

    def _calibrate(self, model: Model, beside: Beside, held_out: Sequence[Example]) -> Calibration:
        known = [example for example in held_out if example.labels.intents]
        if not known:
            return Calibration()
        data = self._dataset(known)
        scores = beside.scores(data, known, run(model, data))
        return calibrate(scores, data.targets.intent.numpy())

    def _evaluate(
        self,
        model: Model,
        beside: Beside,
        calibration: Calibration,
        held_out: Sequence[Example],
    ) -> Evaluation:
        predictions: list[Prediction] = []
        if held_out:
            data = self._dataset(held_out)
            out = {name: value.numpy() for name, value in run(model, data)._asdict().items()}
            decider = Decider(self._intents, calibration, beside.memory)
            predictions = decider.predictions(beside.logits(data, held_out), out)
        return judge("", "held out of the training", self._intents, held_out, predictions)

    def _int8_suffices(
        self,
        model: Model,
        beside: Beside,
        calibration: Calibration,
        held_out: Sequence[Example],
        accuracy: float,
    ) -> bool:
        """Whether the version as it would be served, its encoder in int8, understands the held-out
        examples as well as with the `accuracy` that it has in float. They are not taught yet;
        without any, it is believed."""
        known = [e for e in held_out if e.labels.intents]
        if model.encoder is None or not known:
            return True
        with TemporaryDirectory() as place:
            self._save(Path(place), model, beside, self._card("", model, calibration, 0.0), True)
            predictor = Predictor(Path(place), self._setup.text_encoder)
            found = predictor.predict(predictor.encode([e.observation for e in known]))
        small = judge("", "", self._intents, known, found)
        return small.accuracy >= accuracy - LOSES_AT_MOST

    def _card(self, version: str, model: Model, calibration: Calibration, accuracy: float) -> Card:
        setup = self._setup
        return Card(
            format=FORMAT,
            version=version,
            made_at=time.time(),
            intents=self._intents,
            text_encoder=setup.text_encoder.name,
            text_dimensions=setup.text_encoder.dimensions,
            image_encoder=setup.image_encoder,
            image_dimensions=setup.image_dimensions,
            tuned=model.encoder is not None,
            calibration=calibration,
            settings=_words_of(self._settings),
            digest=setup.digest,
            accuracy=accuracy,
        )

    def _write(self, model: Model, beside: Beside, card: Card, int8: bool) -> None:
        with self._versions.writing(card.version) as folder:
            self._tell("write", 0, 2)
            self._save(folder, model, beside, card, int8)
            self._tell("write", 1, 2)
            Predictor(folder, self._setup.text_encoder)  # one that cannot be opened is no version
            self._tell("write", 2, 2)

    def _save(self, folder: Path, model: Model, beside: Beside, card: Card, int8: bool) -> None:
        (folder / "model.json").write_bytes(msgspec.json.encode(card))
        export_network(model.network, self._ways, folder / "network.onnx")
        beside.save(folder)
        if model.encoder is not None:
            export_encoder(model.encoder, folder, int8=int8)

    def _dataset(self, examples: Sequence[Example]) -> Dataset:
        observations = [example.observation for example in examples]
        return Dataset(
            tuple(seen.text for seen in observations),
            extract(self._ways, observations, self._encode),
            targets_of(examples, self._intents, self._settings.balance),
        )

    def _encode(self, texts: Sequence[str]) -> Floats:
        """With the shared encoder; each text once in a training."""
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        of = len(self._vectors) + len(new)
        for at in range(0, len(new), _ENCODED_AT_ONCE):
            some = new[at : at + _ENCODED_AT_ONCE]
            shares = [some[core :: self._cores] for core in range(self._cores)]
            with ThreadPoolExecutor(self._cores) as threads:
                rows = threads.map(self._setup.text_encoder.encode_queries, shares)
                for share, vectors in zip(shares, rows, strict=True):
                    self._vectors.update(zip(share, vectors, strict=True))
            self._tell("vectors", len(self._vectors), of)
        return np.stack([self._vectors[text] for text in texts])

    def _tell_steps(self, done: int, of: int, loss: float) -> None:
        self._tell(self._phase, done, of)


def _words_of(settings: Settings) -> dict[str, str]:
    return {name: str(value) for name, value in asdict(settings).items()}


def _by_modality(examples: Sequence[Example]) -> dict[str, int]:
    return dict(Counter(name for example in examples for name in modalities_of(example)))
