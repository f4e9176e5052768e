"""`frontdesk explain`: how an answer came about."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.project import HERE, Project, load_project, open_store
from bot.errors import OperatorError

if TYPE_CHECKING:
    from rich.tree import Tree

    from bot.config import Config

_PLACES = 5
_REGIONS = 3


def explain(
    conversation: Annotated[
        str, typer.Argument(metavar="CONVERSATION", help="Its id: `con_…`, as `ask` prints it.")
    ],
    turn: Annotated[
        str,
        typer.Argument(
            metavar="TURN", help="One turn's number; the newest without.", show_default=False
        ),
    ] = "",
    project: Project = HERE,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole trace.")] = False,
) -> None:
    """Show how an answer came about: heard, read, searched, decided, and the milliseconds.

    Example: `frontdesk explain con_4fKq9sVb2LxT0aRe 3`
    """
    config = load_project(project)
    trace = asyncio.run(_trace(config, conversation, turn))
    if as_json:
        import json

        typer.echo(json.dumps(trace, ensure_ascii=False, indent=2))
        return
    from rich.console import Console

    Console(highlight=False).print(tree_of(trace))


async def _trace(config: "Config", conversation: str, turn: str) -> dict[str, Any]:
    import msgspec

    from bot.calls.summaries import kept_summaries
    from bot.history import History
    from bot.messages import ConversationId, Reply, TurnId
    from bot.people import People

    async with open_store(config) as store:
        history = History(
            store, People(store, 1), keep_s=1, keep_entries=config.history.keep_messages
        )
        entries = await history.entries(ConversationId(conversation))
        replies = [entry.item for entry in entries if isinstance(entry.item, Reply)]
        turns = [reply.turn for reply in replies if reply.turn]
        if not turns:
            raise OperatorError(
                f"no answer is remembered in a conversation {conversation!r}",
                remedy="its id is in the log line of each turn, and in what `frontdesk ask` prints",
            )
        stored = await history.trace(ConversationId(conversation), TurnId(turn or turns[-1]))
        if stored is None:
            raise OperatorError(
                f"{conversation} has no turn {turn}", remedy=f"its turns: {', '.join(turns)}"
            )
        calls = await kept_summaries(store, ConversationId(conversation))
    trace: dict[str, Any] = msgspec.json.decode(stored)
    trace["calls"] = msgspec.to_builtins(calls)
    if trace.get("recognised"):
        trace["attribution"] = await _attribution(config, trace["recognised"])
    return trace


async def _attribution(config: "Config", recognised: dict[str, Any]) -> Any:
    """What each word, line and region did; None if the version that decided is gone."""
    import msgspec

    from bot.cli.train import versions_of
    from bot.engines import maker
    from bot.explanation import explain
    from bot.media import MediaStore
    from bot.opening import perception_of
    from bot.recognition import Recognised
    from models.errors import ModelError
    from models.understanding.predictor import Predictor

    found = msgspec.convert(recognised, Recognised)
    encoder = maker(config.text_encoder, config.device)()
    try:
        predictor = Predictor(versions_of(config).path(found.version), encoder)
    except ModelError:
        return None
    perception = perception_of(config, MediaStore(config.media_place, options=config.media.options))
    try:
        return msgspec.to_builtins(await explain(predictor, found, perception))
    finally:
        await perception.close()


def tree_of(trace: dict[str, Any]) -> "Tree":
    """A trace as a tree to be read from top to bottom."""
    from rich.tree import Tree

    spent = trace.get("milliseconds", {})
    root = Tree(
        f"[bold]Turn {trace['turn']}[/] of {trace['conversation']} on {trace['channel']} "
        f"[dim]{_ms(spent.get('total'))}[/]"
    )
    _add_messages(root, trace)
    _add_perceived(root, trace, spent)
    _add_understanding(root, trace, spent)
    _add_recognised(root, trace)
    _add_search(root, trace)
    _add_decision(root, trace, spent)
    _add_calls(root, trace)
    steps = root.add("[bold]Time[/]")
    for name, value in spent.items():
        steps.add(f"{name} [dim]{_ms(value)}[/]")
    for name, value in trace.get("prepared", {}).get("milliseconds", {}).items():
        steps.add(f"{name}, in the caller's pause [dim]{_ms(value)}[/]")
    if trace.get("waited_ms"):
        steps.add(f"waited before it began [dim]{_ms(trace['waited_ms'])}[/]")
    return root


def _add_messages(root: "Tree", trace: dict[str, Any]) -> None:
    branch = root.add("[bold]Received[/]")
    for message in trace.get("messages", ()):
        files = len(message["attachments"])
        beside = f" [dim]+ {files} attachment{'s' if files > 1 else ''}[/]" if files else ""
        branch.add(f"[dim]{message['seq']}[/] {_words(message['text'])}{beside}")


def _add_perceived(root: "Tree", trace: dict[str, Any], spent: dict[str, float]) -> None:
    seen = trace.get("perceived") or ()
    if not seen:
        return
    branch = root.add(f"[bold]Heard and read[/] [dim]{_ms(spent.get('perception'))}[/]")
    for facts in seen:
        steps = ", ".join(f"{name} {_ms(value)}" for name, value in facts["milliseconds"].items())
        one = branch.add(f"{facts['kind']} {facts['attachment']} [dim]{steps}[/]")
        for name in ("said", "shown", "language", "confidence", "problem"):
            if facts.get(name):
                one.add(f"{name}: {_words(facts[name])}")


def _add_understanding(root: "Tree", trace: dict[str, Any], spent: dict[str, float]) -> None:
    facts = trace.get("understanding")
    if facts:
        branch = root.add(f"[bold]Understood[/] [dim]{_ms(spent.get('understanding'))}[/]")
        for name, value in facts.items():
            if value not in ("", None):
                branch.add(f"{name}: {_words(value)}")


def _add_recognised(root: "Tree", trace: dict[str, Any]) -> None:
    facts = trace.get("recognised")
    if not facts:
        return
    branch = root.add(f"[bold]Recognised[/] [dim]by version {_words(facts['version'])}[/]")
    for ranked in facts["intents"][:3]:
        branch.add(f"{ranked['probability']:.2f} {_words(ranked['name'])}")
    branch.add(f"{facts['out_of_scope']:.2f} out of scope")
    if len(facts["several"]) > 1:
        branch.add(f"several: {_words(', '.join(each['name'] for each in facts['several']))}")
    branch.add(
        f"urgency {facts['urgency']:.2f}, sentiment {facts['sentiment']:+.2f}, "
        f"wants a person {facts['wants_person']:.2f}"
    )
    why = trace.get("attribution")
    if not why:
        for name, value in facts["shares"].items():
            branch.add(f"{name} {value:+.2f}")
        return
    one = branch.add(f"why {_words(why['intent'])}, {why['probability']:.2f}")
    for share in why["modalities"]:
        one.add(f"{share['name']} {_signed(share['value'])}")
    if why["words"]:
        told = (f"{_words(word['name'])} {_signed(word['value'])}" for word in why["words"])
        one.add(f"words: {' · '.join(told)}")
    _add_places(one, why)


def _add_places(branch: "Tree", why: dict[str, Any]) -> None:
    """The lines of pictures and documents, and the regions of pictures, that mattered most."""
    names = [picture["attachment"] for picture in why["pictures"]]

    def told(where: str, picture: str | None) -> str:
        if picture is None:
            return ""
        beside = f" of picture {names.index(picture) + 1}" if len(names) > 1 else ""
        return f"{where}{beside}"

    lines = sorted(why["lines"], key=lambda each: -abs(each["value"]))[:_PLACES]
    if lines:
        shown = branch.add("lines that were read")
        for line in lines:
            parts = (f"“{_words(line['line']['text'])}”", told(line["where"], line["picture"]))
            shown.add(f"{', '.join(filter(None, parts))}, {_signed(line['value'])}")
    for picture in why["pictures"]:
        telling = [each for each in picture["regions"] if _signed(each["value"]) != "0.00"]
        regions = sorted(telling, key=lambda each: -abs(each["value"]))[:_REGIONS]
        if regions:
            each = (f"{region['where']} {_signed(region['value'])}" for region in regions)
            of = told("regions", picture["attachment"])
            branch.add(f"{of} that mattered: {', '.join(each)}")


def _add_search(root: "Tree", trace: dict[str, Any]) -> None:
    hits = (trace.get("search") or {}).get("hits")
    if hits is None:
        return
    branch = root.add("[bold]Searched[/]")
    if not hits:
        branch.add("nothing was found")
    for hit in hits:
        parts = ", ".join(f"{name} {value:g}" for name, value in hit["parts"].items())
        heading = " › ".join([hit["title"], *hit["headings"]])
        branch.add(f"{hit['score']:.3f} {_words(heading)} [dim]{hit['article']} ({parts})[/]")


def _add_decision(root: "Tree", trace: dict[str, Any], spent: dict[str, float]) -> None:
    facts = trace.get("decision", {})
    branch = root.add(
        f"[bold]Decided[/] {facts.get('kind')}: {_words(facts.get('why'))} "
        f"[dim]{_ms(spent.get('policy'))}[/]"
    )
    for article in facts.get("articles", ()):
        branch.add(f"cites {_words(article)}")


def _add_calls(root: "Tree", trace: dict[str, Any]) -> None:
    for summary in trace.get("calls", ()):
        when = time.strftime("%d %b %H:%M", time.localtime(summary["began_at"]))
        by = f", in the words of {_words(summary['assistant'])}" if "assistant" in summary else ""
        branch = root.add(f"[bold]Call[/] of {when}, {summary['seconds']:.0f} s [dim]{by}[/]")
        for line in summary["text"].splitlines():
            branch.add(_words(line))


def _words(value: object) -> str:
    from rich.markup import escape

    return escape(str(value))


def _signed(share: float) -> str:
    told = f"{share:+.2f}"
    return "0.00" if told[1:] == "0.00" else told


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} ms"
