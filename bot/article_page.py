"""The page that a citation opens: one article of the knowledge, whole."""

from html import escape

from markdown_it import MarkdownIt

from bot.knowledge import ArticlePage

_markdown = MarkdownIt("js-default")
"""Raw HTML is off and links to scripts are refused: an article is shown, never run."""

_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})

_PAGE = """<!doctype html>
<html lang="{language}" dir="{direction}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · {business}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; font: 1rem/1.6 system-ui, sans-serif; color: light-dark(#1d2330, #e4e7ee);
  background: light-dark(#fff, #14171f); }}
header {{ border-bottom: 1px solid light-dark(#dfe3ea, #2b303c); padding: .9rem 1.25rem;
  font-weight: 600; }}
header a {{ color: inherit; text-decoration: none; }}
main {{ max-width: 44rem; margin: 0 auto; padding: 1rem 1.25rem 4rem; overflow-wrap: anywhere; }}
h1 {{ font-size: 1.75rem; line-height: 1.25; margin: 1.5rem 0 1rem; }}
h2 {{ font-size: 1.25rem; margin: 2rem 0 .5rem; }}
h3 {{ font-size: 1.05rem; margin: 1.5rem 0 .5rem; }}
table {{ border-collapse: collapse; display: block; overflow-x: auto; }}
th, td {{ border: 1px solid light-dark(#cfd5df, #3a4150); padding: .4rem .7rem;
  text-align: start; }}
code {{ background: light-dark(#f0f2f6, #232833); border-radius: .25rem; padding: .1em .3em; }}
a {{ color: light-dark(#1a55c4, #8db4ff); }}
</style>
<header><a href="/">{business}</a></header>
<main>
<h1>{title}</h1>
{body}
</main>
</html>
"""


def article_page(article: ArticlePage, *, business: str, language: str) -> str:
    """The HTML page of an article. `language`: where the article does not say its own."""
    language = article.language or language
    return _PAGE.format(
        language=escape(language),
        direction="rtl" if language in _RIGHT_TO_LEFT else "ltr",
        title=escape(article.title),
        business=escape(business),
        body=_markdown.render(article.markdown),
    )
