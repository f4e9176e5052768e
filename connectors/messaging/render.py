"""From a reply to what an app can show: texts in its dialect, choices, a recording."""

import msgspec

from bot.messages import Attachment, Citation, Reply
from bot.texts import say
from connectors.messaging.capabilities import Capabilities, Unit
from connectors.messaging.document import ROW, Block, Kind, Run, read_markdown
from connectors.messaging.split import split


class Text(msgspec.Struct, frozen=True):
    """One message of words."""

    text: str
    """In the app's dialect, within its limit."""
    choices: tuple[str, ...] = ()
    """Buttons or rows under it; each sends its own words back."""
    locale: str = "en"
    """Language of what a channel has to say beside it (`choice_hint`)."""
    citations: tuple[Citation, ...] = ()
    """The articles that the reply rests on, where the app shows them its own way."""


class Voice(msgspec.Struct, frozen=True):
    """One recording."""

    attachment: Attachment


Part = Text | Voice


def render(reply: Reply, can: Capabilities, public_url: str = "") -> tuple[Part, ...]:
    """What the customer is sent, in order; at least one text.

    `public_url`: the desk's address without a path, for links to articles; without one, articles
    are named and not linked.
    """
    blocks = [*read_markdown(reply.text)]
    if not can.citations:
        blocks += _sources(reply, public_url)
    # Some apps refuse two buttons of the same words.
    buttons = _fitting_choices(tuple(dict.fromkeys(reply.suggestions)), can)
    if reply.suggestions and not buttons:
        blocks += _numbered(reply.suggestions)
    parts = _texts(blocks, buttons, can, reply.locale)
    if can.citations and reply.citations:
        cited = tuple(dict.fromkeys(reply.citations))
        parts = (*parts[:-1], msgspec.structs.replace(parts[-1], citations=cited))
    for speech in reply.speech:
        if can.voice and speech.media_type.partition(";")[0] == can.voice:
            return (*parts, Voice(speech))
    return parts


def choice_hint(locale: str) -> str:
    """What opens the list where choices are behind a button."""
    return say("choose", locale)


def _texts(
    blocks: list[Block], buttons: tuple[str, ...], can: Capabilities, locale: str
) -> tuple[Text, ...]:
    limit = can.text_limit
    texts = split(blocks, can.dialect, limit, can.unit.length)
    below = can.choices_text_limit or limit
    if buttons and texts and can.unit.length(texts[-1]) > below:
        # The last words stand with the buttons, within what the app allows there.
        texts = split(blocks, can.dialect, below, can.unit.length)
    return tuple(
        Text(text, buttons if number == len(texts) - 1 else (), locale=locale)
        for number, text in enumerate(texts)
    )


def _fitting_choices(suggestions: tuple[str, ...], can: Capabilities) -> tuple[str, ...]:
    """The suggestions as they go onto buttons; none where one does not fit, for a question cut
    short may mean another."""
    # Where texts are limited in bytes, what stands on a button still is limited in characters.
    measure = len if can.unit is Unit.BYTES else can.unit.length
    short = all(measure(each) <= can.choice_chars for each in suggestions)
    return suggestions if short and len(suggestions) <= can.choices else ()


def _numbered(suggestions: tuple[str, ...]) -> list[Block]:
    return [
        Block(Kind.ITEM, (Run(text),), marker=f"{number}.", tight=number > 1)
        for number, text in enumerate(suggestions, 1)
    ]


def _sources(reply: Reply, public_url: str) -> list[Block]:
    """The articles that the reply rests on, a line each."""
    blocks: list[Block] = []
    for citation in dict.fromkeys(reply.citations):
        path = citation.url
        absolute = f"{public_url}{path}" if path.startswith("/") and public_url else ""
        href = path if path.startswith("https://") else absolute
        runs = (Run("→ "), Run(citation.title, italic=True, href=href))
        blocks.append(Block(Kind.PARAGRAPH, runs, ROW, tight=bool(blocks)))
    return blocks
