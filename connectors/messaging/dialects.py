"""How each app writes what Markdown says: bold, links, lists, code."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import quote as percent_encoded

from connectors.messaging.document import ROW, Block, Kind, Run
from connectors.messaging.gsm import plain


@dataclass(frozen=True)
class Dialect:
    """The marks of one app."""

    escape: Callable[[str], str]
    """Makes words harmless that would be taken for marks."""
    bold: tuple[str, str] = ("", "")
    italic: tuple[str, str] = ("", "")
    struck: tuple[str, str] = ("", "")
    code: tuple[str, str] = ("", "")
    code_block: tuple[str, str] = ("", "")
    escape_code: Callable[[str], str] | None = None
    """The same within code; None: as elsewhere."""
    quote: tuple[str, str] = ("> ", "")
    link: Callable[[str, str], str] | None = None
    """Words and address, both escaped, as a link; None: the address stands behind the words."""
    bullet: str = "•"

    def write(self, block: Block) -> str:
        """One block as the app wants it, without the empty line before the next."""
        if block.kind is Kind.CODE:
            opening, closing = self.code_block
            code = _without_fences(block.text) if _FENCE in closing else block.text
            return f"{opening}{self._code(code)}{closing}"
        words = "".join(map(self._run, _bold(block.runs) if _is_title(block) else block.runs))
        if block.kind is Kind.ITEM:
            marker = self.bullet if block.marker == "-" else block.marker
            indent = "   " * block.depth
            return f"{indent}{marker} {words}" if block.marker else f"{indent}   {words}"
        if block.kind is Kind.QUOTE:
            opening, closing = self.quote
            if closing:
                return f"{opening}{words}{closing}"
            return "\n".join(f"{opening}{line}" for line in words.split("\n"))
        return words

    def _code(self, text: str) -> str:
        return (self.escape_code or self.escape)(text)

    def _run(self, run: Run) -> str:
        body = run.text.strip()
        if not body:
            return run.text
        # Marks touch their words: `*bold *` is shown as it is by most apps.
        lead, tail = run.text.split(body, 1)
        leads_somewhere = run.href.startswith(("http://", "https://", "mailto:", "tel:"))
        if leads_somewhere and self.link:
            return f"{lead}{self._styled(self.link(self.escape(body), run.href), run)}{tail}"
        if leads_somewhere and run.bare:
            return run.text
        if run.code and not ("`" in body and "`" in self.code):
            # Code has no other style: most apps would show its marks.
            words = f"{self.code[0]}{self._code(body)}{self.code[1]}"
        else:
            words = self._styled(self.escape(body), run)
        where = run.href.removeprefix("mailto:").removeprefix("tel:")
        return f"{lead}{words}{f' ({where})' if leads_somewhere else ''}{tail}"

    def _styled(self, words: str, run: Run) -> str:
        for wanted, (opening, closing) in (
            (run.struck, self.struck),
            (run.italic, self.italic),
            (run.bold, self.bold),
        ):
            if wanted:
                words = f"{opening}{words}{closing}"
        return words


_FENCE = "```"


def _is_title(block: Block) -> bool:
    return block.kind is Kind.HEADING


def _bold(runs: tuple[Run, ...]) -> tuple[Run, ...]:
    return tuple(replace(run, bold=True) for run in runs)


def _without_fences(code: str) -> str:
    """Three backticks would end the code around them; a space of no width parts them."""
    return code.replace(_FENCE, f"``{_INVISIBLE}`")


def _as_it_is(text: str) -> str:
    return text


def _html_link(words: str, href: str) -> str:
    return f'<a href="{html.escape(href)}">{words}</a>'


def _slack_escape(text: str) -> str:
    return _apart(_slack_code(text))


def _slack_code(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _slack_link(words: str, href: str) -> str:
    where = _slack_code(href).replace("|", "%7C")
    if words == _slack_escape(href):
        return f"<{where}>"
    label = words.replace("|", "¦").replace("\n", " ")
    return f"<{where}|{label}>"


_MARKDOWN_MARKS = re.compile(r"[\\*_~`|\[\]<>&]|^(?:[-+#=]|\d{1,9}(?=[.)]))", re.MULTILINE)


def _markdown_escape(text: str) -> str:
    return _MARKDOWN_MARKS.sub(_escaped, text)


def _escaped(mark: re.Match[str]) -> str:
    # Of a number at the start of a line the sign behind it is what makes a list.
    return f"{mark[0]}\\" if mark[0].isdigit() else f"\\{mark[0]}"


def _markdown_link(words: str, href: str) -> str:
    where = re.sub(r"[<>\\\s]", lambda sign: percent_encoded(sign[0]), href)
    if words == _markdown_escape(href):
        return f"<{where}>"
    return f"[{words}](<{where}>)"


_INVISIBLE = "\u200b"
_SPACED_MARKS = re.compile(r"(?<!\w)([*_~`])(?=\S)|(?<=\S)([*_~`])(?!\w)")


def _apart(text: str) -> str:
    """Marks of apps that know no escape are kept from their words by a space of no width."""
    return _SPACED_MARKS.sub(lambda match: f"{_INVISIBLE}{match[0]}{_INVISIBLE}", text)


def _html(text: str) -> str:
    return html.escape(text, quote=False)


PLAIN = Dialect(_as_it_is)
"""Words alone: LINE, Messenger, Instagram, WeChat."""

SMS = Dialect(plain, bullet="-")
"""Words alone, in signs that make an SMS no longer than it has to be."""

TELEGRAM_HTML = Dialect(
    _html,
    bold=("<b>", "</b>"),
    italic=("<i>", "</i>"),
    struck=("<s>", "</s>"),
    code=("<code>", "</code>"),
    code_block=("<pre>", "</pre>"),
    quote=("<blockquote>", "</blockquote>"),
    link=_html_link,
)
"""https://core.telegram.org/bots/api#html-style"""

WHATSAPP = Dialect(
    _apart,
    bold=("*", "*"),
    italic=("_", "_"),
    struck=("~", "~"),
    code=("`", "`"),
    code_block=("```\n", "\n```"),
    escape_code=_as_it_is,
    bullet="-",
)
"""https://faq.whatsapp.com/539178204879377"""

SLACK = Dialect(
    _slack_escape,
    bold=("*", "*"),
    italic=("_", "_"),
    struck=("~", "~"),
    code=("`", "`"),
    code_block=("```\n", "\n```"),
    escape_code=_slack_code,
    link=_slack_link,
)
"""mrkdwn: https://docs.slack.dev/messaging/formatting-message-text"""

MARKDOWN = Dialect(
    _markdown_escape,
    bold=("**", "**"),
    italic=("*", "*"),
    struck=("~~", "~~"),
    code=("`", "`"),
    code_block=("```\n", "\n```"),
    escape_code=_as_it_is,
    link=_markdown_link,
    bullet="-",
)
"""Discord and Teams: https://support.discord.com/hc/articles/210298617"""

VIBER = Dialect(
    _apart,
    bold=("*", "*"),
    italic=("_", "_"),
    struck=("~", "~"),
    code=("", ""),
    code_block=("```", "```"),
    escape_code=_as_it_is,
)
"""https://developers.viber.com/docs/api/rest-bot-api/#text-message"""

EMAIL_HTML = Dialect(
    _html,
    bold=("<strong>", "</strong>"),
    italic=("<em>", "</em>"),
    struck=("<s>", "</s>"),
    code=("<code>", "</code>"),
    code_block=("<pre>", "</pre>"),
    quote=("<blockquote>", "</blockquote>"),
    link=_html_link,
)
"""For the HTML part of a mail."""


def is_tight(before: Block, after: Block) -> bool:
    """Whether the second of two blocks follows in the next line, without an empty one between."""
    return after.tight and (before.kind is Kind.ITEM or before.marker == ROW)
