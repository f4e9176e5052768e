"""A chat model of transformers in this process, as langchain takes one: words as they come.

The folder holds weights, tokenizer and a chat template, as `save_pretrained` writes them.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage, convert_to_openai_messages
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from models.device import torch_device, torch_numbers
from models.downloads import Weights
from models.errors import EngineMissing, ModelError
from models.placed_model import PlacedModel, device_of
from models.transformers_folder import (
    LOCAL,
    load_model,
    loading,
    model_folder,
    transformers_weights,
)


class TransformersChat(BaseChatModel):
    """One answer at a time; what comes meanwhile waits. An answer for which the card has no memory
    is written on the processor."""

    max_tokens: int = 700
    temperature: float = 0.0
    """0: always the likeliest word."""
    _model: Any = PrivateAttr()
    _tokenizer: Any = PrivateAttr()
    _turnstile: Any = PrivateAttr()
    _longest: int = PrivateAttr()

    def __init__(
        self, model: str, device: str = "auto", dtype: str = "auto", **settings: Any
    ) -> None:
        """`model`: a folder, or the name of a public model, which is fetched once. `dtype`: of its
        numbers; see `models.device`. Raises `EngineMissing`, also where memory would not do."""
        super().__init__(**settings)
        folder = model_folder(model)
        self._tokenizer = _tokenizer_of(folder)
        where = torch_device(device)
        numbers = torch_numbers(dtype, where)
        loaded = load_model(folder, "AutoModelForCausalLM", device=where, numbers=numbers).model
        self._model = PlacedModel(loaded, "assistant")
        self._longest = int(getattr(loaded.config, "max_position_embeddings", 0)) or 2**20
        self._turnstile = Lock()

    @staticmethod
    def weights(model: str) -> Weights:
        """See `models.downloads.Downloading`."""
        return transformers_weights(model)

    @property
    def longest(self) -> int:
        """Tokens that the model takes in, its answer included."""
        return self._longest

    @property
    def _llm_type(self) -> str:
        return "transformers"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with self._turnstile:
            tokens = self._tokens(messages)
            room = self._longest - tokens["input_ids"].shape[1]
            if room < 1:
                raise ValueError(
                    f"the model takes in {self._longest} tokens, and was given "
                    f"{tokens['input_ids'].shape[1]}"
                )
            yield from self._written(tokens, min(self.max_tokens, room))

    def _tokens(self, messages: Sequence[BaseMessage]) -> Any:
        said = convert_to_openai_messages(messages)
        return self._tokenizer.apply_chat_template(
            said, add_generation_prompt=True, return_dict=True, return_tensors="pt"
        )

    def _written(self, tokens: Any, most: int) -> Iterator[ChatGenerationChunk]:
        from transformers import StoppingCriteriaList, TextIteratorStreamer

        streamer = TextIteratorStreamer(self._tokenizer, skip_prompt=True, skip_special_tokens=True)
        given_up, begun = Event(), Event()

        def written(model: Any, prompts: Sequence[Any]) -> Iterator[int]:
            for prompt in prompts:
                if begun.is_set() or not streamer.text_queue.empty():
                    # The customer has read its beginning, and another device may go on otherwise.
                    raise ModelError("the assistant ran out of memory within an answer")
                # What another device had begun, and nobody has seen, is begun anew.
                streamer.next_tokens_are_prompt = True
                streamer.token_cache, streamer.print_len = [], 0
                found = model.generate(
                    **prompt.to(device_of(model)),
                    streamer=streamer,
                    max_new_tokens=most,
                    stopping_criteria=StoppingCriteriaList(
                        [lambda ids, *_, **__: given_up.is_set()]
                    ),
                    **self._manner(),
                )
                yield int(found.shape[1] - prompt["input_ids"].shape[1])

        def write() -> int:
            try:
                (count,) = self._model.run(written, [tokens])
                return int(count)
            finally:
                streamer.end()

        with ThreadPoolExecutor(1, thread_name_prefix="transformers-chat") as writers:
            writing = writers.submit(write)
            try:
                for words in streamer:
                    if words:
                        begun.set()
                        yield ChatGenerationChunk(message=AIMessageChunk(content=words))
            finally:
                # Whoever reads no further, after a time-out, wants no further words written.
                given_up.set()
            yield self._end(tokens["input_ids"].shape[1], writing.result(), most)

    def _manner(self) -> dict[str, Any]:
        if not self.temperature:
            return {"do_sample": False}
        return {"do_sample": True, "temperature": self.temperature}

    def _end(self, given: int, written: int, most: int) -> ChatGenerationChunk:
        used = UsageMetadata(
            input_tokens=given, output_tokens=written, total_tokens=given + written
        )
        return ChatGenerationChunk(
            message=AIMessageChunk(
                content="",
                usage_metadata=used,
                response_metadata={"finish_reason": "length" if written >= most else "stop"},
                chunk_position="last",
            )
        )


def _tokenizer_of(folder: Path) -> Any:
    from transformers import AutoTokenizer

    with loading(folder):
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, **LOCAL)
    if not tokenizer.chat_template:
        raise EngineMissing(
            f"the model in {folder} is none for conversations: it has no chat template",
            remedy="choose one that was trained to chat, often called `-Instruct` or `-it`",
        )
    return tokenizer
