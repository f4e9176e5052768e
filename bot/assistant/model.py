"""The language model itself: made from the settings, asked, and its failures told in words."""

import ipaddress
import logging
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from bot.assistant_settings import IN_PROCESS, AssistantSection
from bot.errors import FrontdeskError, OperatorError
from models.errors import EngineMissing, ModelError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

log = logging.getLogger(__name__)

_OWN_EXTRAS = frozenset({"openai", "ollama", "anthropic", "google_genai"})
_ENDS = ("finish_reason", "stop_reason", "done_reason")
"""What providers call the reason that an answer ended."""
_WHOLE = frozenset({"stop", "end_turn", "stop_sequence", "eos", "eos_token", "complete"})
_CUT = frozenset({"length", "max_tokens", "max_output_tokens"})


class ModelFailed(FrontdeskError):
    """The model gave no answer. `why`: a word for the trace; `str(error)` is for the operator, and
    `lasting` says that asking again soon is of no use."""

    def __init__(self, why: str, reason: str, *, lasting: bool = False) -> None:
        self.why = why
        self.lasting = lasting
        super().__init__(reason)


class Usage(msgspec.Struct, frozen=True):
    """Tokens that a request took."""

    given: int
    written: int


class Told(msgspec.Struct, frozen=True):
    """The end of an answer."""

    usage: Usage | None
    """None where the server does not count."""


class Model:
    """A chat model of langchain, and what is known of it."""

    def __init__(
        self, chat: "BaseChatModel", name: str, *, remote: bool, sees: bool, context_tokens: int
    ) -> None:
        """`remote`: it runs on another machine. `sees`: it takes pictures."""
        self._chat = chat
        self.name = name
        self.remote = remote
        self.sees = sees
        self.context_tokens = context_tokens

    async def answer(self, messages: Sequence["BaseMessage"]) -> AsyncGenerator[str | Told]:
        """The words as they come, then `Told`. Raises `ModelFailed`."""
        whole: Any = None
        try:
            async for chunk in self._chat.astream(list(messages)):
                whole = chunk if whole is None else whole + chunk
                if words := str(chunk.text):
                    yield words
        except TimeoutError as error:
            raise ModelFailed("slow", "the language model took too long") from error
        except Exception as error:
            raise failure_of(error, self.name) from error
        if whole is None:
            raise ModelFailed("malformed", f"{self.name} sent nothing")
        _check_end(whole.response_metadata, self.name)
        used = whole.usage_metadata
        yield Told(Usage(used["input_tokens"], used["output_tokens"]) if used else None)

    async def probe(self) -> None:
        """Ask for a word. Raises `ModelFailed`."""
        from langchain_core.messages import HumanMessage

        try:
            await self._chat.ainvoke([HumanMessage("Say: yes")])
        except Exception as error:
            raise failure_of(error, self.name) from error


def open_model(settings: AssistantSection, device: str = "auto") -> Model:
    """The model that the settings name; it has not been asked yet. `device`: where one in this
    process runs. Raises `OperatorError`."""
    try:
        from langchain.chat_models import init_chat_model
    except ImportError as error:
        raise _missing(settings, error) from error
    provider, _, name = settings.model.partition(":")
    if provider == IN_PROCESS:
        return _in_process(settings, name, device)
    given: dict[str, Any] = {
        "temperature": settings.temperature,
        "timeout": settings.timeout_s,
        # The knowledge is quoted at once; a second try would only come later.
        "max_retries": 0,
        "max_tokens": settings.answer_tokens,
    }
    if settings.base_url:
        given["base_url"] = settings.base_url
    if key := settings.api_key.get_secret_value():
        given["api_key"] = key
    if provider == "openai":
        # Servers that speak its protocol count only when asked to.
        given["stream_usage"] = True
        if settings.base_url:
            given.setdefault("api_key", "none")  # those of one's own mostly want none
    if provider == "ollama":
        given["num_predict"] = given.pop("max_tokens")
        given["client_kwargs"] = {"timeout": given.pop("timeout")}
        del given["max_retries"]
    try:
        chat = init_chat_model(name, model_provider=provider, **(given | settings.options))
    except ImportError as error:
        raise _missing(settings, error) from error
    except Exception as error:
        raise _refused(settings, error) from error
    profile: Any = getattr(chat, "profile", None) or {}
    return Model(
        chat,
        settings.model,
        remote=_is_remote(provider, settings.base_url),
        sees=_sees(settings, bool(profile.get("image_inputs"))),
        context_tokens=min(settings.context_tokens, int(profile.get("max_input_tokens") or 2**31)),
    )


def _in_process(settings: AssistantSection, name: str, device: str) -> Model:
    from models.transformers_chat import TransformersChat

    if unknown := settings.options.keys() - {"dtype"}:
        raise OperatorError(
            f"a model in this process does not take `{min(unknown)}`",
            remedy="leave it out of `assistant.options`; `dtype` may stand there",
        )
    try:
        chat = TransformersChat(
            name,
            device,
            settings.options.get("dtype", "auto"),
            max_tokens=settings.answer_tokens,
            temperature=settings.temperature,
        )
    except EngineMissing as error:
        raise OperatorError(str(error).partition("\n")[0], remedy=error.remedy) from error
    return Model(
        chat,
        settings.model,
        remote=False,
        sees=False,
        context_tokens=min(settings.context_tokens, chat.longest),
    )


def _sees(settings: AssistantSection, known: bool) -> bool:
    return settings.images == "always" or (settings.images == "auto" and known)


def _is_remote(provider: str, base_url: str) -> bool:
    """Whether what is asked leaves this machine."""
    if not base_url:
        return provider != "ollama"
    host = urlsplit(base_url).hostname or ""
    if host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def _missing(settings: AssistantSection, error: ImportError) -> OperatorError:
    """Where langchain knows the package of a provider that the desk does not, it says which."""
    said = str(error)
    package = said.partition("Please install it with ")[2].strip(" `.")
    ours = f"pip install 'frontdesk[{settings.extra}]'"
    command = package if package and settings.provider not in _OWN_EXTRAS else ours
    return OperatorError(
        f"the assistant needs a package that is missing: {said.partition('. ')[0]}",
        remedy=f"install it: `{command}`",
    )


def _refused(settings: AssistantSection, error: Exception) -> OperatorError:
    said = str(error).strip().partition("\n")[0]
    if "Unsupported provider" in said or "infer model provider" in said:
        return OperatorError(
            f"`assistant.model` names a provider that langchain does not know: {settings.provider}",
            remedy="write `openai:…`, `ollama:…`, `anthropic:…`, `google_genai:…`, "
            "`transformers:FOLDER`; docs/assistant.md says more",
        )
    if "credential" in said.lower() or "api_key" in said.lower() or "api key" in said.lower():
        return OperatorError(
            f"the assistant has no key for {settings.provider}",
            remedy="write `api_key: ${NAME}` below `assistant:`, and NAME=… into .env",
        )
    return OperatorError(
        f"the assistant {settings.model} cannot be made: {said or type(error).__name__}",
        remedy="look at `assistant:` in frontdesk.yaml; docs/assistant.md says what goes there",
    )


def _check_end(metadata: dict[str, Any], name: str) -> None:
    """Raises `ModelFailed` unless the server says that the answer is whole."""
    said = str(next((metadata[key] for key in _ENDS if metadata.get(key)), "")).lower()
    if said in _WHOLE:
        return
    if not said:
        raise ModelFailed("cut off", f"{name} stopped in the middle of its answer")
    if said in _CUT:
        raise ModelFailed(
            "too long", f"{name} used up `assistant.answer_tokens` before its answer was whole"
        )
    raise ModelFailed("refused", f"{name} ended its answer with {said!r}")


def failure_of(error: BaseException, name: str) -> ModelFailed:
    """A provider's error in words. Providers share no class, but the codes of HTTP."""
    code = _status_of(error)
    match code:
        case 401 | 403:
            return ModelFailed(
                "key refused",
                f"{name} refuses the key ({code}): it is wrong or expired; see `assistant.api_key`",
                lasting=True,
            )
        case 404:
            return ModelFailed(
                "no such model",
                f"there is no model {name} at that address (404); see `assistant.model` and "
                "`assistant.base_url`",
                lasting=True,
            )
        case 402 | 429:
            return ModelFailed(
                "limited",
                f"{name} takes no more requests now ({code}): a limit of its rate, or the "
                "account is used up",
                lasting=True,
            )
        case 400 | 413 | 422:
            return ModelFailed(
                "request refused",
                f"{name} does not take the request ({code}): {_brief(error)}; see "
                "`assistant.model`, `assistant.context_tokens`, `assistant.temperature` and "
                "`assistant.images`",
            )
        case code if code and code >= 500:
            return ModelFailed("down", f"{name} fails ({code})")
    causes = _causes(error)
    if broken := next((each for each in causes if isinstance(each, ModelError)), None):
        return ModelFailed("out of memory", str(broken))
    if any(isinstance(each, TimeoutError) or "Timeout" in type(each).__name__ for each in causes):
        return ModelFailed("slow", f"{name} took too long")
    if any(isinstance(each, OSError) or type(each).__name__ in _BROKEN_LINE for each in causes):
        return ModelFailed("down", f"{name} cannot be reached, or hung up: {_brief(error)}")
    return ModelFailed("malformed", f"what {name} sent makes no sense: {_brief(error)}")


_BROKEN_LINE = frozenset(
    {
        "APIConnectionError",
        "ConnectError",
        "NetworkError",
        "ReadError",
        "RemoteProtocolError",
        "ServerDisconnectedError",
        "ClientPayloadError",
        "WriteError",
    }
)


def _causes(error: BaseException | None) -> "list[BaseException]":
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _status_of(error: BaseException) -> int:
    for each in _causes(error):
        for field in ("status_code", "code"):
            value = getattr(each, field, None)
            if isinstance(value, int) and 400 <= value < 600:
                return value
    return 0


def _brief(error: BaseException) -> str:
    """The class alone: what a provider says may repeat what the customer said."""
    return type(error).__name__
