"""Makes the language model that the settings name, of langchain's packages."""

import ipaddress
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError

from bot.assistant.model import Model
from bot.assistant_settings import IN_PROCESS, AssistantSection
from bot.errors import OperatorError
from models.errors import EngineMissing, first_line

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

_OWN_EXTRAS = frozenset({"openai", "ollama", "anthropic", "google_genai"})
_OLLAMAS_CLOUD = (":cloud", "-cloud")
"""How the names of models end that Ollama hands on to its makers' servers:
https://docs.ollama.com/cloud"""


def open_model(settings: AssistantSection, device: str = "auto") -> Model:
    """The model that the settings name; it has not been asked yet. `device`: where one in this
    process runs. Raises `OperatorError`."""
    provider, _, name = settings.model.partition(":")
    if provider == IN_PROCESS:
        return _in_process(settings, name, device)
    try:
        chat = _made(settings, provider, name)
    except ImportError as error:
        raise _missing(settings, error) from error
    except Exception as error:
        raise _refused(settings, error) from error
    if _lacks_key(chat):
        raise _no_key(settings)
    profile = _profile_of(chat)
    return Model(
        chat,
        settings.model,
        remote=_is_remote(provider, name, settings.base_url),
        sees=_sees(settings, bool(profile.get("image_inputs"))),
        context_tokens=min(settings.context_tokens, int(profile.get("max_input_tokens") or 2**31)),
    )


def _made(settings: AssistantSection, provider: str, name: str) -> "BaseChatModel":
    from langchain.chat_models import init_chat_model

    given = _given(settings, provider) | settings.options
    chat: BaseChatModel = init_chat_model(name, model_provider=provider, **given)
    if _profile_of(chat).get("temperature") is False:
        return chat  # it takes none but its own, and refuses the request otherwise
    given.setdefault("temperature", settings.temperature)
    warm: BaseChatModel = init_chat_model(name, model_provider=provider, **given)
    return warm


def _profile_of(chat: "BaseChatModel") -> Any:
    """What langchain knows of the model; empty for one that it does not know."""
    return getattr(chat, "profile", None) or {}


def _lacks_key(chat: "BaseChatModel") -> bool:
    """Anthropic's package is made without one, and fails then as if there were no server."""
    key = getattr(chat, "anthropic_api_key", None)
    return isinstance(key, SecretStr) and not key.get_secret_value()


def _given(settings: AssistantSection, provider: str) -> dict[str, Any]:
    """What the settings say, by the names that the provider's package has for it."""
    key = settings.api_key.get_secret_value()
    given: dict[str, Any] = {"base_url": settings.base_url} if settings.base_url else {}
    if provider == "ollama":
        client: dict[str, Any] = {"timeout": settings.timeout_s}
        if key:
            client["headers"] = {"Authorization": f"Bearer {key}"}
        return given | {
            "client_kwargs": client,
            "num_predict": settings.answer_tokens,
            # By itself it takes in 4 000 on most machines, and forgets the rest without a word.
            "num_ctx": settings.context_tokens,
        }
    given |= {
        "timeout": settings.timeout_s,
        # The knowledge is quoted at once; a second try would only come later.
        "max_retries": 0,
        "max_tokens": settings.answer_tokens,
    }
    if key:
        given["api_key"] = key
    if provider == "openai":
        # Servers that speak its protocol count only when asked to.
        given["stream_usage"] = True
        if settings.base_url:
            given.setdefault("api_key", "none")  # those of one's own mostly want none
    return given


def _in_process(settings: AssistantSection, name: str, device: str) -> Model:
    try:
        from models.transformers_chat import TransformersChat
    except ImportError as error:
        raise _missing(settings, error) from error

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


def _is_remote(provider: str, name: str, base_url: str) -> bool:
    """Whether what is asked leaves this machine."""
    if provider == "ollama":
        if name.endswith(_OLLAMAS_CLOUD):
            return True
        base_url = base_url or os.environ.get("OLLAMA_HOST", "") or "localhost"
    if not base_url:
        return True
    host = urlsplit(base_url if "//" in base_url else f"//{base_url}").hostname
    if host in (None, "localhost"):
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return True
    return not (address.is_loopback or address.is_unspecified)


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
    said = _reason(error)
    if "Unsupported provider" in said or "infer model provider" in said:
        return OperatorError(
            f"`assistant.model` names a provider that langchain does not know: {settings.provider}",
            remedy="write `openai:…`, `ollama:…`, `anthropic:…`, `google_genai:…`, "
            "`transformers:FOLDER`; docs/assistant.md says more",
        )
    if "credential" in said.lower() or "api_key" in said.lower() or "api key" in said.lower():
        return _no_key(settings)
    return OperatorError(
        f"the assistant {settings.model} cannot be made: {said}",
        remedy="look at `assistant:` in frontdesk.yaml; docs/assistant.md says what goes there",
    )


def _no_key(settings: AssistantSection) -> OperatorError:
    return OperatorError(
        f"the assistant has no key for {settings.provider}",
        remedy="write `api_key: ${NAME}` below `assistant:`, and NAME=… into .env",
    )


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(each["msg"] for each in error.errors())
    return first_line(error)
