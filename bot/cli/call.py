"""`frontdesk call`: a call with recordings as the caller."""

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.project import HERE, Project, load_project
from bot.errors import OperatorError

if TYPE_CHECKING:
    from rich.console import Console

    from bot.calls.loopback import Loopback
    from bot.calls.switchboard import Held
    from bot.config import Config

_RATE_HZ = 16_000
_LONGEST_S = 600.0


def call(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="What the caller says: a recording for each turn, said when the desk is silent.",
        ),
    ],
    recording: Annotated[
        Path, typer.Option("--recording", "-r", metavar="FILE", help="Where the call is recorded.")
    ] = Path("call.wav"),
    project: Project = HERE,
) -> None:
    """Call the desk, with recordings as the caller, and see when what was heard and said.

    The recording has the caller on the left and the desk on the right; `.wav` or `.ogg`.

    Example: `frontdesk call question.wav --project examples/voltaro`
    """
    from rich.console import Console

    if recording.suffix not in (".wav", ".ogg"):
        raise OperatorError(
            f"{recording} is no name for a recording", remedy="end it in `.wav` or `.ogg`"
        )
    config = load_project(project)
    line = _line(files)
    held = asyncio.run(_call(config, line, recording))
    _print(Console(highlight=False, soft_wrap=True), held, recording)


def _line(files: list[Path]) -> "Loopback":
    """Raises `OperatorError` for what cannot be read."""
    from bot.calls.loopback import Loopback
    from bot.texts import say
    from models.audio import decode
    from models.errors import MediaError

    sayings = []
    for file in files:
        try:
            sayings.append(decode(file.read_bytes(), limit_s=_LONGEST_S, sample_rate_hz=_RATE_HZ))
        except OSError as error:
            raise OperatorError(f"{file} cannot be read: {error.strerror}") from error
        except MediaError as error:
            raise OperatorError(f"{file}: {say(error.code, 'en', **error.params)}") from error
    return Loopback(sayings, _RATE_HZ)


async def _call(config: "Config", line: "Loopback", recording: Path) -> "Held":
    from bot.calls.talk import CALL
    from bot.calls.transport import Call
    from bot.messages import CustomerId, new_id
    from bot.opening import open_desk

    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    async with open_desk(config) as opened:
        await opened.calls.warm_up()
        work = asyncio.create_task(opened.desk.run(), name="desk")
        try:
            call = Call(id=new_id("call"), channel=CALL, customer=CustomerId(new_id("cus")))
            return await opened.calls.talk(call, line, recording)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


def _print(console: "Console", held: "Held", recording: Path) -> None:
    from rich.markup import escape

    timeline = held.timeline
    answers = iter(timeline.answers)
    for line in sorted(timeline.lines, key=lambda line: line.from_s):
        who = "[cyan]caller[/]" if line.by_caller else "[green]desk  [/]"
        cut = "" if line.whole else " [yellow]…[/]"
        console.print(f"{line.from_s:6.1f}–{line.to_s:5.1f} s  {who}  {escape(line.text)}{cut}")
        if line.by_caller and (answer := next(answers, None)):
            console.print(
                f"[dim]                 answered after {answer.total_ms:.0f} ms: "
                f"{answer.wait_ms:.0f} to be sure of the end, {answer.answer_ms:.0f} to answer, "
                f"{answer.sound_ms:.0f} to be heard[/]"
            )
    if held.summary:
        console.print(f"[bold]In short[/]\n{escape(held.summary.text)}")
    console.print(
        f"[green]✓[/] ended by the {_BY[held.reason]}; recorded in {escape(str(recording))}"
    )


_BY = {"caller": "caller", "desk": "desk", "transferred": "desk, to a person", "lost": "line",
       "refused": "other side"}  # fmt: skip
