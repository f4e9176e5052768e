"""The documentation: complete, up to date, and about things that exist."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from bot.channels import CHANNELS
from bot.cli.app import app
from bot.config import Config, load
from bot.config_file import settings_of
from bot.intents import read_intents
from bot.line_settings import LinesSection
from connectors.calls.front import LINES
from scripts import command_docs, configuration_docs
from tests.conftest import REPOSITORY
from tests.models.media import picture, recording, screenshot, tone


def command_of(words: list[str]) -> Any:
    found: Any = get_command(app)
    for word in words:
        found = found.commands[word]
    return found


PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
COMMANDS = {
    " ".join(words): command_of(words) for words in command_docs.command_words(get_command(app))
}
PICTURE = picture("image/png", screenshot(size=(40, 40)))
RECORDING = recording("audio/ogg", tone(0.1))
PAGE_OF_CHANNEL = {name: f"channels/{name}.md" for name in CHANNELS} | {
    "webchat": "widget.md",
    "http": "http-api.md",
}


def page(name: str) -> str:
    return (REPOSITORY / name).read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def test_every_setting_is_documented() -> None:
    text = page("docs/configuration.md")
    missing = [".".join(keys) for keys in settings_of(Config) if f"`{'.'.join(keys)}`" not in text]
    assert missing == []


def test_every_setting_says_what_it_means() -> None:
    def silent(model: type) -> list[str]:
        found = []
        for name, field in model.model_fields.items():
            if not field.description:
                found.append(f"{model.__name__}.{name}")
            if hasattr(field.annotation, "model_fields"):
                found += silent(field.annotation)
        return found

    assert silent(Config) == []


def test_every_command_is_documented() -> None:
    text = page("docs/cli.md")
    assert [name for name in COMMANDS if f"## `frontdesk {name}`" not in text] == []


def test_every_line_is_documented() -> None:
    named = {"browser": "widget"}
    for name in LINES:
        assert (REPOSITORY / "docs" / "calls" / f"{named.get(name, name)}.md").is_file(), name
    assert LINES.keys() == LinesSection.model_fields.keys()


def test_every_channel_is_documented() -> None:
    assert PAGE_OF_CHANNEL.keys() == CHANNELS.keys()
    for name, file in PAGE_OF_CHANNEL.items():
        text = page(f"docs/{file}")
        assert (
            f"channels:\n  {name}:" in text
            or f"channels.{name}" in text
            or "frontdesk keys" in text
        )
        assert f"docs/{file}" in page("README.md") + page("docs/channels/README.md").replace(
            "](", "](docs/channels/"
        )


def test_every_page_can_be_reached_from_the_readme() -> None:
    reachable, waiting = set[Path](), [REPOSITORY / "README.md"]
    while waiting:
        current = waiting.pop()
        if current in reachable:
            continue
        reachable.add(current)
        for target in re.findall(r"\]\(([^)#:]+\.md)", current.read_text("utf-8")):
            waiting.append((current.parent / target).resolve())
    assert [name_of(path) for path in PAGES if path not in reachable] == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#: ]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_pages_made_from_the_code_are_up_to_date() -> None:
    assert configuration_docs.document() == page("docs/configuration.md"), "run `make docs`"
    assert command_docs.document() == page("docs/cli.md"), "run `make docs`"


def intents_file(block: str) -> str | None:
    """The path below `intents/` that the first line of a block names, if it shows such a file."""
    named = re.match(r"# intents/(\S+\.yaml)$", block.partition("\n")[0])
    return named[1] if named else None


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_configurations_that_are_shown_are_valid(path: Path, tmp_path: Path) -> None:
    for number, block in enumerate(blocks(path.read_text("utf-8"), "yaml")):
        if intents_file(block):
            continue
        settings = yaml.safe_load(block)
        settings.setdefault("name", "Shop")
        file = tmp_path / f"{number}.yaml"
        file.write_text(re.sub(r"\$\{\w+\}", "x", yaml.safe_dump(settings)), "utf-8")
        load(file)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_intents_that_are_shown_are_valid(path: Path, tmp_path: Path) -> None:
    """Read as the desk reads them, with the other intents and the media that they name."""
    for number, block in enumerate(blocks(path.read_text("utf-8"), "yaml")):
        name = intents_file(block)
        if not name:
            continue
        folder = tmp_path / str(number)
        file = folder / name
        file.parent.mkdir(parents=True)
        file.write_text(block, "utf-8")
        declared = yaml.safe_load(block)
        elsewhere = {declared["examples_of"]} if "examples_of" in declared else set()
        for example in declared["examples"]:
            if isinstance(example, str):
                continue
            elsewhere.update(example.get("also", []))
            for key, data in (("image", PICTURE), ("recording", RECORDING)):
                if key in example:
                    medium = file.parent / example[key]
                    medium.parent.mkdir(parents=True, exist_ok=True)
                    medium.write_bytes(data)
        for other in elsewhere:
            words = f"examples: [{other} is what I want, I want {other}]"
            (folder / f"{other}.yaml").write_text(words, "utf-8")
        found = read_intents(folder)
        assert found.names
        assert len(found.examples) == len(declared["examples"]) + 2 * len(elsewhere)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_commands_that_are_shown_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    shown = re.findall(r"`(frontdesk [^`\n]+)`", text)
    shown += re.findall(r"^(?:\$ )?(frontdesk .*)$", "\n".join(blocks(text, "sh")), re.MULTILINE)
    for line in shown:
        _, *words = shlex.split(line, comments=True)
        if not words or words[0].startswith("-"):
            continue
        command = COMMANDS.get(" ".join(words[:2])) or COMMANDS.get(words[0])
        assert command, line
        options = {word.partition("=")[0] for word in words if re.match(r"--\w", word)}
        known = {opt for param in command.params for opt in param.opts} | {"--help"}
        assert options <= known, line


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_words_of_make_that_are_shown_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", page("Makefile"), re.MULTILINE))
    text = path.read_text("utf-8")
    shown = re.findall(r"`make ([a-z-]+)", text)
    shown += re.findall(r"^make ([a-z-]+)", "\n".join(blocks(text, "sh")), re.MULTILINE)
    assert set(shown) <= targets


def test_every_dependency_has_its_line_and_its_pin() -> None:
    project = tomllib.loads(page("pyproject.toml"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(each for extra in extras for each in extra)]
    names = [re.split(r"[^A-Za-z0-9_.-]", text)[0] for text in wanted]
    described = page("docs/dependencies.md")
    pinned = {
        re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower()
        for line in page("constraints.txt").splitlines()
    }
    assert [name for name in names if f"| `{name}` |" not in described] == []
    assert [n for n in names if re.sub(r"[-_.]+", "-", n).lower() not in pinned] == []


def test_no_pin_names_a_place() -> None:
    for line in page("constraints.txt").splitlines():
        assert re.fullmatch(r"#.*|[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line), line
