"""`frontdesk outbox`: replies that wait to be delivered, and those that could not be."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.project import HERE, Project, load_project, open_store
from bot.errors import OperatorError

if TYPE_CHECKING:
    from rich.table import Table

    from bot.config import Config
    from bot.dead_letters import DeadLetter, DeadLetters, Held
    from bot.store import Store

outbox = typer.Typer(rich_markup_mode="markdown")

Letter = Annotated[
    str, typer.Argument(metavar="ID", help="As `frontdesk outbox` shows it.", show_default=False)
]


@outbox.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    text: Annotated[
        bool, typer.Option("--text", help="Show the words as well; they are a customer's.")
    ] = False,
    project: Project = HERE,
) -> None:
    """Show which replies wait to be delivered, which could not be, and why.

    What failed stays listed until it is sent again (`retry`), dropped (`drop`), or older than
    `history.keep_days`.

    Examples: `frontdesk outbox`, `frontdesk outbox retry 7-1764000000000-0`
    """
    if context.invoked_subcommand:
        return
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    waiting, failed = asyncio.run(_both(load_project(project)))
    if not waiting and not failed:
        console.print("Nothing waits, and nothing has failed.")
        return
    for title, found in (("Waiting", waiting), ("Failed", failed)):
        if found:
            console.print(_table(title, found, text))
    if failed:
        console.print("Send again: [bold]frontdesk outbox retry ID[/], or [bold]--all[/]")


@outbox.command()
def retry(
    identifier: Letter = "",
    everything: Annotated[bool, typer.Option("--all", help="All that failed.")] = False,
    project: Project = HERE,
) -> None:
    """Send what failed again: the parts that have not arrived. A desk that runs does it at once,
    another one when it starts.

    Examples: `frontdesk outbox retry 7-1764000000000-0`, `frontdesk outbox retry --all`
    """
    if bool(identifier) == everything:
        raise OperatorError(
            "which reply is to be sent again?", remedy="name one ID, or write `--all`"
        )
    count = asyncio.run(_retry(load_project(project), identifier))
    typer.echo(f"{count} put into the outbox again")


@outbox.command()
def drop(identifier: Letter, project: Project = HERE) -> None:
    """Forget a reply that failed. It stays in its conversation's log.

    Example: `frontdesk outbox drop 7-1764000000000-0`
    """
    asyncio.run(_drop(load_project(project), identifier))
    typer.echo(f"{identifier} is dropped")


async def _both(config: "Config") -> "tuple[list[Held], list[DeadLetter]]":
    async with open_store(config) as store:
        letters = _letters(config, store)
        return await letters.waiting(), await letters.failed()


async def _retry(config: "Config", identifier: str) -> int:
    """Of all that failed where there is no identifier. Gives how many are tried again."""
    async with open_store(config) as store:
        letters = _letters(config, store)
        wanted = [identifier] if identifier else [each.id for each in await letters.failed()]
        done = [await letters.retry(each) for each in wanted]
    if identifier and not any(done):
        raise _unknown(identifier)
    return sum(done)


async def _drop(config: "Config", identifier: str) -> None:
    async with open_store(config) as store:
        if not await _letters(config, store).drop(identifier):
            raise _unknown(identifier)


def _letters(config: "Config", store: "Store") -> "DeadLetters":
    from bot.dead_letters import DeadLetters

    return DeadLetters(store, config.history.keep_days * 24 * 3600)


def _unknown(identifier: str) -> OperatorError:
    return OperatorError(
        f"no reply that failed is called {identifier!r}",
        remedy="`frontdesk outbox` lists them; one that waits is being tried already",
    )


def _table(title: str, found: "list[Held] | list[DeadLetter]", text: bool) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    from bot.dead_letters import DeadLetter

    table = Table(title=f"{title}: {len(found)}", title_justify="left", title_style="bold")
    for heading in ("id", "when", "channel", "conversation", "why"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("id", "when"))
    if text:
        table.add_column("text", overflow="fold")
    for each in found:
        moment, part = each.since if not isinstance(each, DeadLetter) else each.failed_at, ""
        if isinstance(each, DeadLetter) and each.part:
            part = f"part {int(each.part) + 1 if each.part.isdecimal() else each.part}: "
        cells = [
            each.id,
            time.strftime("%d %b %H:%M", time.localtime(moment)),
            each.reply.channel,
            each.reply.conversation,
            part + (each.reason or "not tried yet"),
        ]
        table.add_row(*map(escape, [*cells, each.reply.text] if text else cells))
    return table
