"""`frontdesk voices`: who can speak, who does, and how it sounds."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.project import HERE, Project, counted, load_project, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from bot.engine_settings import SynthesizerSection
    from models.synthesizer import Speech, Synthesizer, Voice

_SAMPLE = Path("voice.wav")


def voices(
    language: Annotated[
        str,
        typer.Option("--language", "-l", metavar="TAG", help="Only voices that speak it: `de`."),
    ] = "",
    say: Annotated[
        str, typer.Option("--say", metavar="TEXT", help="Speak this, and write it as a WAV.")
    ] = "",
    voice: Annotated[
        str, typer.Option("--voice", metavar="NAME", help="Speak with this voice instead.")
    ] = "",
    to: Annotated[
        Path, typer.Option("--to", metavar="FILE", help="Where the WAV is written.")
    ] = _SAMPLE,
    project: Project = HERE,
) -> None:
    """List the voices of the project's synthesizer, by language. A dot marks those that speak.

    Examples: `frontdesk voices --language de`, `frontdesk voices --say "It costs €3.50."`
    """
    from rich.console import Console

    from bot.errors import OperatorError
    from bot.language import language_of
    from models.voices import Cast, speaks

    config = load_project(project)
    section = config.synthesizer
    if voice:
        section = section.model_copy(update={"voice": voice})
    console = Console(soft_wrap=True, highlight=False)
    engine = _made(section, config.device, console)
    if say:
        spoken_in = language or language_of(say, config.language)
        _write(console, engine, say, spoken_in, to)
        return
    listed = engine.voices()
    chosen = [section.voice] if isinstance(section.voice, str) else section.voice
    names = [name.partition("+")[0] for name in chosen]
    cast = Cast(section.engine, listed, names)
    if not language:
        _print(console, listed, cast.that_may_speak())
        return
    wanted = [voice for voice in listed if speaks(voice, language)]
    if not wanted:
        raise OperatorError(
            f"no voice of this synthesizer speaks {language!r}",
            remedy="`frontdesk voices` lists all; see docs/voices.md for other synthesizers",
        )
    _print(console, wanted, cast.voices_for(language))


def _made(section: "SynthesizerSection", device: str, console: "Console") -> "Synthesizer":
    """The engine, its weights fetched first. Raises `OperatorError` and `EngineMissing`."""
    from bot.cli.ingest import progress_bars
    from bot.engines import maker, weights_of
    from models.downloads import pulled

    with progress_bars(console) as tell:
        for weights in weights_of(section):
            pulled(weights, tell)
    engine: Synthesizer = maker(section, device)()
    return engine


def _write(console: "Console", engine: "Synthesizer", text: str, language: str, file: Path) -> None:
    from models.audio import encode

    started = time.perf_counter()
    speech = _spoken(engine, text, language)
    took_s = time.perf_counter() - started
    file.write_bytes(encode(speech, "wav", "pcm_s16le", speech.sample_rate_hz))
    length = f"{speech.duration_s:.1f} s of {language}"
    console.print(f"[green]✓[/] {shown(file)}: {length}, made in {took_s:.2f} s")
    console.print(f"  said as: {speech.text}", markup=False)


def _spoken(engine: "Synthesizer", text: str, language: str) -> "Speech":
    """The text as an answer would be spoken. Raises `OperatorError`."""
    from bot.errors import OperatorError
    from bot.speakable import speakable
    from bot.speech import joined
    from models.errors import EngineFailed
    from models.synthesizer import LanguageUnspoken

    try:
        speech = joined(list(engine.synthesize(speakable(text, language), language)))
    except LanguageUnspoken as error:
        raise OperatorError(
            f"no voice of this synthesizer speaks {error.language!r}",
            remedy="`frontdesk voices` lists those that it speaks; see docs/voices.md for others",
        ) from error
    except EngineFailed as error:
        raise OperatorError(str(error), remedy="try again, or see docs/voices.md") from error
    if speech is None:
        raise OperatorError(
            f"nothing in “{text}” can be spoken in {language!r}",
            remedy="name the language that it is in: --language TAG",
        )
    return speech


def _print(console: "Console", listed: "Sequence[Voice]", speaking: "Sequence[Voice]") -> None:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("", "language", "voice", "about"):
        table.add_column(heading)
    for voice in sorted(listed, key=lambda voice: voice.language):
        mark = "[green]●[/]" if voice in speaking else ""
        table.add_row(mark, voice.language, voice.name, voice.description)
    console.print(table)
    languages = len({voice.language.partition("-")[0] for voice in listed})
    console.print(f"{counted(len(listed), 'voice')} in {counted(languages, 'language')}")
