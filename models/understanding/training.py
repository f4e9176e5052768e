"""From labelled examples to a version that can be served: the whole of a training, step by step.

1. Hold out some examples.  2. Train network and wide head on the rest; find the best epoch.
3. Calibrate and judge on what was held out.  4. Go on for a little over everything.  5. Export,
check that the int8 graphs answer like the model, and write the version.
"""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import torch

from models.errors import ModelError
from models.text_encoder import TextEncoder
from models.understanding.calibration import Calibration, Scores
from models.understanding.dataset import Dataset, drawing, targets_of
from models.understanding.decider import Decider
from models.understanding.encoder import TunedEncoder
from models.understanding.evaluation import Evaluation
from models.understanding.export import export_encoder, export_network
from models.understanding.features import Floats, Modality, extract, modalities
from models.understanding.fit_calibration import calibrate
from models.understanding.fit_wide import fit_wide
from models.understanding.judging import judge, modalities_of
from models.understanding.memory import Memory
from models.understanding.model import Model, run
from models.understanding.network import Network, Shape
from models.understanding.observation import OUT_OF_SCOPE, Example
from models.understanding.prediction import Prediction
from models.understanding.predictor import FORMAT, Card, Predictor
from models.understanding.settings import Settings, Smaller, Tune
from models.understanding.split import evened, joined_pairs, named, split
from models.understanding.trainer import Fitted, Trainer
from models.understanding.training_run import TrainingRun
from models.understanding.versions import Versions
from models.understanding.wide import Wide
from models.understanding.words import WordFeatures

LOSES_AT_MOST = 0.003
"""Accuracy that the int8 encoder may cost; else the version keeps the float one."""
MORE_EPOCHS, GENTLE = 0.25, 0.3
"""Share of the epochs, and of the learning rates, with which the held-out examples are taught."""
MEMORY = 20_000
"""Examples whose vectors are kept to tell what is foreign."""
_FROZEN_BATCH, _TUNED_BATCH = 128, 32
_FROZEN_STEPS, _TUNED_STEPS = 1_200, 300
_FROZEN_EPOCHS, _TUNED_EPOCHS = (12, 40), (5, 12)
FEW = 2_000
"""Examples below which a trained encoder needs what `members` and `contrast` give."""
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


@dataclass(frozen=True)
class Setup:
    """What a training starts from."""

    examples: tuple[Example, ...]
    titles: Mapping[str, Sequence[str]]
    """Every intent → other names for it, as a customer might read or say them."""
    general: tuple[Example, ...]
    """Examples of manner, and of what is out of scope anywhere; they belong to no business."""
    text_encoder: TextEncoder
    text_source: Path
    """Its weights as transformers loads them, for training it further."""
    image_encoder: str
    image_dimensions: int
    settings: Settings
    held_out: tuple[Example, ...] = ()
    """Examples to stop, calibrate and judge by, where there are some of their own; else a share
    of `examples`."""
    warnings: tuple[str, ...] = ()


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
        self._setup, self._settings = setup, settled(setup.settings, len(setup.examples))
        self._versions, self._tell = versions, tell
        self._intents = tuple(sorted(set(setup.titles) - {OUT_OF_SCOPE}))
        if len(self._intents) < 2:
            raise ModelError("a model tells intents apart: it needs at least two")
        self._ways: tuple[Modality, ...] = modalities(
            setup.text_encoder.dimensions, setup.image_dimensions
        )
        self._digest = _digest(setup)
        self._vectors: dict[str, Floats] = {}
        folder = versions.folder / "training" / self._digest[:16]
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
        fitted, model, part = self._fit([*teaching, *general], held_out)
        if model.encoder is not None and settings.smaller is not Smaller.NONE:
            model, part = self._smaller(model, [*teaching, *general])
        calibration = self._calibrate(model, part, [*held_out, *general_out])
        evaluation = self._evaluate(model, part, calibration, held_out)
        if again:
            everything = [*self._setup.examples, *self._setup.general]
            part = self._go_on(model, everything, fitted.best_epoch)
        version = time.strftime("%Y%m%d-%H%M%S", time.gmtime(started))
        if self.is_main:
            self._write(version, model, part, calibration, evaluation, held_out)
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
        self, examples: Sequence[Example], held_out: Sequence[Example]
    ) -> tuple[Fitted, Model, "_Part"]:
        """From the beginning: one training, or several whose weights are averaged."""
        settings = self._settings
        examples = self._with_more(examples)
        data = self._dataset(examples)
        validation = self._dataset(held_out) if held_out else None
        fits: list[Fitted] = []
        soup: dict[str, torch.Tensor] = {}
        for member in range(settings.members):
            many = settings.members > 1
            self._phase = f"train {member + 1} of {settings.members}" if many else "train"
            model = self._model(data)
            fits.append(
                self._trainer.fit(
                    model,
                    data,
                    phase=f"train-{member}",
                    epochs=settings.epochs,
                    drawn=drawing(examples, settings.balance),
                    validation=validation,
                    seed=settings.seed + 1000 * member,
                )
            )
            for name, value in model.state_dict().items():
                soup[name] = soup.get(name, torch.zeros_like(value)) + value / settings.members
        model.load_state_dict(soup)
        return fits[0], model, self._part(model, data, examples)

    def _go_on(self, model: Model, examples: Sequence[Example], epochs: int) -> "_Part":
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
        return self._part(model, data, examples)

    def _smaller(self, model: Model, examples: Sequence[Example]) -> tuple[Model, "_Part"]:
        """With a smaller encoder, taught for some epochs by what the whole one says."""
        from models.understanding.compression import prune, student_of

        assert model.encoder is not None
        model.encoder.model = model.encoder.merged()
        self._phase = str(self._settings.smaller)
        examples = self._with_more(examples)
        data = self._dataset(examples)
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
        return model, self._part(model, data, examples)

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
            source = self._setup.text_source
            try:
                encoder = TunedEncoder(source, settings.tune)
            except OSError as error:
                raise ModelError(f"no text encoder can be loaded from {source}: {error}") from error
        shape = Shape(settings.fusion, len(self._intents), self._setup.text_encoder.dimensions)
        model = Model(Network(self._ways, shape), encoder)
        model.network.begin_at(run(model, data).vector, data.targets.intent)
        return model

    def _part(self, model: Model, data: Dataset, examples: Sequence[Example]) -> "_Part":
        """What is learned beside the network. Turns with several intents teach the wide head each
        of them in equal shares."""
        rows = np.flatnonzero(data.targets.weight.numpy() > 0)
        seen = [examples[row].observation for row in rows.tolist()]
        words = WordFeatures.learn(seen)
        targets = data.targets.several[rows].numpy()
        sums = targets.sum(1, keepdims=True)
        targets = np.where(sums > 0, targets / np.maximum(sums, 1), 1 / targets.shape[1])
        head = fit_wide(
            data.features.pooled()[rows],
            words.of(seen),
            targets.astype(np.float32),
            data.targets.weight.numpy()[rows],
            lambda done, of: self._tell("words", done, of),
        )
        inside = np.flatnonzero((data.targets.intent.numpy() >= 0) & (sums_of(data) == 1))
        chosen = np.random.default_rng(self._settings.seed).permutation(inside)[:MEMORY]
        vectors, intent = run(model, data).vector.numpy(), data.targets.intent.numpy()
        memory = Memory.of(vectors[chosen], intent[chosen], len(self._intents))
        return _Part(words, head, memory)

    def _calibrate(self, model: Model, part: "_Part", held_out: Sequence[Example]) -> Calibration:
        known = [example for example in held_out if example.labels.intents]
        if not known:
            return Calibration()
        data = self._dataset(known)
        out = run(model, data)
        scores = Scores(
            part.logits(data, known), out.intent.numpy(), part.memory.near(out.vector.numpy())
        )
        return calibrate(scores, data.targets.intent.numpy())

    def _evaluate(
        self,
        model: Model,
        part: "_Part",
        calibration: Calibration,
        held_out: Sequence[Example],
    ) -> Evaluation:
        predictions: list[Prediction] = []
        if held_out:
            data = self._dataset(held_out)
            out = {name: value.numpy() for name, value in run(model, data)._asdict().items()}
            decider = Decider(self._intents, calibration, part.memory)
            predictions = decider.predictions(part.logits(data, held_out), out)
        return judge("", "held out of the training", self._intents, held_out, predictions)

    def _write(
        self,
        version: str,
        model: Model,
        part: "_Part",
        calibration: Calibration,
        evaluation: Evaluation,
        held_out: Sequence[Example],
    ) -> None:
        setup = self._setup
        card = Card(
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
            digest=self._digest,
            accuracy=evaluation.accuracy,
        )
        with self._versions.writing(version) as folder:
            (folder / "model.json").write_bytes(msgspec.json.encode(card))
            self._tell("write", 0, 3)
            export_network(model.network, self._ways, folder / "network.onnx")
            part.save(folder)
            self._tell("write", 1, 3)
            if model.encoder is not None:
                self._export_encoder(model, part, calibration, folder, held_out)
            self._tell("write", 2, 3)
            Predictor(folder, setup.text_encoder)  # a version that cannot be opened is none
            self._tell("write", 3, 3)

    def _export_encoder(
        self,
        model: Model,
        part: "_Part",
        calibration: Calibration,
        folder: Path,
        held_out: Sequence[Example],
    ) -> None:
        """As int8, unless that costs more than `LOSES_AT_MOST`."""
        assert model.encoder is not None
        export_encoder(model.encoder, folder, int8=True)
        known = [e for e in held_out or self._setup.examples[:500] if e.labels.intents]
        whole = self._evaluate(model, part, calibration, known).accuracy
        predictor = Predictor(folder, self._setup.text_encoder)
        found = predictor.predict(predictor.encode([e.observation for e in known]))
        small = judge("", "", self._intents, known, found).accuracy
        if small < whole - LOSES_AT_MOST:
            export_encoder(model.encoder, folder, int8=False)

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
                rows = threads.map(self._setup.text_encoder.encode, shares)
                for share, vectors in zip(shares, rows, strict=True):
                    self._vectors.update(zip(share, vectors, strict=True))
            self._tell("vectors", len(self._vectors), of)
        return np.stack([self._vectors[text] for text in texts])

    def _tell_steps(self, done: int, of: int, loss: float) -> None:
        self._tell(self._phase, done, of)


@dataclass(frozen=True)
class _Part:
    """What is learned beside the network."""

    words: WordFeatures
    head: Wide
    memory: Memory

    def logits(self, data: Dataset, examples: Sequence[Example]) -> Floats:
        seen = [example.observation for example in examples]
        return self.head.logits(data.features.pooled(), self.words.of(seen))

    def save(self, folder: Path) -> None:
        np.savez_compressed(
            folder / "wide.npz",
            dense=self.head.dense,
            sparse=self.head.sparse.astype(np.float16),
            bias=self.head.bias,
            pieces=np.array(self.words.pieces, dtype=np.str_),
            weights=self.words.weights,
        )
        self.memory.save(folder / "memory.npz")


def settled(settings: Settings, examples: int) -> Settings:
    """The settings with what was left to be chosen."""
    tuned = settings.tune is not Tune.NONE
    batch = settings.batch or (_TUNED_BATCH if tuned else _FROZEN_BATCH)
    steps, (least, most) = (
        (_TUNED_STEPS, _TUNED_EPOCHS) if tuned else (_FROZEN_STEPS, _FROZEN_EPOCHS)
    )
    few = tuned and examples < FEW
    return replace(
        settings,
        batch=batch,
        epochs=settings.epochs or int(np.clip(steps * batch // max(examples, 1), least, most)),
        members=settings.members or (3 if few else 1),
        contrast=settings.contrast if settings.contrast >= 0 else float(few),
    )


def sums_of(data: Dataset) -> Floats:
    """How many intents each example is labelled with."""
    return np.asarray(data.targets.several.sum(1).numpy(), np.float32)


def _digest(setup: Setup) -> str:
    """Of all that a training depends on: the same training goes on after a kill, another does
    not take its checkpoints."""
    seen = hashlib.sha256()
    for example in (*setup.examples, *setup.general, *setup.held_out):
        seen.update(repr(example).encode())
    titles = {name: tuple(texts) for name, texts in sorted(setup.titles.items())}
    seen.update(repr((titles, setup.text_encoder.name, setup.image_encoder)).encode())
    seen.update(repr(setup.settings).encode())
    return seen.hexdigest()


def _words_of(settings: Settings) -> dict[str, str]:
    return {name: str(value) for name, value in asdict(settings).items()}


def _by_modality(examples: Sequence[Example]) -> dict[str, int]:
    return dict(Counter(name for example in examples for name in modalities_of(example)))
