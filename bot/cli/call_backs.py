"""`frontdesk call-backs`: who is to be called back, and who was."""

import asyncio
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.project import HERE, Project, load_project, open_store
from bot.errors import OperatorError

if TYPE_CHECKING:
    from rich.table import Table

    from bot.call_backs.book import CallBack
    from bot.config import Config

call_backs = typer.Typer(rich_markup_mode="markdown")


@call_backs.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    numbers: Annotated[
        bool, typer.Option("--numbers", help="Show the numbers as well; they are customers'.")
    ] = False,
    project: Project = HERE,
) -> None:
    """Show which call-backs are arranged, and what became of the last ones.

    Examples: `frontdesk call-backs`, `frontdesk call-backs cancel cb_4fKq9sVb2LxT0aRe_3`
    """
    if context.invoked_subcommand:
        return
    from rich.console import Console

    from bot.call_opening import zone_of

    console = Console(highlight=False, soft_wrap=True)
    config = load_project(project)
    waiting, over = asyncio.run(_both(config))
    if not waiting and not over:
        console.print("No call-back is arranged, and none was made.")
    for title, found in (("Arranged", waiting), ("Over", over)):
        if found:
            console.print(_table(title, found, numbers, zone_of(config)))


@call_backs.command()
def cancel(
    identifier: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="As `frontdesk call-backs` shows it.", show_default=False
        ),
    ],
    project: Project = HERE,
) -> None:
    """Cancel a call-back; who waits for it is not told.

    Example: `frontdesk call-backs cancel cb_4fKq9sVb2LxT0aRe_3`
    """
    asyncio.run(_cancel(load_project(project), identifier))
    typer.echo(f"{identifier} is cancelled")


async def _both(config: "Config") -> "tuple[list[CallBack], list[CallBack]]":
    from bot.call_opening import book_of

    async with open_store(config) as store:
        book = book_of(config, store)
        return await book.waiting(), await book.over()


async def _cancel(config: "Config", identifier: str) -> None:
    from bot.call_backs.book import State
    from bot.call_opening import book_of

    async with open_store(config) as store:
        book = book_of(config, store)
        found = await book.find(identifier)
        if found is None or not await book.end(found, State.CANCELLED, "by the operator"):
            raise OperatorError(
                f"no call-back that waits is called {identifier!r}",
                remedy="`frontdesk call-backs` lists them",
            )


def _table(title: str, found: "list[CallBack]", numbers: bool, zone: tzinfo | None) -> "Table":
    """`zone`: that the times were arranged in; None: this machine's."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=f"{title}: {len(found)}", title_justify="left", title_style="bold")
    for heading in ("id", "when", "channel", "conversation", "tried", "state"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("id", "when"))
    if numbers:
        table.add_column("number", no_wrap=True)
    for each in found:
        cells = [
            each.id,
            f"{datetime.fromtimestamp(each.at, zone):%d %b %H:%M}",
            each.channel,
            each.conversation,
            str(each.attempts),
            f"{each.state}: {each.reason}" if each.reason else each.state,
        ]
        table.add_row(*map(escape, [*cells, each.number] if numbers else cells))
    return table
