"""How voice calls are held: what the operator decides about them. See docs/calls.md."""

from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from bot.config_section import Section, beside_the_file
from bot.line_settings import LinesSection
from bot.office_hours import OfficeHours


def _hours(written: str) -> str:
    OfficeHours(written)
    return written


def _zone(name: str) -> str:
    if name:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"there is no time zone {name!r}; write `Europe/Oslo`") from error
    return name


_TO_CALL = frozenset({"number", "connection", "ari"})
"""What a line needs to call somebody, as far as it has such a setting."""
Prefix = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{0,9}$")]


class CallBackSection(Section):
    """Customers are called back where nobody can be reached, and when they ask for it."""

    line: Literal["twilio", "telnyx", "vonage", "audiosocket", "asterisk"]
    """Section below `calls.lines` that makes the calls."""
    other_numbers: bool = False
    """Customers may give another number than the one they call from, or that their channel has
    verified. Whoever can do that can have the desk ring at somebody else's."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    """Times that somebody is called who does not answer."""
    again_minutes: Annotated[float, Field(ge=1, le=1440)] = 15.0
    """Between two attempts."""
    days_ahead: Annotated[int, Field(ge=1, le=60)] = 14
    """How far away a call-back may be."""
    most_per_day: Annotated[int, Field(ge=1, le=100)] = 3
    """Call-backs that one customer may arrange, and that one number may get, in a day."""
    most_per_hour: Annotated[int, Field(ge=1, le=10_000)] = 30
    """Call-backs that all customers may arrange in an hour."""


class PictureLinkSection(Section):
    """Callers who want to show something are sent a link by text message."""

    channel: Literal["twilio", "vonage"]
    """Section below `channels` that sends text messages."""
    sender: Annotated[str, Field(pattern=r"^(\+?[0-9]{3,15}|[A-Za-z0-9 ]{1,11})$")]
    """Who they come from: the desk's number there, or a name, where the country allows it."""
    minutes: Annotated[int, Field(ge=1, le=60)] = 10
    """That a link is good for; it ends with its call at the latest."""
    most_per_hour: Annotated[int, Field(ge=1, le=100_000)] = 60
    """Links that are sent to all callers together."""


INSTALLED = "installed"


def _installed_or_file(model: str, info: ValidationInfo) -> str:
    if model in ("", INSTALLED):
        return model
    whole = beside_the_file(Path(model), info)
    if not whole.is_file():
        raise ValueError(f"must be `{INSTALLED}` or a file, and there is no {whole}")
    return str(whole)


class CallsSection(Section):
    greeting: dict[str, str] = {}
    """What a caller hears first: one text, or one for each language. Where there is none, the
    desk's own words."""
    transfer_to: str = ""
    """Where a person answers: a number, a SIP address or an extension, as the line's provider takes
    it. A caller who asks for a person is connected with it; without one, they are told how to
    reach a person."""
    office_hours: Annotated[str, AfterValidator(_hours)] = ""
    """When people are there: `Mo-Fr 09:00-17:00; Sa 10:00-13:00`. At other times nobody is
    connected with a person or called back. Empty: always."""
    timezone: Annotated[str, AfterValidator(_zone)] = ""
    """Of these hours: `Europe/Oslo`. Empty: the machine's."""
    prefixes: tuple[Prefix, ...] = ()
    """What a number must begin with for the desk to call or text it of its own accord: `["+47",
    "+46"]`; a number without its country's code is one of the first. Premium, shared-cost and
    personal numbers are never called. Without prefixes, no number is."""
    call_back: CallBackSection | None = None
    """Arrange call-backs, and make them."""
    record: bool = False
    """Record calls, the caller left and the desk right, into `calls` inside `data`. Callers are
    told so before anything else."""
    keep_recordings_days: Annotated[int, Field(ge=1, le=36_500)] = 30
    """After so many days the desk deletes a recording; also where none are made any more."""
    at_once: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Calls that one process holds at the same time; further ones are refused as busy."""
    longest_minutes: Annotated[float, Field(gt=0, le=600)] = 30.0
    """After which a call is ended."""
    idle_seconds: Annotated[float, Field(ge=2, le=120)] = 8.0
    """Silence after which a caller is asked whether they are still there; the third time, the call
    ends."""
    patience: Annotated[float, Field(ge=0.5, le=3)] = 1.0
    """How long pauses may be before they end the caller's turn: 1 as it is, 1.5 half as long again.
    """
    smart_turn: Annotated[str, AfterValidator(_installed_or_file)] = ""
    """Smart Turn, a model that hears by the voice whether somebody has finished: `installed` for
    the one in the package `pipecat-ai`, or the path of its ONNX file. Empty: words and melody
    decide alone. See docs/calls.md."""
    picture_link: PictureLinkSection | None = None
    """Send callers a link to show a picture. It needs `prefixes`, `server.url`, and the channel."""
    lines: LinesSection = LinesSection()
    """Where calls come from besides the chat widget: telephone numbers and exchanges."""

    @model_validator(mode="after")
    def _can_text(self) -> Self:
        if self.picture_link is not None and not self.prefixes:
            raise ValueError(
                "picture_link needs `prefixes`: what the numbers begin with that may be texted, "
                'such as ["+47"]'
            )
        return self

    @model_validator(mode="after")
    def _can_call_back(self) -> Self:
        if self.call_back is None:
            return self
        if not self.prefixes:
            raise ValueError(
                "call_back needs `prefixes`: what the numbers begin with that may be called, such "
                'as ["+47"]'
            )
        name = self.call_back.line
        line = getattr(self.lines, name)
        if line is None:
            raise ValueError(f"call_back calls by `lines.{name}`, which is not there")
        needed = type(line).model_fields.keys() & _TO_CALL
        if missing := sorted(field for field in needed if not getattr(line, field)):
            raise ValueError(
                f"call_back calls by `lines.{name}`, which needs "
                f"{' and '.join(f'`{field}`' for field in missing)} to call somebody"
            )
        return self
