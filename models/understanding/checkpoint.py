"""Where a phase of a training stands after a whole epoch, in one file on disk.

Shared-out weights are stored whole, so that a training may go on with another number of processes.
"""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.understanding.sharding import gathered, share_of
from models.understanding.training_run import Epoch


@dataclass(frozen=True)
class Checkpoint:
    """All that a training needs to go on as if it had never stopped: what is random in an epoch
    follows from its number."""

    weights: dict[str, Tensor]
    optimizer: dict[str, Any]
    best: dict[str, Tensor]
    """The weights after the best epoch so far."""
    done: tuple[Epoch, ...]

    def write(self, path: Path) -> None:
        """In one step. Raises `OSError`."""
        fresh = path.with_name(f".{path.name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {**vars(self), "done": [asdict(epoch) for epoch in self.done]}
        try:
            torch.save(content, fresh)
            os.replace(fresh, path)
        except RuntimeError as error:  # of torch's writer: it knows no other error
            raise OSError(f"{path} could not be written whole") from error
        finally:
            fresh.unlink(missing_ok=True)

    def put_into(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Every process must call it."""
        mine = model.state_dict()
        model.load_state_dict({n: share_of(value, mine[n]) for n, value in self.weights.items()})
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        state = {
            number: {
                name: share_of(value, weights[number])
                if value.shape == weights[number].shape
                else value
                for name, value in values.items()
            }
            for number, values in self.optimizer["state"].items()
        }
        optimizer.load_state_dict({**self.optimizer, "state": state})


def taken(
    model: nn.Module, optimizer: torch.optim.Optimizer, best: dict[str, Tensor], done: list[Epoch]
) -> Checkpoint:
    """Every process must call it; one writes it. `best`: empty where it is the last epoch's."""
    weights = gathered(model.state_dict())
    return Checkpoint(weights, gathered(optimizer.state_dict()), best or weights, tuple(done))


class Damaged(Exception):
    """The file holds no checkpoint of this training."""


def read_checkpoint(path: Path, model: nn.Module) -> Checkpoint | None:
    """None where there is none. Raises `Damaged`."""
    if not path.is_file():
        return None
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        stored["done"] = tuple(Epoch(**epoch) for epoch in stored["done"])
        found = Checkpoint(**stored)
        shapes = {name: value.shape for name, value in found.weights.items()}
    except Exception as error:  # torch raises whatever its unpickler or zip reader meets
        raise Damaged(str(error).splitlines()[0]) from error
    if shapes != {name: value.shape for name, value in model.state_dict().items()}:
        raise Damaged("it is of another model")
    return found
