"""Reads one file of a knowledge folder into articles: Markdown, HTML, PDF, CSV.

`folder.py` finds the files, `questions.py` reads the CSV, `passages.py` cuts the articles.
"""

import re
from collections.abc import Callable
from pathlib import PurePosixPath

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from selectolax.lexbor import LexborHTMLParser, LexborNode

from bot.knowledge.article import Article, Document, Section, Unreadable, article_id
from bot.knowledge.questions import read_questions

PDF_LIMIT_PAGES = 200

_markdown = MarkdownIt("commonmark").enable("table")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)


def read_document(path: PurePosixPath, data: bytes) -> Document:
    """What a file holds.

    `path` is relative to the knowledge folder; its ending chooses the format and, without the
    ending, it gives the article its id. Raises `Unreadable`.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise Unreadable(f"files ending in {path.suffix or 'nothing'} are not read")
    document = reader(path, data)
    if not document.asked and not any(s.blocks for a in document.articles for s in a.sections):
        raise Unreadable("there is no text in it")
    return document


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"byte {error.start} is not valid UTF-8; save the file as UTF-8"
        ) from error


def _read_markdown(path: PurePosixPath, data: bytes) -> Document:
    text, about = _front_matter(_text(data))
    return Document((_article_of_markdown(path, text, about),))


def _front_matter(text: str) -> tuple[str, dict[str, str]]:
    found = _FRONT_MATTER.match(text)
    if not found:
        return text, {}
    try:
        about = yaml.safe_load(found[1]) or {}
    except yaml.YAMLError as error:
        raise Unreadable(f"the front matter is not valid YAML: {error}") from error
    if not isinstance(about, dict):
        raise Unreadable("the front matter must be lines of `key: value`")
    return text[found.end() :], {str(key): str(value) for key, value in about.items()}


def _article_of_markdown(path: PurePosixPath, text: str, about: dict[str, str]) -> Article:
    sections = sections_of(text)
    title = about.get("title", "")
    tops = [s.headings[0] for s in sections if s.headings]
    if not title and tops and all(top == tops[0] for top in tops):
        title = tops[0]
    if not title:
        title = tops[0] if tops and sections[0].headings else _title_of_name(path)
    if tops and all(s.headings[:1] == (title,) for s in sections if s.headings):
        sections = [Section(s.headings[1:], s.blocks) for s in sections]
    return Article(
        id=article_id(str(path.with_suffix(""))),
        title=title,
        sections=tuple(s for s in sections if s.blocks),
        url=about.get("url", ""),
        language=about.get("language", "")[:2].lower(),
    )


def _title_of_name(path: PurePosixPath) -> str:
    words = re.sub(r"[_\-\s]+", " ", path.stem).strip()
    return words[:1].upper() + words[1:]


def sections_of(text: str) -> list[Section]:
    """Cut Markdown at its headings; every block keeps the lines as they were written."""
    lines = text.splitlines()
    sections: list[Section] = []
    path: list[tuple[int, str]] = []
    blocks: list[str] = []
    tokens = _markdown.parse(text)
    for at, token in enumerate(tokens):
        if token.level != 0 or token.map is None or token.nesting < 0:
            continue
        if token.type == "heading_open":
            if blocks or path:
                sections.append(Section(tuple(name for _, name in path), tuple(blocks)))
            blocks = []
            level = int(token.tag[1])
            path = [step for step in path if step[0] < level]
            path.append((level, _plain_inline(tokens[at + 1])))
        elif token.type not in ("hr", "html_block"):
            first, last = token.map
            block = "\n".join(lines[first:last]).strip("\n")
            if block.strip():
                blocks.append(block)
    sections.append(Section(tuple(name for _, name in path), tuple(blocks)))
    return [s for s in sections if s.blocks or s.headings]


def _plain_inline(token: Token) -> str:
    parts = [t.content for t in token.children or () if t.type in ("text", "code_inline")]
    return "".join(parts).strip()


def _read_html(path: PurePosixPath, data: bytes) -> Document:
    tree = LexborHTMLParser(_text(data))
    about = {}
    if title := tree.css_first("title"):
        about["title"] = " ".join(title.text().split())
    if (root := tree.css_first("html")) and (language := root.attributes.get("lang")):
        about["language"] = language
    if link := tree.css_first("link[rel=canonical]"):
        about["url"] = link.attributes.get("href") or ""
    heads = tree.css("h1")
    if len(heads) == 1:
        about["title"] = " ".join(heads[0].text().split())
    body = tree.css_first("main") or tree.css_first("article") or tree.body
    if body is None:
        raise Unreadable("there is no body in it")
    for noise in body.css("script, style, nav, header nav, footer, template, noscript, form, svg"):
        noise.decompose()
    blocks: list[str] = []
    _markdown_of(body, blocks)
    return Document((_article_of_markdown(path, "\n\n".join(blocks), about),))


def _markdown_of(node: LexborNode, blocks: list[str]) -> None:
    """Append the blocks under an HTML node, as Markdown."""
    inline: list[str] = []

    def flush() -> None:
        text = " ".join("".join(inline).split())
        inline.clear()
        if text:
            blocks.append(re.sub(r"^(#|>|[-+*] |\d+[.)] )", r"\\\1", text))

    for child in node.iter(include_text=True):
        tag = child.tag or "-text"
        if tag == "-text":
            inline.append(child.text(deep=False) or "")
        elif re.fullmatch(r"h[1-6]", tag):
            flush()
            blocks.append("#" * int(tag[1]) + " " + " ".join(child.text().split()))
        elif tag in ("ul", "ol"):
            flush()
            blocks.append(_list_of(child, ordered=tag == "ol"))
        elif tag == "table":
            flush()
            blocks.append(_table_of(child))
        elif tag == "pre":
            flush()
            blocks.append("```\n" + child.text().strip("\n") + "\n```")
        elif tag == "br":
            inline.append(" ")
        elif tag in _INLINE:
            inline.append(_inline_of(child))
        else:
            flush()
            _markdown_of(child, blocks)
    flush()


_INLINE = frozenset(
    [
        "a",
        "abbr",
        "b",
        "bdi",
        "cite",
        "code",
        "em",
        "i",
        "kbd",
        "mark",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "time",
        "u",
        "var",
    ]
)
_MARKS = {"b": "**", "strong": "**", "code": "`", "kbd": "`", "samp": "`"}


def _inline_of(node: LexborNode) -> str:
    text = node.text()
    mark = _MARKS.get(node.tag or "", "")
    bare = text.strip()
    if node.tag == "a" and (target := node.attributes.get("href")) and bare:
        return f"[{' '.join(bare.split())}]({target})"
    return text.replace(bare, f"{mark}{bare}{mark}") if mark and bare else text


def _list_of(node: LexborNode, *, ordered: bool) -> str:
    items = [" ".join(item.text(separator=" ").split()) for item in node.css("li")]
    return "\n".join(f"{n}. {t}" if ordered else f"- {t}" for n, t in enumerate(items, 1) if t)


def _table_of(node: LexborNode) -> str:
    rows = [
        [" ".join(cell.text(separator=" ").split()).replace("|", "/") for cell in row.css("th, td")]
        for row in node.css("tr")
    ]
    return table([row for row in rows if any(row)])


def table(rows: list[list[str]]) -> str:
    """A Markdown table; the first row is its head."""
    if not rows:
        return ""
    width = max(map(len, rows))
    rows = [row + [""] * (width - len(row)) for row in rows]
    head, *rest = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + " --- |" * width, *rest])


def _read_pdf(path: PurePosixPath, data: bytes) -> Document:
    from models.errors import MediaError
    from models.pdf import read_pdf

    try:
        pages = read_pdf(data, PDF_LIMIT_PAGES)
    except MediaError as error:
        reasons = {"pdf_password": "it asks for a password; save it without one"}
        raise Unreadable(reasons.get(error.code, "it is damaged, or no PDF")) from error
    return Document((_article_of_markdown(path, _markdown_of_pages(pages), {}),))


def _markdown_of_pages(pages: list[str]) -> str:
    """Guess headings and paragraphs from the bare lines of a PDF.

    A line is a heading if it is short, begins with a capital or a number, does not end a sentence
    and is followed by longer text; lines that stand on most pages are headers and footers.
    """
    lines_of_page = [[line.strip() for line in page.splitlines()] for page in pages]
    seen = [set(lines) for lines in lines_of_page]
    repeated = {
        line
        for line in set().union(*seen)
        if line and len(pages) > 2 and sum(line in page for page in seen) > len(pages) / 2
    }
    lines = [
        line
        for page in lines_of_page
        for line in page
        if line not in repeated and not re.fullmatch(r"(page\s*)?\d+(\s*(of|/)\s*\d+)?", line, re.I)
    ]
    out: list[str] = []
    for at, line in enumerate(lines):
        following = next((later for later in lines[at + 1 :] if later), "")
        if _looks_like_heading(line, following, previous=out[-1] if out else ""):
            out += ["", ("# " if not any(o.startswith("#") for o in out) else "## ") + line, ""]
        else:
            item = re.match(r"[•·▪●–]\s*(.*)", line)
            out.append(f"- {item[1]}" if item else line)
    return "\n".join(out)


def _looks_like_heading(line: str, following: str, *, previous: str) -> bool:
    return (
        0 < len(line) <= 70
        and len(line.split()) <= 10
        and line[-1] not in ".,;:!"
        and (line[0].isupper() or line[0].isdigit())
        and not re.match(r"\d+[.)]\s.*\w", line)
        and (not previous or previous[-1] in ".!?:" or previous.startswith("#"))
        and len(following) > len(line)
    )


def _read_csv(path: PurePosixPath, data: bytes) -> Document:
    return read_questions(path, _text(data))


READERS: dict[str, Callable[[PurePosixPath, bytes], Document]] = {
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".html": _read_html,
    ".htm": _read_html,
    ".pdf": _read_pdf,
    ".csv": _read_csv,
}
"""Which endings are read, and how."""
