"""The customer's sentences: complete in every language, and one for every code that is raised."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from bot import texts
from tests.conftest import REPOSITORY

PROBLEM = re.compile(r"(?:audio|image(?!_encoder|_embeds)|video|pdf|media|perception)_[a-z_]+")
LANGUAGES = ("ar", "de", "en", "es", "zh")


def gaps(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def sources() -> Iterator[Path]:
    for package in ("bot", "connectors", "models"):
        yield from sorted((REPOSITORY / package).rglob("*.py"))


def raised() -> Iterator[tuple[str, set[str], str]]:
    """Each sentence that the code asks for by name: code, the parameters given, where."""
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            first = node.args[0]
            if name not in {"CustomerError", "MediaError", "say"}:
                continue
            for code in ast.walk(first):
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    given = {keyword.arg or "**" for keyword in node.keywords}
                    yield code.value, given, f"{path.relative_to(REPOSITORY)}:{node.lineno}"


def problems() -> Iterator[tuple[str, str]]:
    """What looks like the code of a sentence about an attachment, wherever it stands in what looks
    at attachments. Providers' and langchain's own names look alike; there, codes are raised as
    errors."""
    for path in sources():
        if {"connectors", "assistant"} & set(path.relative_to(REPOSITORY).parts):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            code = node.value if isinstance(node, ast.Constant) else None
            if isinstance(code, str) and PROBLEM.fullmatch(code):
                yield code, f"{path.relative_to(REPOSITORY)}:{node.lineno}"


def test_the_desk_speaks_five_languages() -> None:
    assert texts.languages() == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_sentence_with_the_same_gaps(language: str) -> None:
    english = {code: gaps(sentence) for code, sentence in texts.sentences("en").items()}
    assert {c: gaps(s) for c, s in texts.sentences(language).items()} == english


def test_every_code_in_the_code_has_a_sentence_and_fills_its_gaps() -> None:
    known = texts.sentences("en")
    missing = [f"{where}: {code}" for code, _, where in raised() if code not in known]
    missing += [f"{where}: {code}" for code, where in problems() if code not in known]
    unfilled = [
        f"{where}: {code} needs {gaps(known[code]) - given}"
        for code, given, where in raised()
        if code in known and "**" not in given and gaps(known[code]) - given
    ]
    assert not missing + unfilled


def test_every_code_of_the_protocol_has_a_sentence() -> None:
    document = (REPOSITORY / "docs" / "protocol.md").read_text("utf-8")
    table = document.partition("## Errors")[2]
    first_cells = re.findall(r"^\| (`[^|]+`) \|", table, re.MULTILINE)
    codes = {code for cell in first_cells for code in re.findall(r"`([a-z_]+)`", cell)}
    assert "too_fast" in codes
    assert codes <= texts.sentences("en").keys()


def test_a_regional_locale_gets_its_language() -> None:
    assert texts.say("message_empty", "de-AT") == texts.say("message_empty", "de")
    assert texts.say("message_empty", "zh_Hant_TW") == texts.say("message_empty", "zh")


@pytest.mark.parametrize("locale", ["", "nb", "tlh-Latn", "english", "../en", "😀"])
def test_an_unknown_locale_gets_english(locale: str) -> None:
    assert texts.say("message_empty", locale) == texts.say("message_empty", "en")


def test_numbers_are_written_as_the_language_writes_them() -> None:
    assert "12,000" in texts.say("message_too_long", "en", limit=12_000)
    assert "12.000" in texts.say("message_too_long", "de", limit=12_000)
    assert "8000" in texts.say("message_too_long", "es", limit=8_000)
    assert "2,5 MB" in texts.say("upload_too_large", "de", limit_mb=2.5)


def test_a_business_name_with_braces_is_not_a_gap() -> None:
    assert "{limit}" in texts.say("greeting", "en", business="{limit}")


def test_an_unknown_code_is_an_error() -> None:
    with pytest.raises(KeyError):
        texts.say("no_such_code", "en")
