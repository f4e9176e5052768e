"""Everything that can go wrong and is told to somebody, as one small tree.

    FrontdeskError
    ├── CustomerError         what a customer sent cannot be taken; told in their language
    │   └── TooFast           the same, worth trying again later
    ├── OperatorError         a setting, a file or a missing part; told with the line that mends it
    └── Unavailable           a part that the desk needs does not answer; tried again
        └── DeliveryFailed    a channel did not take a reply

Other libraries' errors are translated where they are caught, with the cause kept.
"""


class FrontdeskError(Exception):
    """The root; never raised itself."""


class CustomerError(FrontdeskError):
    """What a customer sent cannot be taken. Nothing else has changed.

    `code` names a sentence in `bot/texts/` (`upload_too_large`); `params` fill its gaps.
    """

    def __init__(self, code: str, **params: str | int | float) -> None:
        self.code = code
        self.params = params
        super().__init__(code if not params else f"{code} {params}")


class TooFast(CustomerError):
    """A limit on how much may come in a span of time was reached."""

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__("too_fast", seconds=max(1, round(retry_after_s)))


class OperatorError(FrontdeskError):
    """A setting, a file or a missing part. `str(error)` says what is wrong and where; `remedy`
    is the line to write or the command to run."""

    def __init__(self, problem: str, *, remedy: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}\n  → {remedy}" if remedy else problem)


class Unavailable(FrontdeskError):
    """Redis, or another part that the desk needs, does not answer at the moment."""


class DeliveryFailed(Unavailable):
    """A channel did not take a reply. `permanent`: trying again cannot help. `retry_after_s`: how
    long the provider wants to be left alone; None where it does not say."""

    def __init__(
        self, reason: str, *, permanent: bool = False, retry_after_s: float | None = None
    ) -> None:
        self.permanent = permanent
        self.retry_after_s = retry_after_s
        super().__init__(reason)
