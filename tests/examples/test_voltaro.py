"""The example business is complete: articles, questions, samples, page and configuration."""

import csv
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from bot.config import load
from models.audio import decode
from models.images import open_image
from models.video import open_video

VOLTARO = Path(__file__).resolve().parents[2] / "examples" / "voltaro"
KNOWLEDGE = VOLTARO / "knowledge"
SAMPLES = VOLTARO / "samples"
ASKED = sorted(KNOWLEDGE.glob("asked-*.csv"))
"""Customers' own questions; see docs/knowledge.md."""
ARTICLES = sorted(path for path in KNOWLEDGE.rglob("*") if path.is_file() and path not in ASKED)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


HELDOUT = lines_of(VOLTARO / "questions" / "heldout.jsonl")
OUTSIDE = lines_of(VOLTARO / "questions" / "outside.jsonl")
DEVELOP = lines_of(VOLTARO / "questions" / "develop.jsonl")
SHOWN_OR_SAID = lines_of(SAMPLES / "samples.jsonl")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def same_words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def test_articles_come_in_four_kinds() -> None:
    kinds = Counter(path.suffix for path in ARTICLES)
    assert set(kinds) == {".md", ".html", ".pdf", ".csv"}
    assert kinds[".html"] >= 5
    assert kinds[".pdf"] >= 4
    assert len(ARTICLES) >= 48
    assert sum(len(rows_of(path)) for path in ARTICLES if path.suffix == ".csv") >= 30


@pytest.mark.parametrize("path", [p for p in ARTICLES if p.suffix == ".md"], ids=lambda p: p.stem)
def test_an_article_has_one_title_and_is_worth_reading(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith("# ")
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1
    assert 120 <= len(text.split()) <= 400


def test_titles_are_distinct() -> None:
    titles = [p.read_text("utf-8").splitlines()[0] for p in ARTICLES if p.suffix == ".md"]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize(
    "source", sorted((VOLTARO / "documents").glob("*.md")), ids=lambda p: p.stem
)
def test_text_of_a_printed_article_can_be_selected(source: Path) -> None:
    printed = next(path for path in ARTICLES if path.name == f"{source.stem}.pdf")
    document = pypdfium2.PdfDocument(printed)
    text = " ".join(page.get_textpage().get_text_range() for page in document)
    words = same_words(text).split()
    written = same_words(source.read_text("utf-8")).split()
    assert not Counter(written) - Counter(words), "run make_documents.py again"


def test_there_are_enough_questions_of_every_kind() -> None:
    kinds = Counter(question["kind"] for question in HELDOUT)
    assert len(HELDOUT) >= 230
    assert set(kinds) == {"paraphrase", "typo", "spoken", "shown", "followup"}
    assert kinds["spoken"] >= 40
    assert kinds["shown"] >= 35
    assert kinds["followup"] >= 20
    assert len(OUTSIDE) == 50
    assert sum(question["article"] is not None for question in DEVELOP) >= 85
    assert sum(question["article"] is None for question in DEVELOP) >= 35


def test_ids_are_unique() -> None:
    ids = [question["id"] for question in (*HELDOUT, *OUTSIDE, *DEVELOP)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", ["heldout", "develop"])
def test_each_question_names_an_article_that_is_there(name: str) -> None:
    for question in lines_of(VOLTARO / "questions" / f"{name}.jsonl"):
        if question["article"] is None:
            continue
        path, _, row = question["article"].partition("#")
        assert (KNOWLEDGE / path).is_file(), question
        assert path.endswith(".csv") == bool(row), question
        if row:
            assert 1 <= int(row) <= len(rows_of(KNOWLEDGE / path)), question


def test_every_article_is_asked_for() -> None:
    asked = {question["article"].partition("#")[0] for question in HELDOUT}
    assert asked == {str(path.relative_to(KNOWLEDGE)) for path in ARTICLES}


def test_customers_own_questions_name_articles_that_are_there() -> None:
    named = {row["article"] for path in ASKED for row in rows_of(path)}
    assert named == {str(p.relative_to(KNOWLEDGE)) for p in ARTICLES if p.suffix != ".csv"}


def test_what_the_page_suggests_is_answered() -> None:
    """In every language; the embedded encoder reads English."""
    suggested = load(VOLTARO / "frontdesk.yaml").suggestions
    asked = {same_words(row["question"]) for path in ASKED for row in rows_of(path)}
    foreign = [text for code, texts in suggested.items() if code != "en" for text in texts]
    assert {same_words(text) for text in foreign} <= asked


def test_only_follow_ups_have_a_history() -> None:
    for question in (*HELDOUT, *OUTSIDE, *DEVELOP):
        assert bool(question["history"]) == (question["kind"] == "followup"), question
        assert all(said["who"] in ("customer", "desk") for said in question["history"])


def test_no_held_out_question_is_tuned_with() -> None:
    developed = {same_words(question["text"]) for question in DEVELOP}
    developed |= {same_words(row["question"]) for path in ASKED for row in rows_of(path)}
    held_out = [same_words(question["text"]) for question in (*HELDOUT, *OUTSIDE)]
    assert not developed & set(held_out)
    assert len(set(held_out)) == len(held_out)


def test_no_question_is_copied_from_the_knowledge() -> None:
    texts = [path.read_text("utf-8") for path in ARTICLES if path.suffix != ".pdf"]
    known = same_words(" ".join(texts))
    for question in (*HELDOUT, *DEVELOP):
        words = same_words(question["text"])
        if question["kind"] != "shown" and len(words.split()) > 5:
            assert words not in known, question


def test_samples_are_listed_small_and_answered() -> None:
    files = {path.name for path in SAMPLES.iterdir()}
    assert files == {sample["file"] for sample in SHOWN_OR_SAID} | {
        "samples.jsonl",
        "shown.jsonl",
    }
    assert sum(path.stat().st_size for path in SAMPLES.iterdir()) < 3_000_000
    assert all((KNOWLEDGE / sample["article"]).is_file() for sample in SHOWN_OR_SAID)


@pytest.mark.parametrize(
    "path", [p for p in sorted(SAMPLES.iterdir()) if p.suffix in (".png", ".jpg", ".webp")], ids=str
)
def test_a_screenshot_opens(path: Path) -> None:
    image: Image.Image = open_image(path.read_bytes())
    assert min(image.size) >= 700


@pytest.mark.parametrize(
    "path",
    [p for p in sorted(SAMPLES.iterdir()) if p.suffix in (".wav", ".ogg", ".m4a", ".mp3")],
    ids=str,
)
def test_a_voice_note_holds_sound(path: Path) -> None:
    samples = decode(path.read_bytes(), limit_s=60)
    assert 3 <= len(samples) / 16_000 <= 15
    assert np.abs(samples).max() > 0.1


def test_the_recording_shows_and_says_something() -> None:
    recording = SAMPLES / "checkout-fails.mp4"
    assert recording.stat().st_size < 400_000
    video = open_video(recording.read_bytes(), limit_s=60)
    assert len(video.frames) >= 2
    assert np.abs(decode(recording.read_bytes(), limit_s=60)).max() > 0.1


def test_the_configuration_is_valid() -> None:
    config = load(VOLTARO)
    assert config.name == "Voltaro"
    assert config.knowledge.folder == KNOWLEDGE
    assert config.channels.webchat.page == VOLTARO / "page"
    assert set(config.greeting) == set(config.suggestions) == {"en", "zh", "es", "de", "ar"}


def test_the_page_loads_the_widget_and_nothing_from_elsewhere() -> None:
    page = VOLTARO / "page"
    html = (page / "index.html").read_text("utf-8")
    assert '<script type="module" src="/webchat/frontdesk-chat.js"></script>' in html
    for address in re.findall(r'(?:src|href)="([^"#]+)"', html):
        assert address.startswith("/webchat/") or (page / address).is_file(), address
    assert not re.search(r"url\(\s*['\"]?(?:https?:)?//", (page / "shop.css").read_text("utf-8"))
