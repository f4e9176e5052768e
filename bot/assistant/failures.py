"""What went wrong with a language model, in words that tell the operator what to change.

Providers share no class of errors, but the codes of HTTP; what goes wrong in the middle of a stream
has none, for its answer began with 200.
"""

from bot.errors import FrontdeskError
from models.errors import ModelError


class ModelFailed(FrontdeskError):
    """The model gave no answer. `why`: a word for the trace; `str(error)` is for the operator, and
    `lasting` says that asking again soon is of no use."""

    def __init__(self, why: str, reason: str, *, lasting: bool = False) -> None:
        self.why = why
        self.lasting = lasting
        super().__init__(reason)


_KINDS = {
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""What Anthropic calls an error in the middle of a stream, with the code that it has elsewhere."""
_INSIDE = frozenset({"APIError", "APIStatusError", "ResponseError"})
"""Errors that a server reports in the middle of a stream: OpenAI's, Anthropic's, Ollama's."""
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
_GOOGLE_KEY = "API_KEY_INVALID"
"""Google's reason where it answers 400 to a wrong key, and not 401 as others do."""


def failure_of(error: BaseException, name: str) -> ModelFailed:
    """A provider's error in words. `name`: `PROVIDER:MODEL`."""
    causes = _causes(error)
    code = _status_of(causes)
    if code:
        return _by_code(code, error, name)
    if broken := next((each for each in causes if isinstance(each, ModelError)), None):
        return ModelFailed("out of memory", str(broken))
    if any(isinstance(each, TimeoutError) or "Timeout" in type(each).__name__ for each in causes):
        return ModelFailed("slow", f"{name} took too long")
    if any(_is_broken_line(each) for each in causes):
        return ModelFailed(
            "down",
            f"{name} cannot be reached, or hung up: {_brief(error)}; see `assistant.base_url`",
        )
    if any(type(each).__name__ in _INSIDE for each in causes):
        return ModelFailed("down", f"{name} broke off with an error of its own: {_brief(error)}")
    return ModelFailed("malformed", f"what {name} sent makes no sense: {_brief(error)}")


def _by_code(code: int, error: BaseException, name: str) -> ModelFailed:
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
                f"`assistant.base_url`{_fetched_by(name)}",
                lasting=True,
            )
        case 402 | 429:
            return ModelFailed(
                "limited",
                f"{name} takes no more requests now ({code}): a limit of its rate, or the "
                "account is used up",
                lasting=True,
            )
        case code if code >= 500:
            return ModelFailed("down", f"{name} fails ({code})")
    return ModelFailed(
        "request refused",
        f"{name} does not take the request ({code}): {_brief(error)}; see `assistant.model`, "
        "`assistant.context_tokens`, `assistant.temperature` and `assistant.images`",
    )


def _fetched_by(name: str) -> str:
    provider, _, model = name.partition(":")
    return f", or fetch it: `ollama pull {model}`" if provider == "ollama" else ""


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _is_broken_line(error: BaseException) -> bool:
    return isinstance(error, OSError) or type(error).__name__ in _BROKEN_LINE


def _status_of(causes: list[BaseException]) -> int:
    """The code of HTTP that tells best what went wrong; 0 where there is none."""
    for each in causes:
        if _is_broken_line(each):
            return 0  # what could not be read to its end has a code of the parser's
        for field in ("status_code", "code"):
            value = getattr(each, field, None)
            if isinstance(value, int) and 400 <= value < 600:
                return 401 if value == 400 and _GOOGLE_KEY in str(each) else value
    kinds = (getattr(each, "type", None) for each in causes)
    return next((_KINDS[kind] for kind in kinds if isinstance(kind, str) and kind in _KINDS), 0)


def _brief(error: BaseException) -> str:
    """The class alone: what a provider says may repeat what the customer said."""
    return type(error).__name__
