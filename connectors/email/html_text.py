"""The text of an HTML mail, and which pictures stand in what was newly written."""

import re
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

MOST_CHARS = 1_000_000
MOST_NODES = 50_000
"""What comes after is left out: no person wrote it."""
_DEEPEST = 200
_DEEPEST_PARSED = 2_000
"""The parser's time grows with the square of the depth."""
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*(/?)>")
_EARLIER = (
    "blockquote[type=cite]",  # Apple Mail, Thunderbird
    ".gmail_quote:not(.gmail_quote_forwarded)",
    ".gmail_attr",
    ".gmail_signature",
    ".moz-cite-prefix",
    ".moz-signature",
    ".yahoo_quoted",
    ".protonmail_quote",
    "#mail-editor-reference-message-container",  # Outlook for phones
    "#OLK_SRC_BODY_SECTION",  # Outlook for Mac
)
"""What holds earlier mails and signatures, as the programs that write it mark it."""
_FROM_HERE_ON = ("#appendonsend", "#divRplyFwdMsg", "#x_divRplyFwdMsg", "hr#stopSpelling")
"""Marks after which all is an earlier mail: Outlook."""
_SILENT = frozenset({"head", "style", "script", "title", "template", "noscript", "svg", "object"})


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_BLOCKS = _set(
    "address article aside blockquote body center dd div dl dt fieldset figure footer form h1 h2 "
    "h3 h4 h5 h6 header hr html li main nav ol p pre section table tbody tr ul"
)
_VOID = _set("area base br col embed hr img input link meta source track wbr")
_APART = _set("p ul ol table blockquote pre h1 h2 h3 h4 h5 h6")
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|mso-hide\s*:\s*all"
)


class Page(NamedTuple):
    text: str
    cids: frozenset[str]
    """Content-IDs of the pictures that it shows."""


def read_html(html: str, *, forwarded: bool = False) -> Page:
    """The text of a mail, a line for each line that is shown. Earlier mails that are marked as such
    are left out, unless the mail passes one on (`forwarded`)."""
    html = html[:MOST_CHARS]
    if _depth(html) > _DEEPEST_PARSED:
        return Page(" ".join(unescape(_TAG.sub(" ", html)).split()), frozenset())
    tree = LexborHTMLParser(html)
    if not forwarded:
        for selector in _EARLIER:
            for node in tree.css(selector):
                node.decompose()
        for selector in _FROM_HERE_ON:
            for node in tree.css(selector):
                _cut_from(node)
    writing = _Writing()
    if tree.body is not None:
        writing.take(tree.body)
    return Page(writing.text(), frozenset(writing.cids))


def _depth(html: str) -> int:
    """How deep the elements are nested at most, as if each that is opened had to be closed."""
    depth = deepest = 0
    for match in _TAG.finditer(html):
        if match[2].lower() not in _VOID and not match[3]:
            depth = max(0, depth - 1) if match[1] else depth + 1
            deepest = max(deepest, depth)
    return deepest


def _cut_from(node: LexborNode) -> None:
    """Remove a node and all that follows it among its siblings."""
    following = list(_siblings(node))
    for each in (*following, node):
        each.decompose()


def _siblings(node: LexborNode) -> Iterator[LexborNode]:
    after = node.next
    while after is not None:
        yield after
        after = after.next


class _Writing:
    def __init__(self) -> None:
        self.cids: set[str] = set()
        self._lines: list[str] = [""]
        self._nodes = 0

    def text(self) -> str:
        lines = "\n".join(line.strip() for line in self._lines)
        return re.sub(r"\n{3,}", "\n\n", lines).strip()

    def take(self, node: LexborNode, depth: int = 0) -> None:
        self._nodes += 1
        tag = node.tag or ""
        if depth > _DEEPEST or self._nodes > MOST_NODES or tag in _SILENT or _is_hidden(node):
            return
        if tag == "-text":
            self._words(node.text_content or "")
            return
        if tag == "br":
            self._lines.append("")
            return
        if tag == "img":
            self._picture(node)
            return
        self._border(tag)
        if tag == "li":
            self._words("- ")
        for child in node.iter(include_text=True):
            self.take(child, depth + 1)
        if tag == "a":
            self._address(node)
        self._border(tag)
        if tag in ("td", "th"):
            self._words(" ")

    def _border(self, tag: str) -> None:
        """What stands on both sides of an element that is a line or a paragraph of its own."""
        if tag in _BLOCKS and self._lines[-1].strip():
            self._lines.append("")
        if tag in _APART and len(self._lines) > 1 and self._lines[-2].strip():
            self._lines.append("")

    def _words(self, text: str) -> None:
        words = re.sub(r"[ \t\r\n\f]+", " ", text)
        line = self._lines[-1]
        self._lines[-1] = line + (words.lstrip() if not line or line.endswith(" ") else words)

    def _picture(self, node: LexborNode) -> None:
        source = node.attributes.get("src") or ""
        if source.startswith("cid:"):
            self.cids.add(source.removeprefix("cid:"))

    def _address(self, node: LexborNode) -> None:
        """Where a link leads, if its words do not say."""
        href = (node.attributes.get("href") or "").strip()
        words = node.text(deep=True).strip() if self._nodes < MOST_NODES // 10 else ""
        if href.startswith(("https://", "http://")) and words and href.rstrip("/") not in words:
            bare = href.partition("://")[2].rstrip("/")
            if bare not in words and len(href) <= 200:
                self._words(f" ({href})")


def _is_hidden(node: LexborNode) -> bool:
    if (node.tag or "").startswith("-"):
        return False
    style = node.attributes.get("style") or ""
    return bool(style) and bool(_HIDDEN.search(style[:500].casefold()))
