"""What the operator decides about the assistant, the language model that words answers."""

from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from bot.config_section import Section
from bot.engine_settings import folder_or_name

IN_PROCESS = "transformers"
"""The provider whose models run in the desk's own process."""
_EXTRAS = {"ollama": "ollama", "anthropic": "anthropic", "google_genai": "google"}


class AssistantSection(Section):
    model: str
    """`PROVIDER:MODEL`: any provider of langchain (`openai`, `ollama`, `anthropic`, `google_genai`
    …), or `transformers` and the folder of a model, which runs in this process. See
    docs/assistant.md."""
    base_url: str = ""
    """Address of a server that speaks the provider's protocol: vLLM, llama.cpp and others speak
    that of `openai`."""
    api_key: SecretStr = SecretStr("")
    """`${NAME}` of an environment variable; the provider's own variable (`OPENAI_API_KEY`)
    otherwise."""
    timeout_s: Annotated[float, Field(gt=0, le=120)] = 20
    """How long an answer may take, in seconds; then the knowledge is quoted instead."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0
    """How freely it words. It is not sent to models that are known to take none."""
    answer_tokens: Annotated[int, Field(ge=50, le=10_000)] = 700
    """Length of an answer; one that is cut off is not sent."""
    context_tokens: Annotated[int, Field(ge=1_500)] = 8_000
    """What the model takes in at once. Older history is summed up to fit."""
    images: Literal["auto", "always", "never"] = "auto"
    """Whether it is shown customers' pictures; `auto`: if it is known to see. What the desk reads
    in them it is told in any case."""
    mask: Literal["auto", "always", "never"] = "auto"
    """Whether names, numbers of cards, accounts and telephones, and e-mail addresses are masked;
    `auto`: for a model on another machine."""
    conversation_tokens: Annotated[int, Field(ge=1_000)] = 100_000
    """The most that one conversation may use, in and out; then the knowledge is quoted."""
    conversation_cost: Annotated[float, Field(ge=0)] = 0
    """The most that one conversation may cost, in the currency of the two prices; 0: no limit."""
    input_price: Annotated[float, Field(ge=0)] = 0
    """Of a million tokens that go in."""
    output_price: Annotated[float, Field(ge=0)] = 0
    """Of a million tokens that come out."""
    options: dict[str, Any] = {}
    """What else the model takes, by langchain's names; for `transformers`, `dtype`."""

    @field_validator("model")
    @classmethod
    def _names_both(cls, model: str, info: ValidationInfo) -> str:
        provider, _, name = model.partition(":")
        if not (provider and name):
            raise ValueError("must be `PROVIDER:MODEL`, such as `ollama:qwen3`")
        return f"{provider}:{folder_or_name(name, info)}" if provider == IN_PROCESS else model

    @property
    def provider(self) -> str:
        return self.model.partition(":")[0]

    @property
    def extra(self) -> str:
        """What of `frontdesk` brings the packages; for other providers, all but their own."""
        return _EXTRAS.get(self.provider, "assistant")
