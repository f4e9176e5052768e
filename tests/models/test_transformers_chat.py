"""A chat model in the process, loaded from a folder as `save_pretrained` writes it."""

from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage

from models.errors import EngineMissing
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
