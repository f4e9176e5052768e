"""Fits a network to a dataset: epochs, early stopping, checkpoints, one process or several.

`accelerate` spreads it: started by `torchrun` or `accelerate launch`, each process takes its share
of every batch, so that several processes give the losses of one; with `Settings.shard` each holds
but a share of the text encoder. After a kill the same call goes on from the last whole epoch.
"""

import atexit
import gc
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from accelerate import Accelerator, DistributedDataParallelKwargs
from numpy.typing import NDArray
from torch import Tensor, nn

from models.errors import ModelError
from models.understanding.checkpoint import Damaged, read_checkpoint, taken
from models.understanding.dataset import Dataset, batches, kept
from models.understanding.features import Floats
from models.understanding.model import Model, inputs_of, run
from models.understanding.network import Outputs, Targets, contrast, joined, losses
from models.understanding.settings import Balance, Settings
from models.understanding.sharding import average_gradients, clip_gradients, shared_out
from models.understanding.training_run import Epoch

log = logging.getLogger(__name__)

WARM_UP = 0.06
"""Share of the steps in which the learning rates rise; then they fall along a cosine."""
CLIP = 1.0
WEIGHT_DECAY = 0.01
FOCUS = 2.0
IMITATION = 10.0
"""Weight of a student's distance from its teacher's vectors."""
TOGETHER = 4
"""Examples of an intent that stand side by side in a batch, for the contrastive loss."""
TELLS_EPOCHS = 200
"""Held-out examples below which chance decides which epoch is best: then it is the last."""

Tell = Callable[[int, int, float], None]
"""Called with steps done, steps in all, and the last loss."""


class LossDiverged(ModelError):
    """The loss is no number any more."""


@dataclass(frozen=True)
class Fitted:
    """A network after its best epoch."""

    epochs: tuple[Epoch, ...]
    best_epoch: int
    stopped_early: bool


class Trainer:
    """Belongs to one training; `fit` may be called for several phases, each named."""

    def __init__(self, settings: Settings, folder: Path, tell: Tell) -> None:
        """`folder`: for checkpoints.

        Raises `ModelError` if one process alone is to share out an encoder.
        """
        self.settings = settings
        self.warnings: list[str] = []
        # A modality that no example of a batch has leaves its weights without a gradient.
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        self.accelerator = Accelerator(cpu=not torch.cuda.is_available(), kwargs_handlers=[unused])
        if settings.shard and self.accelerator.num_processes == 1:
            raise ModelError(
                "the encoder is to be shared out, and there is one process: start the command by "
                "`torchrun --nproc-per-node 2 -m bot.cli`, with as many as there are graphics cards"
            )
        if self.accelerator.num_processes > 1:
            atexit.register(_leave)
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
        self._given = model
        self._accelerator = trainer.accelerator
        rates = (self._settings.rate, self._settings.encoder_rate)
        self._rates = [rate * gentleness for rate in rates]
        self._focus = FOCUS if self._settings.balance is Balance.FOCAL else 0.0
        if not self._settings.dropout:
            for layer in model.modules():
                if isinstance(layer, nn.Dropout):
                    layer.p = 0.0
        self._model, self._plain, self._optimizer = self._spread(model)
        self._steps_per_epoch = math.ceil(len(data) / self._settings.batch)
        self._best: dict[str, Tensor] = {}
        self._done: list[Epoch] = []

    def run(self) -> Fitted:
        self._resume()
        while len(self._done) < self._epochs and not self._patience_spent():
            self._done.append(self._epoch(len(self._done)))
            best = {} if self._is_best() else self._best
            now = taken(self._plain, self._optimizer, best, self._done)
            self._best = now.best
            if self._accelerator.is_main_process:
                now.write(self._file)
            self._accelerator.wait_for_everyone()
        self._given.load_state_dict(self._best, assign=True)
        self._given.cpu().eval()
        self._accelerator.free_memory()
        return Fitted(tuple(self._done), self._best_epoch(), len(self._done) < self._epochs)

    def _spread(self, model: Model) -> tuple[nn.Module, Model, torch.optim.Optimizer]:
        """The model over all processes, the module whose parameters it trains, the optimizer."""
        if not self._settings.shard or model.encoder is None:
            return self._accelerator.prepare(model), model, self._make_optimizer(model)
        device = self._accelerator.device
        shares = Model(model.network.to(device), shared_out(model.encoder, device))
        return shares, shares, self._make_optimizer(shares)

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
        together = TOGETHER if settings.contrast > 0 else 1
        drawn = batches(self._data, self._drawn, settings.batch, self._seed, number, together)
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
        device = self._accelerator.device
        whole = _targets(self._data.targets, rows, device)
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
        if self._settings.shard:
            average_gradients(list(self._plain.network.parameters()))
        norm = clip_gradients(self._optimizer, CLIP)
        shares = torch.stack([loss.detach(), *(part.detach() for part in parts.values())])
        sums = self._accelerator.reduce(shares, "sum").tolist()
        if not math.isfinite(sums[0]) or not math.isfinite(norm):
            raise LossDiverged(
                f"the loss is {sums[0]}, its gradient {norm}, in phase {self._phase!r}: a lower "
                f"learning rate may help (rate {self._settings.rate:g}, encoder_rate "
                f"{self._settings.encoder_rate:g})"
            )
        self._optimizer.step()
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
        own = _targets(self._data.targets, rows, whole.intent.device)
        parts = losses(out, own, whole, self._focus)
        share = len(rows) / len(whole.intent)
        total = joined(parts, log_variance, share)
        if self._settings.contrast > 0:
            total = total + share * self._settings.contrast * contrast(out.vector, own)
        if self._data.taught is not None:
            taught = self._data.taught[torch.from_numpy(rows)].to(text.device)
            apart = 1 - (text[:, 0] * taught).sum(1)
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

    @property
    def _file(self) -> Path:
        return self._trainer.folder / f"{self._phase}.pt"

    def _resume(self) -> None:
        try:
            found = read_checkpoint(self._file, self._plain)
        except Damaged as error:
            log.warning("training.not_resumed", extra={"reason": str(error)})
            self._trainer.warnings.append(
                f"the checkpoint {self._file} is damaged ({error}); this part began anew"
            )
            return
        if found:
            found.put_into(self._plain, self._optimizer)
            self._best, self._done = found.best, list(found.done)


def _targets(targets: Targets, rows: NDArray[np.int64], device: torch.device) -> Targets:
    numbers = torch.from_numpy(rows)
    return Targets(*(value[numbers].to(device) for value in targets))


def _half(settings: Settings) -> bool:
    """Whether to compute in bfloat16. Only a trained encoder has matrices that gain by it."""
    if settings.tune == "none" or settings.precision == "fp32":
        return False
    if settings.precision == "bf16" or torch.cuda.is_available():
        return True
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _leave() -> None:
    """End this process's part in the group: with gloo's threads still running, Python's end may be
    an abort. They run as long as anything refers to the group, and an encoder that was shared out
    refers to itself and to it."""
    gc.collect()
    if dist.is_initialized():
        dist.destroy_process_group()
    gc.collect()
