"""Engines are measured in processes of their own, and one is recommended."""

from pathlib import Path

import pytest

from bot.engine_bench import KINDS, Measured, Task, best, measured
from tests.models.tiny_chat import write_chat_model

HEARS = KINDS["transcriber"]


def test_an_engine_is_measured_with_time_and_memory() -> None:
    found = measured(Task("image_encoder", {"engine": "small"}))
    assert not found.problem
    assert 0 < found.figure < HEARS.at_most * 10_000
    assert found.load_s > 0
    assert found.memory_bytes > 1_000_000


def test_a_language_model_is_measured_by_its_answer(tmp_path: Path) -> None:
    folder = write_chat_model(tmp_path, ["You", " may", "."])
    found = measured(Task("assistant", {"model": f"transformers:{folder}"}, "cpu"))
    assert not found.problem
    assert 0 < found.figure < KINDS["assistant"].at_most


def test_what_cannot_be_loaded_is_told_with_what_mends_it() -> None:
    section = {"engine": "transformers", "model": "./nowhere"}
    found = measured(Task("text_encoder", section))
    assert "there is no folder ./nowhere" in found.problem
    assert found.remedy


def test_a_process_that_breaks_is_told() -> None:
    assert "KeyError" in measured(Task("no_part", {})).problem


@pytest.mark.parametrize(
    ("figures", "expected", "why"),
    [
        ({"tiny": 0.1, "small": 0.3, "large": 2.0}, "small", "the largest that is quick enough"),
        ({"tiny": 0.1, "small": 0.7}, "tiny", "none of the larger ones is quick enough"),
        ({"small": 0.9, "large": 2.0}, "small", "none is quick enough for customers"),
        ({"small": 0.2}, "small", "quick enough (at most 0.5)"),
        ({}, "", "none of them works"),
    ],
)
def test_the_largest_that_keeps_up_is_recommended(
    figures: dict[str, float], expected: str, why: str
) -> None:
    sizes = {"tiny": 75, "small": 480, "large": 3_000}
    found = {name: Measured(figure=figure) for name, figure in figures.items()}
    found["broken"] = Measured(problem="it does not load")
    name, told = best(found, sizes, HEARS)
    assert name == expected
    assert why in told
