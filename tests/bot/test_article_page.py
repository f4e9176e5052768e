from bot.article_page import article_page
from bot.knowledge.article import Passage
from bot.messages import ArticleId


def passage(number: int, text: str, *headings: str, language: str = "") -> Passage:
    return Passage(
        id=f"returns#{number}",
        article=ArticleId("returns"),
        title="Returns & refunds",
        headings=headings,
        text=text,
        language=language,
    )


def test_an_article_is_whole_with_each_heading_once() -> None:
    page = article_page(
        [
            passage(0, "Thirty days."),
            passage(1, "First part.", "How", "By post"),
            passage(2, "Second part.", "How", "By post"),
            passage(3, "| a | b |\n|---|---|\n| 1 | 2 |", "How", "In a shop"),
        ],
        business="Voltaro",
        language="en",
    )
    assert page.index("Thirty days.") < page.index("<h2>How</h2>") < page.index("First part.")
    assert page.count("<h2>How</h2>") == 1
    assert page.count("<h3>By post</h3>") == 1
    assert "<h3>In a shop</h3>" in page
    assert "<td>1</td>" in page
    assert "<h1>Returns &amp; refunds</h1>" in page


def test_nothing_in_an_article_runs() -> None:
    page = article_page(
        [passage(0, "<script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=y>")],
        business="<b>Shop</b>",
        language="en",
    )
    assert "<script>" not in page
    assert 'href="javascript' not in page
    assert "<img" not in page
    assert "<b>Shop" not in page


def test_an_arabic_article_runs_from_right_to_left() -> None:
    page = article_page([passage(0, "مرحبا", language="ar")], business="متجر", language="en")
    assert '<html lang="ar" dir="rtl">' in page
