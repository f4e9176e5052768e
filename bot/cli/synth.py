"""`frontdesk synth`: examples with screens and recordings, where there are none yet."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.project import HERE, Project, counted, load_project, shown
from bot.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from bot.config import Config
    from bot.intents.synthesizing import Made
    from bot.intents.templates import Saying

_SPOKEN = "en"
"""The language of the voices."""


Name = Annotated[
    str, typer.Argument(metavar="INTENT", help="A declared intent, or `out_of_scope`.")
]
Texts = Annotated[
    list[str] | None,
    typer.Option(
        help="What customers write or say; may hold slots. May be given several times.",
        show_default="the intent's own examples",
    ),
]
Screens = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="What they show: an HTML page or an SVG drawing, with slots. May be given several "
        "times.",
    ),
]
Spoken = Annotated[bool, typer.Option("--spoken/--no-spoken", help="Speak the texts as well.")]
Count = Annotated[int, typer.Option(min=1, max=2000, help="How many examples.")]
Seed = Annotated[int, typer.Option(help="Another seed gives other examples.")]


def synth(
    intent: Name,
    text: Texts = None,
    screen: Screens = None,
    spoken: Spoken = False,
    count: Count = 24,
    seed: Seed = 1,
    project: Project = HERE,
) -> None:
    """Make labelled examples of an intent, with rendered screens and spoken recordings.

    They are a start where there is no data yet. What was made before for the intent is replaced.

    Example: `frontdesk synth payment_declined --screen declined.html --spoken`
    """
    from rich.console import Console

    from bot.cli.ingest import progress_bars
    from bot.intents.folder import read_intents
    from bot.intents.synthesizing import Wish, synthesize
    from bot.intents.templates import check, read_screen, sayings_of

    config = load_project(project)
    if not screen and not spoken:
        raise OperatorError(
            "there is nothing to make of the texts",
            remedy="add --screen FILE for screenshots, --spoken for recordings, or both",
        )
    folder = config.understanding.folder
    sayings = sayings_of(read_intents(folder), intent, folder, text or [])
    screens = [read_screen(path) for path in screen or []]
    check(sayings, screens)
    speakable = _speakable(config, sayings) if spoken else []
    console = Console(soft_wrap=True, highlight=False)
    wish = Wish(intent, sayings, screens, speakable, count, seed)
    try:
        with progress_bars(console) as tell:
            made = synthesize(wish, folder, tell)
    except OSError as error:
        raise OperatorError(
            f"the examples could not be written: {error.strerror or error}",
            remedy="is the disk full? Give the command again when that is mended",
        ) from error
    _print(console, intent, made)


def _speakable(config: "Config", sayings: "Sequence[Saying]") -> "list[Saying]":
    """Those in the language of the voices. Raises `OperatorError` if there are none."""
    from bot.language import language_of

    found = list(sayings)
    languages = config.intent_languages
    if languages != (_SPOKEN,):
        otherwise = _SPOKEN if _SPOKEN in languages else languages[0]
        found = [each for each in sayings if language_of(each.text, otherwise) == _SPOKEN]
    if not found:
        raise OperatorError(
            "the voices speak English, and none of the texts is in English",
            remedy='give English ones with --text "…", or leave out --spoken',
        )
    return found


def _print(console: "Console", intent: str, made: "Made") -> None:
    from rich.markup import escape

    parts = [(made.pictures, "screen"), (made.recordings, "recording")]
    contents = " and ".join(counted(number, noun) for number, noun in parts if number)
    console.print(
        f"[green]✓[/] {counted(made.examples, 'example')} of [bold]{intent}[/] with {contents} in "
        f"{escape(shown(made.file))}"
    )
    console.print(
        f"  to undo it, delete {escape(shown(made.file))} and the folder "
        f"{escape(shown(made.media))}"
    )
    console.print("  `frontdesk train` comes next")
