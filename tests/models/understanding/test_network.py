import math

import pytest
import torch

from models.understanding.network import Outputs, Targets, contrast, joined, losses

NAN = math.nan


def _outputs(rows: int, intents: int) -> Outputs:
    torch.manual_seed(3)
    return Outputs(
        intent=torch.randn(rows, intents),
        several=torch.randn(rows, intents),
        urgency=torch.rand(rows),
        sentiment=torch.rand(rows) * 2 - 1,
        wants_person=torch.randn(rows),
        vector=torch.nn.functional.normalize(torch.randn(rows, 8), dim=1),
    )


def _targets(intent: list[int], intents: int, **manner: list[float]) -> Targets:
    rows = len(intent)
    several = torch.zeros(rows, intents)
    for row, number in enumerate(intent):
        if number >= 0:
            several[row, number] = 1
    values = {
        name: torch.tensor(manner.get(name, [NAN] * rows))
        for name in ("urgency", "sentiment", "wants_person")
    }
    return Targets(torch.tensor(intent), several, weight=torch.ones(rows), **values)


def _rows(values: Outputs | Targets, rows: slice) -> list[torch.Tensor]:
    return [value[rows] for value in values]


def test_a_task_without_labels_has_no_loss() -> None:
    want = _targets([0, 1], 3, urgency=[0.5, NAN])
    assert set(losses(_outputs(2, 3), want, want, 0.0)) == {"intent", "several", "urgency"}


def test_a_row_without_a_label_does_not_count() -> None:
    out = _outputs(2, 3)
    want = _targets([0, 1], 3, urgency=[0.5, NAN])
    expected = (out.urgency[0] - 0.5) ** 2
    assert torch.isclose(losses(out, want, want, 0.0)["urgency"], expected)


def test_a_turn_of_no_intent_is_taught_to_be_even() -> None:
    want = _targets([-1], 4)
    even = _outputs(1, 4)._replace(intent=torch.zeros(1, 4))
    sure = even._replace(intent=torch.tensor([[9.0, 0, 0, 0]]))
    assert losses(even, want, want, 0.0)["intent"] < losses(sure, want, want, 0.0)["intent"]


def test_focus_makes_an_easy_example_count_less() -> None:
    want = _targets([0], 2)
    easy = _outputs(1, 2)._replace(intent=torch.tensor([[3.0, 0.0]]))
    hard = easy._replace(intent=torch.tensor([[0.0, 3.0]]))

    def ratio(focus: float) -> float:
        return float(
            losses(easy, want, want, focus)["intent"] / losses(hard, want, want, focus)["intent"]
        )

    assert ratio(2.0) < ratio(0.0)


def test_shares_of_a_batch_add_up_to_the_whole() -> None:
    out = _outputs(6, 3)
    want = _targets([0, 1, 2, -1, 0, 1], 3, urgency=[0.1, NAN, 0.9, NAN, NAN, 0.4])
    logs = torch.tensor([0.3, -0.2, 0.1, 0.0, 0.5])
    whole = joined(losses(out, want, want, 0.0), logs)
    parts = [
        joined(
            losses(Outputs(*_rows(out, part)), Targets(*_rows(want, part)), want, 0.0), logs, share
        )
        for part, share in ((slice(0, 4), 4 / 6), (slice(4, 6), 2 / 6))
    ]
    assert float(sum(parts)) == pytest.approx(float(whole), rel=1e-5)


def test_contrast_is_lowest_where_each_intent_lies_together() -> None:
    want = _targets([0, 0, 1, 1], 2)
    axis = torch.eye(4)[:, :2]
    together = torch.stack([axis[0], axis[0], axis[1], axis[1]])
    apart = torch.stack([axis[0], axis[1], axis[0], axis[1]])
    assert contrast(together, want) < contrast(apart, want)


def test_contrast_of_single_examples_is_nothing() -> None:
    want = _targets([0, 1, -1], 2)
    assert float(contrast(torch.eye(3), want)) == 0.0
