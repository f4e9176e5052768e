"""How voice calls are held: what the operator decides about them. See docs/calls.md."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from bot.config_section import Section, beside_the_file
from bot.line_settings import LinesSection

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
    record: bool = False
    """Record calls, the caller left and the desk right, into `calls` inside `data`. Callers are
    told so before anything else."""
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
    lines: LinesSection = LinesSection()
    """Where calls come from besides the chat widget: telephone numbers and exchanges."""
