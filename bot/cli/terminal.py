"""A desk for one person at this terminal, and how replies are printed, for `ask` and `chat`."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from bot.channel import Progress
    from bot.config import Config
    from bot.messages import Reply


@asynccontextmanager
async def at_the_terminal(
    config: "Config", show: Callable[["Progress"], None] = lambda progress: None
) -> AsyncIterator[Any]:
    """A running desk with its `connectors.terminal.Terminal`. Where `frontdesk serve` runs on the
    same project, that process answers."""
    from bot.cli.logs import show_errors
    from bot.opening import open_desk

    show_errors()
    async with open_desk(config) as opened:
        desk = opened.desk
        terminal = import_module("connectors.terminal").Terminal(
            desk, locale=own_locale(), upload_bytes=int(config.limits.upload_bytes), show=show
        )
        desk.connect(terminal)
        work = asyncio.create_task(desk.run(), name="desk")
        try:
            yield terminal
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


def own_locale() -> str:
    """The language of this terminal as a BCP 47 tag; empty where it has none."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        tag = re.split(r"[.@]", os.environ.get(name, ""))[0]
        if tag and tag not in ("C", "POSIX"):
            return tag.replace("_", "-")
    return ""


def print_reply(console: "Console", reply: "Reply", base_url: str = "") -> None:
    """A reply as a person reads it: what was heard, the answer, its sources, what to ask next."""
    from rich.markdown import Markdown
    from rich.markup import escape

    for heard in reply.transcripts.values():
        console.print(f"[dim]heard: “{escape(heard)}”[/]")
    console.print(Markdown(reply.text))
    for citation in reply.citations:
        console.print(f"[dim]source: {escape(citation.title)} ({escape(citation.article)})[/]")
    for place, suggestion in enumerate(reply.suggestions, 1):
        console.print(f"[cyan]{place}[/] {escape(suggestion)}")
