from bot.article_page import article_page
from bot.knowledge import ArticlePage
from bot.messages import ArticleId


def article(markdown: str, *, language: str = "") -> ArticlePage:
    return ArticlePage(ArticleId("returns"), "Returns & refunds", markdown, "", language)


def test_an_article_is_shown_with_its_headings_and_tables() -> None:
    page = article_page(
        article("Thirty days.\n\n## How\n\n| a | b |\n|---|---|\n| 1 | 2 |"),
        business="Voltaro",
        language="en",
    )
    assert "<h1>Returns &amp; refunds</h1>" in page
    assert page.index("Thirty days.") < page.index("<h2>How</h2>") < page.index("<td>1</td>")


def test_nothing_in_an_article_runs() -> None:
    page = article_page(
        article("<script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=y>"),
        business="<b>Shop</b>",
        language="en",
    )
    assert "<script>" not in page
    assert 'href="javascript' not in page
    assert "<img" not in page
    assert "<b>Shop" not in page


def test_an_arabic_article_runs_from_right_to_left() -> None:
    page = article_page(article("مرحبا", language="ar"), business="متجر", language="en")
    assert '<html lang="ar" dir="rtl">' in page
