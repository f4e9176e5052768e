"""What can go wrong in a model or a decoder, as one small tree.

ModelError
├── MediaError       a recording, picture or document cannot be used; `code` says why
├── EngineMissing    an engine or its files are absent or are not what they should be
└── EngineFailed     an engine, or the server behind it, has not done what it was asked this time
"""


class ModelError(Exception):
    """The root. Raised itself where a training or a trained version cannot go on."""


class MediaError(ModelError):
    """What was sent cannot be used. `code` names a sentence (`media_truncated`), `params` fill
    its gaps."""

    def __init__(self, code: str, **params: str | int | float) -> None:
        self.code = code
        self.params = params
        super().__init__(code if not params else f"{code} {params}")


class EngineMissing(ModelError):
    """An engine cannot be loaded. `remedy` is the command to run or the setting to change."""

    def __init__(self, problem: str, *, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(f"{problem}\n  → {remedy}")


class EngineFailed(ModelError):
    """An engine that was loaded has not done what it was asked. The message is for the operator and
    never holds what customers wrote or said."""


def first_line(error: BaseException) -> str:
    """What another's error says, in a line; its name where it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
