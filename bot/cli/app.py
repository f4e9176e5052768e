"""All commands, and how their errors are told.

What a command needs is imported when it runs: `frontdesk --help` must not wait for models.
"""

import sys
from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from bot.cli.ask import ask
from bot.cli.call import call
from bot.cli.call_backs import call_backs
from bot.cli.channels import channels
from bot.cli.chat import chat
from bot.cli.doctor import doctor
from bot.cli.explain import explain
from bot.cli.ingest import ingest
from bot.cli.init import init
from bot.cli.keys import keys
from bot.cli.models import models
from bot.cli.outbox import outbox
from bot.cli.serve import serve
from bot.cli.synth import synth
from bot.cli.train import evaluate, rollback, train, versions_list
from bot.cli.voices import voices
from bot.errors import OperatorError, Unavailable
from models.errors import EngineMissing

app = typer.Typer(
    name="frontdesk",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_FAILED = 2
_INTERRUPTED = 130


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"frontdesk {version('frontdesk')}")
        raise typer.Exit


@app.callback()
def frontdesk(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it."),
    ] = False,
) -> None:
    """A customer-service desk that hears, sees, remembers, and answers.

    Begin with `frontdesk init my-desk`, then `cd my-desk` and `frontdesk serve --open`.
    """


app.command(rich_help_panel="Begin")(init)
app.command(rich_help_panel="Begin")(serve)
app.add_typer(channels, name="channels", rich_help_panel="Begin")
app.command(rich_help_panel="Talk to the desk")(chat)
app.command(rich_help_panel="Talk to the desk")(ask)
app.command(rich_help_panel="Talk to the desk")(call)
app.command(rich_help_panel="Teach it")(synth)
app.command(rich_help_panel="Teach it")(train)
app.command("eval", rich_help_panel="Teach it")(evaluate)
app.command("versions", rich_help_panel="Teach it")(versions_list)
app.command(rich_help_panel="Teach it")(rollback)
app.command(rich_help_panel="Look after it")(ingest)
app.command(rich_help_panel="Look after it")(explain)
app.command(rich_help_panel="Look after it")(doctor)
app.command(rich_help_panel="Look after it")(keys)
app.add_typer(models, name="models", rich_help_panel="Look after it")
app.command(rich_help_panel="Look after it")(voices)
app.add_typer(outbox, name="outbox", rich_help_panel="Look after it")
app.add_typer(call_backs, name="call-backs", rich_help_panel="Look after it")


def run() -> None:
    """Run the command line. What an operator can mend is told in a sentence."""
    try:
        app()
    except OperatorError as error:
        _tell(error.problem, error.remedy)
    except EngineMissing as error:
        _tell(str(error).partition("\n")[0], error.remedy)
    except Unavailable as error:
        _tell(str(error), "`frontdesk doctor` looks for the cause")
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _tell(problem: str, remedy: str) -> None:
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(f"[bold red]✗[/] {escape(problem)}")
    if remedy:
        console.print(f"  [bold]→[/] {escape(remedy)}")
    sys.exit(_FAILED)
