"""`frontdesk chat`: a conversation in the terminal."""

import asyncio
import shlex
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.cli.project import HERE, Project, load_project

if TYPE_CHECKING:
    from rich.console import Console

    from bot.channel import Progress
    from bot.config import Config
    from bot.messages import Reply

_HELP = """\
Write your question and press Enter. Beside words:
  /send FILE [words]   send a picture, a recording, a video or a PDF
  1, 2, 3 …            take one of the suggestions
  /quit                leave (Ctrl-D does too)"""


def chat(project: Project = HERE) -> None:
    """Talk to the desk in this terminal.

    Example: `frontdesk chat --project examples/voltaro`
    """
    from bot.cli.models import fetch_all

    config = load_project(project)
    fetch_all(config)
    asyncio.run(_converse(config))


async def _converse(config: "Config") -> None:
    from rich.console import Console

    from bot.cli.terminal import at_the_terminal

    console = Console(highlight=False)
    preview = _Preview(console)
    async with at_the_terminal(config, preview.show) as terminal:
        console.print(f"[bold]{config.name}[/]  [dim]/help shows what you can do[/]")
        suggestions: tuple[str, ...] = ()
        while (line := await _read_line("› ")) is not None:
            words, files = _parse(line.strip(), suggestions)
            if words == "/quit":
                return
            if words == "/help" or not (words or files):
                console.print(_HELP, markup=False)
                continue
            with preview:
                reply = await _answer(terminal, words, files)
            suggestions = _print(console, reply)


class _Preview:
    """The reply as far as it is made, until the finished one takes its place."""

    def __init__(self, console: "Console") -> None:
        from rich.live import Live

        self._live = Live("…", console=console, transient=True, refresh_per_second=8)
        self._text = ""

    def __enter__(self) -> None:
        self._text = ""
        self._live.update("…")
        self._live.start()

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, progress: "Progress") -> None:
        from rich.markdown import Markdown

        from bot.channel import Delta

        if isinstance(progress, Delta):
            self._text = self._text[: progress.at] + progress.text
            self._live.update(Markdown(self._text))


async def _answer(terminal: Any, words: str, files: list[Path]) -> "Reply | str":
    """The reply, or a sentence that says why there is none."""
    from bot import texts
    from bot.cli.terminal import own_locale
    from bot.errors import CustomerError, OperatorError, Unavailable

    try:
        reply: Reply = (await terminal.ask(words, files)).item
    except CustomerError as error:
        return texts.say(error.code, own_locale(), **error.params)
    except (OperatorError, Unavailable) as error:
        return str(error)
    return reply


def _print(console: "Console", reply: "Reply | str") -> tuple[str, ...]:
    """Print what came; gives the suggestions to choose from next."""
    from bot.cli.terminal import print_reply

    if isinstance(reply, str):
        console.print(reply, style="yellow", markup=False)
        return ()
    print_reply(console, reply)
    return reply.suggestions


def _parse(line: str, suggestions: tuple[str, ...]) -> tuple[str, list[Path]]:
    """What a line asks for: words to send, and files beside them."""
    if line.isdecimal() and 0 < int(line) <= len(suggestions):
        return suggestions[int(line) - 1], []
    if not line.startswith("/send "):
        return line, []
    try:
        file, *words = shlex.split(line.removeprefix("/send "))
    except ValueError:  # an open quote, or no file at all
        return "/help", []
    return " ".join(words), [Path(file).expanduser()]


async def _read_line(prompt: str) -> str | None:
    """A line from the terminal; None at its end. The thread is a daemon, so that Ctrl-C ends the
    command at once, though nothing can end `input`."""
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str | None] = loop.create_future()

    def give(value: str | None) -> None:
        if not line.done():
            line.set_result(value)

    def read() -> None:
        try:
            value: str | None = input(prompt)
        except (EOFError, UnicodeDecodeError):
            value = None
        loop.call_soon_threadsafe(give, value)

    threading.Thread(target=read, name="terminal", daemon=True).start()
    return await line
