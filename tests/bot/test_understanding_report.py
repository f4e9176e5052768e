"""The page that a training leaves: complete, self-contained, usable by everyone."""

import math
import random
import re
from itertools import pairwise
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from bot.understanding_report import write_report
from models.understanding.evaluation import Evaluation, Judged
from models.understanding.observation import OUT_OF_SCOPE
from models.understanding.training_run import Epoch, TrainingRun

TEXTS = ["where is my parcel", "أين طلبي؟", "cancel it, please!", "我的订单在哪里", ""]


def evaluation(intents: int, examples: int, seed: int = 1, name: str = "intent_{}") -> Evaluation:
    rng = random.Random(seed)
    names = [name.format(number) for number in range(intents)]
    judged = []
    for number in range(examples):
        expected = rng.choice([*names, OUT_OF_SCOPE])
        predicted = expected if rng.random() < 0.8 else rng.choice([*names, OUT_OF_SCOPE])
        guess = rng.choice(names) if predicted == OUT_OF_SCOPE else predicted
        labelled = number % 3 == 0
        judged.append(
            Judged(
                f"file.yaml:{number}",
                rng.choice(TEXTS),
                ("text", "screen") if number % 2 else ("text",),
                expected,
                predicted,
                guess,
                rng.random(),
                rng.random(),
                (0.5, rng.random()) if labelled else None,
                (0.0, rng.random()) if labelled else None,
                (rng.random() < 0.5, rng.random()) if labelled else None,
            )
        )
    return Evaluation("20261123-201500", "held out of the training", tuple(names), tuple(judged))


def training_run() -> TrainingRun:
    epochs = [Epoch(n, 3 / n, 3.2 / n, 0.5 + n / 30, 2.0, {}) for n in range(1, 11)]
    return TrainingRun(
        "20261123-201500", 1_795_000_000.0, 61.0, 1, {"fusion": "concatenation"}, tuple(epochs),
        False, 9, 400, 12, {"text": 400, "screen": 40}, ("`refund` has 3 examples",),
    )  # fmt: skip


@pytest.fixture(scope="module")
def browser(chromium: str) -> Browser:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield started
        started.close()


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    write_report(path, evaluation(12, 300), training_run(), evaluation(12, 300, seed=2))
    return path


def _open(browser: Browser, path: Path, **options: object) -> tuple[Page, list[str]]:
    page = browser.new_page(**options)
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: troubles.append(request.url))
    page.goto(path.as_uri())
    return page, [each for each in troubles if each != path.as_uri()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_and_loads_nothing(scheme: str, browser: Browser, report: Path) -> None:
    page, troubles = _open(browser, report, color_scheme=scheme)
    assert troubles == []
    assert Axe().run(page).response["violations"] == []
    page.close()


def test_on_a_phone_the_page_does_not_scroll_sideways(browser: Browser, report: Path) -> None:
    page, _ = _open(browser, report, viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


@pytest.mark.parametrize("script", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("width", [390, 1280])
def test_many_long_names_leave_the_page_whole(
    width: int, script: bool, browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    long = "balance_not_updated_after_cheque_or_cash_deposit_{}"
    found = evaluation(77, 800, name=long)
    write_report(path, found, training_run(), evaluation(77, 800, seed=2, name=long))
    page, _ = _open(
        browser, path, viewport={"width": width, "height": 800}, java_script_enabled=script
    )
    assert page.evaluate("document.documentElement.scrollWidth") == width
    matrix = page.get_by_role("img", name="Confusion matrix")
    # Each intent at its row and at its column, within the picture, and no two over one another.
    places = [label.bounding_box() for label in matrix.locator("text").all()]
    assert len(places) == 2 * len(found.classes) + 2
    around = matrix.bounding_box()
    assert around
    assert all(place and place["x"] >= around["x"] - 1 for place in places)
    assert all(place and place["y"] >= around["y"] - 1 for place in places)
    rows = [place["y"] for place in places[0:-2:2] if place]
    assert min(b - a for a, b in pairwise(rows)) >= 9.5
    page.close()


def test_the_pictures_say_what_their_axes_are(browser: Browser, report: Path) -> None:
    page, _ = _open(browser, report)
    for name, labels in {
        "Loss by epoch": {"epoch", "loss", "1", "10"},
        "Calibration": {"confidence", "right", "0 %", "100 %"},
        "Confusion matrix": {"what it is ↓", "taken for →", "intent_11", "out of scope"},
    }.items():
        told = page.get_by_role("img", name=name).locator("text").all_text_contents()
        assert labels <= set(told)
    page.close()


def test_tables_are_sorted_and_filtered(browser: Browser, report: Path) -> None:
    page, _ = _open(browser, report)
    table = page.get_by_role("table", name="Every intent")
    table.get_by_role("button", name="recall").press("Enter")
    recalls = [
        float(value)
        for value in table.locator("tbody tr td:nth-child(3)").evaluate_all(
            "cells => cells.map(cell => cell.dataset.value)"
        )
    ]
    assert recalls == sorted(recalls, reverse=True)
    page.get_by_label("Filter: Every intent").fill("intent_11")
    assert table.locator("tbody tr:visible").count() == 1
    page.close()


def test_words_of_customers_stay_words(tmp_path: Path, browser: Browser) -> None:
    attack = '<script>document.title = "gone"</script></style><img src=x onerror=alert(1)>'
    found = Evaluation(
        "1",
        attack,
        ("a", attack),
        (Judged(attack, attack, ("text",), "a", attack, attack, 0.9, 0.1),),
    )
    path = tmp_path / "report.html"
    write_report(path, found)
    page, troubles = _open(browser, path)
    assert troubles == []
    assert page.title() == "Understanding, version 1"
    assert page.locator("img").count() == 0
    assert attack in page.get_by_role("table", name="Mistakes").inner_text()
    page.close()


def test_what_flipped_is_listed(report: Path) -> None:
    text = report.read_text("utf-8")
    better, worse = map(
        int, re.search(r"(\d+) examples got better and (\d+) got worse", text).groups()
    )
    assert text.count('class="good">better') == better > 0
    assert text.count('class="bad">worse') == worse > 0


def test_nothing_judged_says_why(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    empty = evaluation(3, 0)
    assert math.isnan(empty.right)
    write_report(path, empty)
    assert "Nothing was held out" in path.read_text("utf-8")
    assert "nan" not in re.sub(r"<script>.*</script>", "", path.read_text("utf-8"))


def test_a_large_report_stays_small(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(path, evaluation(150, 5_000), training_run())
    assert path.stat().st_size < 1_000_000


def test_a_report_that_cannot_be_written_leaves_the_former(report: Path) -> None:
    former = report.read_text("utf-8")
    broken = training_run()
    object.__setattr__(broken, "epochs", None)
    with pytest.raises(TypeError):
        write_report(report, evaluation(3, 10), broken)
    assert report.read_text("utf-8") == former
    assert [each.name for each in report.parent.iterdir()] == ["report.html"]
