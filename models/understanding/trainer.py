"""Fits a network to a dataset: epochs, early stopping, checkpoints, one process or several.

`accelerate` spreads it: started by `torchrun` or `accelerate launch`, each process takes its share
of every batch, so that several processes give the losses of one. After a kill the same call goes
on from the last whole epoch.
"""

import json
import math
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from numpy.typing import NDArray
from torch import Tensor, nn

from models.errors import ModelError
from models.understanding.dataset import Dataset, batches, kept
from models.understanding.encoder import TunedEncoder
from models.understanding.features import Floats
from models.understanding.network import Network, Outputs, Targets, contrast, joined, losses
from models.understanding.settings import Balance, Settings
from models.understanding.training_run import Epoch

WARM_UP = 0.06
"""Share of the steps in which the learning rates rise; then they fall along a cosine."""
CLIP = 1.0
WEIGHT_DECAY = 0.01
FOCUS = 2.0
IMITATION = 10.0
"""Weight of a student's distance from its teacher's vectors."""
TELLS_EPOCHS = 200
"""Held-out examples below which chance decides which epoch is best: then it is the last."""
_EVALUATED_AT_ONCE = 256

Tell = Callable[[int, int, float], None]
"""Called with steps done, steps in all, and the last loss."""


class LossDiverged(ModelError):
    """The loss is no number any more."""


class Model(nn.Module):
    """The network, and the text encoder before it where that is trained as well."""

    def __init__(self, network: Network, encoder: TunedEncoder | None) -> None:
        super().__init__()
        self.network = network
        self.encoder = encoder

    def forward(
        self,
        tokens: dict[str, Tensor],
        present: dict[str, Tensor],
        words: dict[str, Tensor] | None = None,
        disturbance: Tensor | None = None,
    ) -> tuple[Outputs, Tensor, Tensor]:
        """The outputs, the texts' vectors that they came from (n, 1, width), and the tasks' log
        variances: what is used of a model must come out of it, for its processes to agree."""
        text = tokens["text"]
        if self.encoder is not None and words is not None:
            encoded: Tensor = self.encoder(**words).unsqueeze(1)
            text = encoded * present["text"].unsqueeze(-1)
        elif self.training and not text.requires_grad:
            text = text.requires_grad_()
        shifted = text if disturbance is None else text + disturbance
        out = self.network({**tokens, "text": shifted}, present)
        return out, text, self.network.log_variance.clone()


@dataclass(frozen=True)
class Fitted:
    """A network after its best epoch."""

    epochs: tuple[Epoch, ...]
    best_epoch: int
    stopped_early: bool


class Trainer:
    """Belongs to one training; `fit` may be called for several phases, each named."""

    def __init__(self, settings: Settings, folder: Path, tell: Tell) -> None:
        """`folder`: for checkpoints; emptied by `finish`."""
        self.settings = settings
        # A modality that no example of a batch has leaves its weights without a gradient.
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        self.accelerator = Accelerator(cpu=not torch.cuda.is_available(), kwargs_handlers=[unused])
        self._folder = folder
        self._tell = tell

    def fit(
        self,
        model: Model,
        data: Dataset,
        *,
        phase: str,
        epochs: int,
        drawn: Floats | None,
        validation: Dataset | None,
        seed: int,
        gentleness: float = 1.0,
    ) -> Fitted:
        """Train `model` in place; it ends with the weights of its best epoch (where `validation`
        suffices to tell it) or of its last. `gentleness`: share of the learning rates.

        Raises `LossDiverged`; `OSError` if a checkpoint cannot be written.
        """
        return _Fit(self, model, data, phase, epochs, drawn, validation, seed, gentleness).run()

    def finish(self) -> None:
        """Forget the checkpoints."""
        if self.accelerator.is_main_process:
            shutil.rmtree(self._folder, ignore_errors=True)

    # What `_Fit` needs of its trainer.

    @property
    def folder(self) -> Path:
        return self._folder

    def tell(self, done: int, of: int, loss: float) -> None:
        if self.accelerator.is_main_process:
            self._tell(done, of, loss)


class _Fit:
    """One phase of a training."""

    def __init__(
        self,
        trainer: Trainer,
        model: Model,
        data: Dataset,
        phase: str,
        epochs: int,
        drawn: Floats | None,
        validation: Dataset | None,
        seed: int,
        gentleness: float,
    ) -> None:
        self._trainer, self._settings, self._seed = trainer, trainer.settings, seed
        self._data, self._drawn, self._validation = data, drawn, validation
        self._phase, self._epochs = phase, epochs
        self._plain = model
        self._accelerator = trainer.accelerator
        rates = (self._settings.rate, self._settings.encoder_rate)
        self._rates = [rate * gentleness for rate in rates]
        self._focus = FOCUS if self._settings.balance is Balance.FOCAL else 0.0
        if not self._settings.dropout:
            for layer in model.modules():
                if isinstance(layer, nn.Dropout):
                    layer.p = 0.0
        self._model, self._optimizer = self._accelerator.prepare(model, self._make_optimizer(model))
        self._steps_per_epoch = math.ceil(len(data) / self._settings.batch)
        self._best: dict[str, Tensor] = {}
        self._done: list[Epoch] = []

    def run(self) -> Fitted:
        self._resume()
        while len(self._done) < self._epochs and not self._patience_spent():
            self._done.append(self._epoch(len(self._done)))
            if self._is_best():
                self._best = {
                    name: value.detach().clone()
                    for name, value in self._accelerator.get_state_dict(self._model).items()
                }
            self._checkpoint()
        self._plain.load_state_dict(self._best)
        self._plain.eval()
        self._accelerator.free_memory()
        return Fitted(tuple(self._done), self._best_epoch(), len(self._done) < self._epochs)

    def _make_optimizer(self, model: Model) -> torch.optim.Optimizer:
        network = list(model.network.parameters())
        encoder = [] if model.encoder is None else list(model.encoder.parameters())
        groups = [
            {"params": network, "weight_decay": WEIGHT_DECAY},
            {"params": [p for p in encoder if p.requires_grad], "weight_decay": WEIGHT_DECAY},
        ]
        return torch.optim.AdamW(groups, lr=self._settings.rate)

    def _epoch(self, number: int) -> Epoch:
        """One pass over the data. Whatever is random in it follows from the seed and its number,
        so that a resumed training is the same as one that was never stopped."""
        started = time.monotonic()
        settings = self._settings
        torch.manual_seed(self._seed * 10_007 + number * 101 + self._accelerator.process_index)
        keep = kept(self._data, settings.modality_dropout, self._seed, number)
        self._model.train()
        sums: dict[str, float] = {}
        total = 0.0
        drawn = batches(self._data, self._drawn, settings.batch, self._seed, number)
        for step, rows in enumerate(drawn):
            self._set_rates(number * self._steps_per_epoch + step)
            loss, parts = self._step(rows, keep)
            total += loss
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + value
            done = number * self._steps_per_epoch + step + 1
            self._trainer.tell(done, self._epochs * self._steps_per_epoch, loss)
        steps = self._steps_per_epoch
        validation_loss, accuracy = self._validate()
        return Epoch(
            number=number + 1,
            loss=total / steps,
            validation_loss=validation_loss,
            validation_accuracy=accuracy,
            seconds=time.monotonic() - started,
            task_losses={name: value / steps for name, value in sums.items()},
        )

    def _step(
        self, rows: NDArray[np.int64], keep: dict[str, NDArray[np.bool_]]
    ) -> tuple[float, dict[str, float]]:
        processes, index = self._accelerator.num_processes, self._accelerator.process_index
        whole = _targets(self._data.targets, rows)
        own = rows[index::processes]
        inputs = self._inputs(own, keep)
        self._optimizer.zero_grad()
        with self._half():
            out, text, log_variance = self._model(**inputs)
        text.retain_grad()
        loss, parts = self._loss(out, text, log_variance, own, whole)
        self._accelerator.backward(loss * processes)
        if self._settings.adversarial and text.grad is not None:
            length = text.grad.norm(dim=-1, keepdim=True).clamp(min=1e-12)
            disturbance = (self._settings.adversarial * text.grad / length).detach()
            with self._half():
                out, text, log_variance = self._model(**inputs, disturbance=disturbance)
            again, _ = self._loss(out, text, log_variance, own, whole)
            self._accelerator.backward(again * processes)
        self._accelerator.clip_grad_norm_(self._model.parameters(), CLIP)
        self._optimizer.step()
        shares = torch.stack([loss.detach(), *(part.detach() for part in parts.values())])
        sums = self._accelerator.reduce(shares, "sum").tolist()
        if not math.isfinite(sums[0]):
            raise LossDiverged(
                f"the loss is {sums[0]} in phase {self._phase!r}: a lower learning rate may help "
                f"(rate {self._settings.rate:g}, encoder_rate {self._settings.encoder_rate:g})"
            )
        return sums[0], dict(zip(parts, sums[1:], strict=True))

    def _half(self) -> torch.autocast:
        """bfloat16 where that is wanted and there. It has the range of float32, so that gradients
        need no scaling."""
        device = self._accelerator.device.type
        return torch.autocast(device, torch.bfloat16, enabled=_half(self._settings))

    def _loss(
        self,
        out: Outputs,
        text: Tensor,
        log_variance: Tensor,
        rows: NDArray[np.int64],
        whole: Targets,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The share of the batch's loss that falls to these rows."""
        out = Outputs(*(value.float() for value in out))
        parts = losses(out, _targets(self._data.targets, rows), whole, self._focus)
        share = len(rows) / len(whole.intent)
        total = joined(parts, log_variance, share)
        if self._settings.contrast > 0:
            own = _targets(self._data.targets, rows)
            total = total + share * self._settings.contrast * contrast(out.vector, own)
        if self._data.taught is not None:
            apart = 1 - (text[:, 0] * self._data.taught[torch.from_numpy(rows)]).sum(1)
            total = total + IMITATION * apart.sum() / len(whole.intent)
        return total, parts

    def _inputs(
        self, rows: NDArray[np.int64], keep: dict[str, NDArray[np.bool_]] | None = None
    ) -> dict[str, Any]:
        return inputs_of(self._plain, self._data, rows, keep, self._accelerator.device)

    def _validate(self) -> tuple[float, float]:
        """Mean loss of all tasks and accuracy of the intents; nan without validation data."""
        if self._validation is None or not len(self._validation):
            return math.nan, math.nan
        out = run(self._plain, self._validation, self._accelerator.device)
        targets = self._validation.targets
        parts = losses(out, targets, targets, 0.0)
        known = targets.intent >= 0
        right = (out.intent.argmax(1) == targets.intent)[known].float().mean()
        return float(sum(part.item() for part in parts.values())), float(right)

    def _set_rates(self, step: int) -> None:
        total = self._epochs * self._steps_per_epoch
        share = min(1.0, (step + 1) / max(WARM_UP * total, 1))
        share *= (1 + math.cos(math.pi * step / total)) / 2
        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * share

    def _best_epoch(self) -> int:
        if self._validation is None or len(self._validation) < TELLS_EPOCHS:
            return len(self._done)
        return min(self._done, key=lambda epoch: epoch.validation_loss).number

    def _is_best(self) -> bool:
        return self._best_epoch() == len(self._done)

    def _patience_spent(self) -> bool:
        return bool(self._done) and len(self._done) - self._best_epoch() >= self._settings.patience

    def _checkpoint(self) -> None:
        """Everything after a whole epoch, written beside and then put in place."""
        place = self._trainer.folder / self._phase
        fresh = place.with_name(f"{place.name}.new")
        if self._accelerator.is_main_process:
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
        self._accelerator.wait_for_everyone()
        self._accelerator.save_state(str(fresh))
        if self._accelerator.is_main_process:
            torch.save(self._best, fresh / "best.pt")
            epochs = json.dumps([asdict(epoch) for epoch in self._done])
            (fresh / "epochs.json").write_text(epochs, "utf-8")
            shutil.rmtree(place, ignore_errors=True)
            os.replace(fresh, place)
        self._accelerator.wait_for_everyone()

    def _resume(self) -> None:
        place = self._trainer.folder / self._phase
        if not (place / "epochs.json").is_file():
            return
        self._accelerator.load_state(str(place))
        self._best = torch.load(place / "best.pt", weights_only=True)
        stored = json.loads((place / "epochs.json").read_text("utf-8"))
        self._done = [Epoch(**epoch) for epoch in stored]


def inputs_of(
    model: Model,
    data: Dataset,
    rows: NDArray[np.int64],
    keep: dict[str, NDArray[np.bool_]] | None,
    device: torch.device,
) -> dict[str, Any]:
    """What `Model.forward` takes for these rows. `keep`: see `dataset.kept`."""
    batch = data.features.batch(rows)
    tokens, present = {}, {}
    for name, values in batch.tokens.items():
        there = batch.present[name]
        if keep is not None:
            there = there & keep[name][rows][:, None]
            values = values * there[:, :, None]
        tokens[name] = torch.from_numpy(values).to(device)
        present[name] = torch.from_numpy(there).to(device)
    found: dict[str, Any] = {"tokens": tokens, "present": present}
    if model.encoder is not None:
        words = model.encoder.tokens([data.texts[row] for row in rows])
        found["words"] = {name: value.to(device) for name, value in words.items()}
    return found


@torch.no_grad()
def run(model: Model, data: Dataset, device: torch.device | None = None) -> Outputs:
    """The outputs for all rows, without dropout, in their order."""
    device = device or torch.device("cpu")
    model.eval()
    lengths = np.array([len(text) for text in data.texts])
    order = np.argsort(lengths, kind="stable")
    parts = []
    for at in range(0, len(order), _EVALUATED_AT_ONCE):
        inputs = inputs_of(model, data, order[at : at + _EVALUATED_AT_ONCE], None, device)
        out, _, _ = model(**inputs)
        parts.append([value.float().cpu() for value in out])
    back = torch.from_numpy(np.argsort(order))
    return Outputs(*(torch.cat(column)[back] for column in zip(*parts, strict=True)))


def _targets(targets: Targets, rows: NDArray[np.int64]) -> Targets:
    numbers = torch.from_numpy(rows)
    return Targets(*(value[numbers] for value in targets))


def _half(settings: Settings) -> bool:
    """Whether to compute in bfloat16. Only a trained encoder has matrices that gain by it."""
    if settings.tune == "none" or settings.precision == "fp32":
        return False
    if settings.precision == "bf16" or torch.cuda.is_available():
        return True
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
