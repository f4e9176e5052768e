"""Which engines a name means, and what they load."""

from pathlib import Path

import pytest

from bot.assistant_settings import AssistantSection
from bot.config import Config
from bot.errors import OperatorError
from bot.weights import chosen, named, needed


def test_a_language_model_in_this_process_is_one_of_the_engines(tmp_path: Path) -> None:
    (tmp_path / "chat").mkdir()
    line = "transformers:./chat"
    config = Config.model_validate({"name": "x", "assistant": line}, context={"root": tmp_path})
    (weights,) = needed(config)["assistant"]
    assert weights.path == tmp_path / "chat"
    assert chosen(config)[-1].line == f"transformers:{tmp_path / 'chat'}"
    assert named("assistant", config, tmp_path) == [chosen(config)[-1]]
    assert named(f"assistant:{line}", None, tmp_path)[0].settings["model"].endswith("/chat")


def test_one_elsewhere_loads_nothing_here(tmp_path: Path) -> None:
    config = Config(name="x", assistant=AssistantSection(model="ollama:qwen3"))
    assert needed(config)["assistant"] == ()
    assert "assistant" not in needed(Config(name="x"))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("assistant", "no assistant is configured"),
        ("assistant:transformers", "PROVIDER:MODEL"),
    ],
)
def test_a_language_model_that_there_is_not_is_told(name: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=told):
        named(name, None, tmp_path)
    nowhere = named("assistant:transformers:./nowhere", None, tmp_path)
    with pytest.raises(OperatorError, match="there is no folder"):
        _ = nowhere[0].weights
