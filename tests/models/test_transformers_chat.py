"""A chat model in the process, loaded from a folder as `save_pretrained` writes it."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from langchain_core.messages import HumanMessage

from models.errors import EngineMissing, ModelError
from models.transformers_chat import TransformersChat
from tests.models.tiny_chat import write_chat_model

SAYS = ["Hello", " there", ", how", " are you", "?"]


def test_its_words_come_one_by_one_and_are_counted(tmp_path: Path) -> None:
    chat = TransformersChat(str(write_chat_model(tmp_path, SAYS)))
    chunks = list(chat.stream([HumanMessage("hi")]))
    assert "".join(chunk.text for chunk in chunks) == "Hello there, how are you?"
    assert len([chunk for chunk in chunks if chunk.text]) > 2
    answer = chat.invoke([HumanMessage("hi")])
    assert answer.usage_metadata
    assert answer.usage_metadata["output_tokens"] == len(SAYS) + 1
    assert answer.response_metadata["finish_reason"] == "stop"


def test_an_answer_that_is_cut_off_says_so(tmp_path: Path) -> None:
    chat = TransformersChat(str(write_chat_model(tmp_path, SAYS)), max_tokens=3)
    assert chat.invoke("hi").response_metadata["finish_reason"] == "length"


def test_a_question_that_is_too_long_is_refused(tmp_path: Path) -> None:
    chat = TransformersChat(str(write_chat_model(tmp_path, SAYS, longest=40)))
    with pytest.raises(ValueError, match="takes in 40 tokens"):
        chat.invoke("h" * 50)


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngineMissing, match=r"no config\.json"):
        TransformersChat(str(tmp_path))


def test_a_model_that_does_not_chat_is_told(tmp_path: Path) -> None:
    folder = write_chat_model(tmp_path, SAYS)
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(EngineMissing, match="no chat template"):
        TransformersChat(str(folder))


def test_where_it_runs_and_in_which_numbers_is_the_operators_to_say(tmp_path: Path) -> None:
    folder = str(write_chat_model(tmp_path, SAYS))
    half = TransformersChat(folder, "cpu", "bfloat16")
    assert half._model.model.dtype is torch.bfloat16
    assert half.invoke("hi").text == "Hello there, how are you?"
    with pytest.raises(EngineMissing, match="no device 'gpu'"):
        TransformersChat(folder, "gpu")
    with pytest.raises(EngineMissing, match="no numbers 'int3'"):
        TransformersChat(folder, "cpu", "int3")


def test_too_little_memory_is_told_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_chat_model(tmp_path, SAYS)
    monkeypatch.setattr("models.device.available_bytes", lambda: 1_000)
    monkeypatch.setattr("transformers.AutoModelForCausalLM.from_pretrained", None)
    with pytest.raises(EngineMissing, match="GB of memory"):
        TransformersChat(str(folder))


class Card:
    """Runs out of memory after so many words, as a card does; the processor does not."""

    def __init__(self, chat: TransformersChat, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
        self._after = after
        real = chat._model.model
        self._forward = real.forward
        monkeypatch.setattr(chat._model, "_on_processor", lambda: self._restored(real))
        monkeypatch.setattr("models.placed_model.device_of", lambda model: torch.device("cuda"))
        monkeypatch.setattr(real, "forward", self._limited)

    def _limited(self, *inputs: Any, **named: Any) -> Any:
        if not self._after:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        self._after -= 1
        return self._forward(*inputs, **named)

    def _restored(self, real: Any) -> Any:
        real.forward = self._forward
        return real


def test_an_answer_for_which_the_card_has_no_memory_is_written_on_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    chat = TransformersChat(str(write_chat_model(tmp_path, SAYS)), "cpu")
    Card(chat, monkeypatch, after=0)
    with caplog.at_level(logging.WARNING):
        assert chat.invoke("hi").text == "Hello there, how are you?"
    assert "engine.out_of_memory.on_processor" in [record.message for record in caplog.records]


def test_what_has_been_read_is_not_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = TransformersChat(str(write_chat_model(tmp_path, SAYS)), "cpu")
    Card(chat, monkeypatch, after=4)
    with pytest.raises(ModelError, match="within an answer"):
        chat.invoke("hi")
