"""A model whose device runs out of memory: smaller portions, then the processor, and it is said."""

import logging
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from models.errors import ModelError
from models.placed_model import PlacedModel


class Tight(torch.nn.Module):
    """Doubles, on a device that has room for so many rows; its copies lie elsewhere."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(torch.full((), 2.0, dtype=torch.bfloat16))
        self.register_buffer("offset", torch.zeros((), dtype=torch.bfloat16))
        self.room = room
        self.seen: list[int] = []

    def __deepcopy__(self, memo: dict[int, object]) -> "Tight":
        copied = Tight(1_000)
        copied.factor = memo[id(self.factor)]
        copied.offset = memo[id(self.offset)]
        return copied

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        self.seen.append(len(rows))
        if len(rows) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return rows * self.factor + self.offset


def doubled(model: Tight, items: Sequence[float]) -> list[float]:
    return model(torch.tensor(items)).tolist()


def test_what_is_too_much_at_once_is_done_in_halves(caplog: pytest.LogCaptureFixture) -> None:
    placed = PlacedModel(Tight(room=3), "text_encoder")
    with caplog.at_level(logging.WARNING):
        assert placed.run(doubled, range(10)) == [2.0 * n for n in range(10)]
    assert placed.model.seen == [10, 5, 2, 3, 5, 2, 3]
    assert {record.message for record in caplog.records} == {"engine.out_of_memory.halved"}
    assert caplog.records[0].__dict__["engine"] == "text_encoder"


def test_what_is_too_much_by_itself_is_done_on_the_processor(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.placed_model.device_of", lambda model: torch.device("cuda"))
    placed = PlacedModel(Tight(room=0), "text_encoder")
    with caplog.at_level(logging.WARNING):
        assert placed.run(doubled, [1.5, 4.0]) == [3.0, 8.0]
        assert placed.run(doubled, [2.0]) == [4.0]
    told = [record.message for record in caplog.records]
    assert told.count("engine.out_of_memory.on_processor") == 3
    copied = placed._on_processor()
    assert copied.factor.dtype is torch.float32
    assert copied.seen == [1, 1, 1], "one copy serves all"


def test_memory_that_is_out_on_the_processor_too_is_an_error() -> None:
    with pytest.raises(ModelError, match="text_encoder is out of memory: CUDA out of memory"):
        PlacedModel(Tight(room=0), "text_encoder").run(doubled, [1.0])


def test_other_errors_are_not_taken_for_it() -> None:
    def broken(model: Tight, items: Sequence[float]) -> list[float]:
        raise RuntimeError("shapes cannot be multiplied")

    placed = PlacedModel(Tight(room=9), "text_encoder")
    with pytest.raises(RuntimeError, match="shapes"):
        placed.run(broken, [1.0])


def test_a_copy_of_a_real_model_lies_on_the_processor_in_whole_numbers() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4)).half().eval()
    copied = PlacedModel(model, "x")._on_processor()
    assert {each.dtype for each in copied.parameters()} == {torch.float32}
    rows = torch.rand(3, 4)
    expected = model.float()(rows).detach().numpy()
    np.testing.assert_allclose(copied(rows).detach().numpy(), expected, atol=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no graphics card here")
def test_a_real_card_without_memory_is_done_without() -> None:
    model = torch.nn.Linear(4096, 4096).half().eval().to("cuda")

    def huge(model: torch.nn.Linear, items: Sequence[int]) -> list[float]:
        where = model.weight.device
        if where.type == "cuda":
            torch.empty(10**15, dtype=torch.uint8, device=where)
        rows = torch.ones(len(items), 4096, device=where, dtype=model.weight.dtype)
        return model(rows)[:, 0].tolist()

    assert len(PlacedModel(model, "x").run(huge, [1, 2, 3])) == 3
