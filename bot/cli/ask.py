"""`frontdesk ask`: one question, one answer."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.project import HERE, Project, load_project

if TYPE_CHECKING:
    from bot.config import Config
    from bot.messages import Entry

_REFUSED = 1


def ask(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="The question; may be empty beside a file.")
    ] = "",
    image: Annotated[
        list[Path] | None,
        typer.Option("--image", "-i", metavar="FILE", help="Show this picture. May be repeated."),
    ] = None,
    audio: Annotated[
        list[Path] | None,
        typer.Option("--audio", "-a", metavar="FILE", help="Say this recording. May be repeated."),
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option("--file", "-f", metavar="FILE", help="Send a video or a PDF."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole reply for a program.")
    ] = False,
    project: Project = HERE,
) -> None:
    """Ask one question, with pictures and recordings beside it.

    Examples: `frontdesk ask "Where is my order?"`, `frontdesk ask --image error.png`
    """
    from bot.cli.models import fetch_all

    config = load_project(project)
    fetch_all(config)
    files = [*(image or ()), *(audio or ()), *(file or ())]
    entry = asyncio.run(_ask(config, text, files))
    if as_json:
        import json

        typer.echo(json.dumps(_plain(entry), ensure_ascii=False, indent=2))
        return
    from rich.console import Console

    from bot.cli.terminal import print_reply
    from bot.messages import Reply

    assert isinstance(entry.item, Reply)
    console = Console(highlight=False)
    print_reply(console, entry.item)
    console.print(
        f"[dim]why: frontdesk explain {entry.item.conversation} {entry.item.turn}[/]",
        soft_wrap=True,
    )


async def _ask(config: "Config", text: str, files: list[Path]) -> "Entry":
    from bot import texts
    from bot.cli.terminal import at_the_terminal, own_locale
    from bot.errors import CustomerError

    async with at_the_terminal(config) as terminal:
        try:
            entry: Entry = await terminal.ask(text, files)
        except CustomerError as error:
            typer.echo(texts.say(error.code, own_locale(), **error.params), err=True)
            raise typer.Exit(_REFUSED) from error
    return entry


def _plain(entry: "Entry") -> dict[str, Any]:
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(entry.item)
    return plain
