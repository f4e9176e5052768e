"""`frontdesk call`: a call with recordings, or with whoever sits before the computer."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.project import HERE, Project, load_project
from bot.errors import OperatorError

if TYPE_CHECKING:
    from rich.console import Console

    from bot.calls.loopback import Loopback
    from bot.calls.microphone import Microphone
    from bot.calls.switchboard import Held
    from bot.calls.transport import Transport
    from bot.config import Config

_RATE_HZ = 16_000
_LONGEST_S = 600.0


def call(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE...",
            help="What the caller says: a recording for each turn, said when the desk is silent.",
        ),
    ] = None,
    microphone: Annotated[
        bool,
        typer.Option(
            "--microphone", "-m", help="Talk yourself, with headphones on; Ctrl+C hangs up."
        ),
    ] = False,
    recording: Annotated[
        Path, typer.Option("--recording", "-r", metavar="FILE", help="Where the call is recorded.")
    ] = Path("call.wav"),
    project: Project = HERE,
) -> None:
    """Call the desk, with recordings or yourself as the caller, and see when what was heard and
    said.

    The recording has the caller on the left and the desk on the right; `.wav` or `.ogg`.

    Example: `frontdesk call question.wav --project examples/voltaro`
    """
    from rich.console import Console

    if recording.suffix not in (".wav", ".ogg"):
        raise OperatorError(
            f"{recording} is no name for a recording", remedy="end it in `.wav` or `.ogg`"
        )
    if microphone == bool(files):
        raise OperatorError(
            "it is not said who calls", remedy="name recordings, or write `--microphone`"
        )
    config = load_project(project)
    console = Console(highlight=False, soft_wrap=True)
    open_line = partial(_microphone, console) if microphone else partial(_loopback, files or [])
    held = asyncio.run(_call(config, open_line, recording))
    _print(console, held, recording)


def _microphone(console: "Console") -> "Microphone":
    """Raises `OperatorError` where there is none."""
    from rich.markup import escape

    from bot.calls.microphone import Microphone
    from bot.calls.transport import Caption

    def show(caption: Caption) -> None:
        if caption.final:
            who = "[cyan]you [/]" if caption.by_caller else "[green]desk[/]"
            console.print(f"{who}  {escape(caption.text)}")

    line = Microphone(show)
    loop = asyncio.get_running_loop()
    leaving = []  # for a task that nobody holds may vanish
    with suppress(NotImplementedError):  # on Windows, where Ctrl+C ends the command
        loop.add_signal_handler(
            signal.SIGINT, lambda: leaving.append(loop.create_task(line.leave()))
        )
    console.print("[dim]Put headphones on, and talk. Ctrl+C hangs up.[/]")
    return line


def _loopback(files: list[Path]) -> "Loopback":
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


async def _call(config: "Config", open_line: "Callable[[], Transport]", recording: Path) -> "Held":
    from bot.calls.talk import CALL
    from bot.calls.transport import Call
    from bot.cli.logs import show_errors
    from bot.messages import CustomerId, new_id
    from bot.opening import open_desk

    line = open_line()
    show_errors()
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
