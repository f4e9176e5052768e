"""`frontdesk channels`: which there are, whether they work, and how one is added."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.project import HERE, Project, load_project, shown
from bot.errors import OperatorError, Unavailable

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console

    from bot.config import Config

channels = typer.Typer(rich_markup_mode="markdown")

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="`telegram`, `whatsapp` …", show_default=False)
]
_NOT_WELL = 1
_SET_URL = "write `server: {url: https://desk.example}` into frontdesk.yaml"
_FRONT = "connectors.messaging.front"


@channels.callback(invoke_without_command=True)
def show(context: typer.Context, project: Project = HERE) -> None:
    """List all channels: which are on, where they are reached, and what is missing.

    Examples: `frontdesk channels`, `frontdesk channels add telegram`
    """
    if context.invoked_subcommand:
        return
    from rich.console import Console
    from rich.table import Table

    from bot.channels import CHANNELS, path_of
    from bot.cli.channel_state import states

    config, problem = _loaded(project)
    found = states(project, config)
    address = config.server.url if config else ""
    table = Table()
    for heading in ("channel", "state", "webhook", "missing"):
        table.add_column(heading, overflow="fold")
    for name in CHANNELS:
        state = found[name]
        table.add_row(name, state.word, path_of(name, address) if state.on else "", state.missing)
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    if problem:
        raise problem
    console.print(
        "Add one: [bold]frontdesk channels add NAME[/]; "
        "try its credentials: [bold]frontdesk channels check NAME[/]"
    )


@channels.command()
def check(
    name: Name,
    register: Annotated[
        bool, typer.Option("--register", help="Have the provider send its webhooks here.")
    ] = False,
    project: Project = HERE,
) -> None:
    """Try a channel's credentials, and look whether its webhooks can come in.

    The exit code is 0 where everything is well.

    Example: `frontdesk channels check telegram`
    """
    from rich.console import Console

    config = load_project(project)
    settings = _settings(config, name)
    console = Console(highlight=False, soft_wrap=True)
    known = asyncio.run(_try(config, name, settings, console))
    if not asyncio.run(_webhooks(config, name, settings, console, register=register)) or not known:
        raise typer.Exit(_NOT_WELL)


@channels.command()
def add(
    name: Name,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Another setting. May be repeated."),
    ] = None,
    project: Project = HERE,
) -> None:
    """Add a channel: asks for what it needs, tries the credentials, and registers the webhook.

    Secrets go into `.env` beside frontdesk.yaml, readable for you alone; frontdesk.yaml gets their
    names. Nothing is written where the provider refuses them.

    Example: `frontdesk channels add telegram`
    """
    from rich.console import Console

    from bot.channels import messaging_apps, section_model
    from bot.cli.channel_setup import Setup, insert
    from bot.config import CONFIG_FILE
    from bot.config_file import environment_of
    from bot.env_file import ENV_FILE, add_to_env

    model = _messaging(section_model(name), name)
    config = load_project(project)
    if name in messaging_apps(config):
        raise OperatorError(
            f"{name} is in frontdesk.yaml already", remedy=f"frontdesk channels check {name}"
        )
    file = project / CONFIG_FILE if project.is_dir() else project
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"How to get what is asked for: docs/channels/{name}.md")
    setup = Setup(name)
    setup.set(model, given or [])
    setup.ask(model, environment_of(file))
    section = setup.section(model, file.absolute().parent)
    asyncio.run(_try(config, name, section, console))
    if setup.secrets:
        add_to_env(file.parent / ENV_FILE, setup.secrets)
        _ignore(file.parent)
        _well(console, f"{shown(file.parent / ENV_FILE)}: {', '.join(setup.secrets)}")
    insert(file, setup)
    _well(console, f"{shown(file)}: channels.{name}")
    asyncio.run(_webhooks(config, name, section, console, register=True))
    console.print("\nIt is open from the next start on: [bold]frontdesk serve[/]")


def _loaded(project: Path) -> "tuple[Config | None, OperatorError | None]":
    try:
        return load_project(project), None
    except OperatorError as error:
        return None, error


def _settings(config: "Config", name: str) -> Any:
    """The section of a messaging app that is configured. Raises `OperatorError`."""
    from bot.channels import messaging_apps, section_model

    _messaging(section_model(name), name)
    apps = messaging_apps(config)
    if name not in apps:
        raise OperatorError(
            f"{name} is not in frontdesk.yaml", remedy=f"frontdesk channels add {name}"
        )
    return apps[name][1]


def _messaging(model: "type[BaseModel] | None", name: str) -> "type[BaseModel]":
    from bot.channels import CHANNELS, section_model

    if model is None:
        known = [each for each in CHANNELS if section_model(each)]
        raise OperatorError(
            f"there is no messaging app {name!r}", remedy=f"one of: {', '.join(known)}"
        )
    return model


@asynccontextmanager
async def _opened(config: "Config", name: str, settings: Any) -> AsyncIterator[tuple[Any, Any]]:
    """The app's provider, and what it calls by. Raises `OperatorError`."""
    from bot.channels import CHANNELS

    front = import_module(_FRONT)
    async with front.open_provider(
        CHANNELS[name], settings, public_url=config.server.url
    ) as opened:
        yield opened


async def _try(config: "Config", name: str, settings: Any, console: "Console") -> bool:
    """Whether the credentials are good. Raises `OperatorError` where the provider refuses them."""
    async with _opened(config, name, settings) as (provider, _):
        try:
            _well(console, f"credentials: {await provider.check()}")
        except Unavailable as error:
            _not_well(console, f"the credentials could not be tried: {error}")
            return False
    return True


async def _webhooks(
    config: "Config", name: str, settings: Any, console: "Console", *, register: bool
) -> bool:
    """Whether webhooks can come in, registered first where that is wanted. Raises
    `OperatorError`."""
    from bot.channels import path_of

    address, url = config.server.url, path_of(name, config.server.url)
    async with _opened(config, name, settings) as (provider, api):
        if not address:
            if import_module(_FRONT).fetches(provider):
                console.print("  webhook: none without `server.url`; the desk fetches by itself")
                return True
            _not_well(console, "webhook: the provider must know where to send", _SET_URL)
            return False
        reached = await _reached(address, api, console)
        try:
            if register:
                _well(console, f"webhook: {await provider.register(url)}")
            return await _registered(provider, url, name, console) and reached
        except Unavailable as error:
            _not_well(console, f"webhook: {error}")
            return False


async def _reached(address: str, api: Any, console: "Console") -> bool:
    """Whether a desk answers at the public address, seen from here."""
    try:
        answer = await api.call("GET", f"{address}/healthz", what=address)
    except Unavailable as error:
        _not_well(console, f"address: {error}", "is the desk open, and the proxy before it?")
        return False
    if not answer.ok:
        _not_well(console, f"address: {address}/healthz answers {answer.status}")
        return False
    _well(console, f"address: a desk answers at {address}")
    return True


async def _registered(provider: Any, url: str, name: str, console: "Console") -> bool:
    """Whether the provider sends its webhooks here; true where it does not tell."""
    found = await provider.registered()
    if found is None:
        console.print(f"  webhook: {url}; the provider does not tell where it sends")
        return True
    if found.url != url:
        _not_well(
            console,
            f"webhook: the provider sends to {found.url or 'nowhere'}, not to {url}",
            f"frontdesk channels check {name} --register",
        )
        return False
    if found.trouble:
        _not_well(console, f"webhook: {url}; the last one failed: {found.trouble}")
        return False
    _well(console, f"webhook: the provider sends to {url}")
    return True


def _well(console: "Console", what: str) -> None:
    from rich.markup import escape

    console.print(f"[green]✓[/] {escape(what)}")


def _not_well(console: "Console", what: str, remedy: str = "") -> None:
    from rich.markup import escape

    console.print(f"[yellow]![/] {escape(what)}")
    if remedy:
        console.print(f"  [bold]→[/] {escape(remedy)}")


def _ignore(folder: Path) -> None:
    """Keep secrets out of version control, where the project has rules for it."""
    from bot.env_file import ENV_FILE

    rules = folder / ".gitignore"
    if rules.is_file() and ENV_FILE not in rules.read_text("utf-8").splitlines():
        with rules.open("a", encoding="utf-8") as stream:
            stream.write(f"{ENV_FILE}\n")
