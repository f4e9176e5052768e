"""A model of torch on its device, that gets by with less when memory is out there."""

import copy
import logging
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

from models.errors import ModelError
from models.memory import give_back

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

In = TypeVar("In")
Out = TypeVar("Out")
Model = TypeVar("Model", bound="torch.nn.Module")


class PlacedModel(Generic[Model]):
    """What is too much at once is done in halves; what is too much by itself, on the processor,
    with a copy of the model that is made then and kept. Thread-safe."""

    def __init__(self, model: Model, name: str) -> None:
        """`model`: where it is to run. `name`: for the log."""
        self.model = model
        self._name = name
        self._copy: Model | None = None
        self._copying = Lock()

    def run(
        self, work: Callable[[Model, Sequence[In]], Iterable[Out]], items: Sequence[In]
    ) -> list[Out]:
        """`work` gives one result for each item, with a model that lies on `device_of(model)`.

        Raises what `work` raises, and `ModelError` if memory is out on the processor too.
        """
        try:
            return list(work(self.model, items))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error).partition("\n")[0]
        # The error is gone by now, and with it what its frames held on the device.
        _empty_caches()
        where = device_of(self.model).type
        about = {"engine": self._name, "device": where, "items": len(items), "reason": reason}
        if len(items) > 1:
            log.warning("engine.out_of_memory.halved", extra=about)
            half = len(items) // 2
            return self.run(work, items[:half]) + self.run(work, items[half:])
        if where == "cpu":
            log.error("engine.out_of_memory", extra=about)
            raise ModelError(f"{self._name} is out of memory: {reason}")
        log.warning("engine.out_of_memory.on_processor", extra=about)
        return list(work(self._on_processor(), items))

    def _on_processor(self) -> Model:
        with self._copying:
            if self._copy is None:
                self._copy = _processor_copy(self.model)
            return self._copy


def _processor_copy(model: Model) -> Model:
    """In float32: half precision is slow there, and not known to every operation."""
    import torch

    def moved(tensor: torch.Tensor) -> torch.Tensor:
        there = tensor.detach().cpu()
        there = there.float() if there.is_floating_point() else there
        if isinstance(tensor, torch.nn.Parameter):
            return torch.nn.Parameter(there, requires_grad=False)
        return there

    # What stands in it counts as copied already: nothing more is asked of the card.
    copied = {id(each): moved(each) for each in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, copied)


def device_of(model: "torch.nn.Module") -> "torch.device":
    return next(model.parameters()).device


def is_out_of_memory(error: RuntimeError) -> bool:
    """Of a card's memory, or of the processor's."""
    import torch

    text = str(error)
    return (
        isinstance(error, torch.OutOfMemoryError)
        or "out of memory" in text
        or "can't allocate memory" in text
    )


def _empty_caches() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    give_back()
