"""`frontdesk serve`: the desk, open."""

import asyncio
import os
import signal
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from bot.cli.project import HERE, Project, load_project

if TYPE_CHECKING:
    from rich.console import Console

    from bot.channels import Front
    from bot.config import Config


def serve(
    project: Project = HERE,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Address to listen on.", show_default="frontdesk.yaml's"
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(metavar="PORT", help="Port to listen on.", show_default="frontdesk.yaml's"),
    ] = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Open the page in a browser, where there is one.")
    ] = False,
) -> None:
    """Open the desk: take in the articles, start what hears and reads, and answer customers.

    Example: `frontdesk serve --project examples/voltaro --open`
    """
    from bot.allocator import share_heaps

    share_heaps()  # before the imports below, some of which start threads

    from rich.console import Console

    from bot.cli.logs import set_up_logs
    from bot.cli.models import fetch_all

    config = load_project(project)
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    config = config.model_copy(update={"server": config.server.model_copy(update=given)})
    set_up_logs(config.server.log)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    fetch_all(config)
    with (
        suppress(asyncio.CancelledError),
        asyncio.Runner(loop_factory=_loop_factory()) as runner,
    ):
        runner.run(_serve(config, console, open_page))


async def _serve(config: "Config", console: "Console", open_page: bool) -> None:
    """Until SIGINT or SIGTERM. Raises `OperatorError`."""
    from bot import garbage
    from bot.channels import open_front
    from bot.cli.ingest import print_skipped, progress_bars, what_was_read
    from bot.opening import open_desk

    started = time.perf_counter()
    ending = _Ending()
    console.print(f"[bold]{escape(config.name)}[/]")

    def ready(url: str) -> None:
        garbage.settle()
        seconds = time.perf_counter() - started
        console.print(f"[green]✓[/] ready at [bold]{url}[/] after {seconds:.1f} s; Ctrl-C ends it")
        if open_page:
            _open_browser(url)

    async with AsyncExitStack() as stack:
        with progress_bars(console) as progress:
            opened = await stack.enter_async_context(open_desk(config, progress=progress))
        report = opened.ingested
        console.print(f"  {what_was_read(report)}")
        print_skipped(console, report)
        front = await stack.enter_async_context(open_front(opened, ready))
        ending.how = front.stop
        await _work(opened.run(), front)
    console.print("closed; what is unanswered is answered at the next start")


async def _work(run: Coroutine[Any, Any, None], front: "Front") -> None:
    """Answer and serve until the front is stopped, or either fails."""
    from bot.allocator import keep_giving_back

    tidying = asyncio.create_task(keep_giving_back(), name="memory")
    answering = asyncio.create_task(run, name="desk")
    serving = asyncio.create_task(front.run(), name="front")
    try:
        await asyncio.wait({answering, serving}, return_when=asyncio.FIRST_COMPLETED)
        front.stop()
        await serving
    finally:
        tidying.cancel()
        answering.cancel()
        with suppress(asyncio.CancelledError):
            await answering


class _Ending:
    """What SIGINT and SIGTERM do: cancel what is being set up, later stop the server."""

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task
        self.how: Callable[[], object] = task.cancel
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, lambda: self.how())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop


def _open_browser(url: str) -> None:
    """In a thread, for it may wait for the browser; nowhere without a display."""
    shows = sys.platform in ("darwin", "win32")
    if shows or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
