"""`python -m benchmarks.languages`: what the knowledge answers where its encoder knows no word.

A small shop's articles in each language (`tests/bot/knowledge/shops`), and questions that were held
out while the desk was made; the embedded encoder knows English alone, so it goes by words.
"""

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure
from bot.knowledge import Answered, Competing, Finding, Knowledge, Nothing, Query, ingest
from models.minilm import MiniLM

SHOPS = Path(__file__).resolve().parent.parent / "tests" / "bot" / "knowledge" / "shops"
DEVELOPED_ON = 1
"""So many of the questions for each article were looked at, the first ones."""
OUTSIDE_DEVELOPED_ON = 2


def write_shop(language: str, folder: Path) -> dict[str, Any]:
    """A shop's articles as files of a folder; gives all that is known of the shop."""
    shop: dict[str, Any] = yaml.safe_load((SHOPS / f"{language}.yaml").read_text("utf-8"))
    for name, article in shop["articles"].items():
        (folder / f"{name}.md").write_text(f"# {article['title']}\n\n{article['text']}", "utf-8")
    return shop


def questions(shop: dict[str, Any], *, held_out: bool) -> tuple[list[tuple[str, str]], list[str]]:
    """The article that is asked for and the question; and what no article answers."""
    which = slice(DEVELOPED_ON, None) if held_out else slice(DEVELOPED_ON)
    elsewhere = slice(OUTSIDE_DEVELOPED_ON, None) if held_out else slice(OUTSIDE_DEVELOPED_ON)
    asked = [
        (name, question)
        for name, article in shop["articles"].items()
        for question in article["asked"][which]
    ]
    return asked, shop["outside"][elsewhere]


async def _figures(language: str, encoder: MiniLM, *, held_out: bool) -> list[Figure]:
    with tempfile.TemporaryDirectory() as root:
        folder, index = Path(root) / "knowledge", Path(root) / "index"
        folder.mkdir()
        shop = write_shop(language, folder)
        ingest(folder, index, encoder)
        knowledge = Knowledge.open(index, encoder)

    async def found(question: str) -> Finding:
        return await knowledge.consult(Query(typed=question, language=language))

    asked, outside = questions(shop, held_out=held_out)
    findings = [(name, await found(question)) for name, question in asked]
    elsewhere = [await found(question) for question in outside]
    await knowledge.close()
    first = sum(_articles(finding)[:1] == [name] for name, finding in findings)
    right = sum(isinstance(f, Answered) and _articles(f)[0] == name for name, f in findings)
    wrong = sum(isinstance(f, Answered) and _articles(f)[0] != name for name, f in findings)
    offered = sum(
        isinstance(f, Competing) and name in [str(o.article) for o in f.options]
        for name, f in findings
    )
    said = sum(isinstance(finding, Answered) for finding in elsewhere)
    silent = sum(isinstance(finding, Nothing) for finding in elsewhere)
    of = len(findings)

    def share(what: str, count: int, of: int = of) -> Figure:
        return Figure(f"{language}, {of} questions: {what}", round(100 * count / of, 1), "%")

    return [
        share("right article first", first),
        share("answered rightly", right),
        share("asked back with the right one among them", offered),
        share("answered wrongly", wrong),
        share("“I don't know” outside", silent, len(outside)),
        share("answered outside", said, len(outside)),
    ]


def _articles(finding: Finding) -> list[str]:
    return list(dict.fromkeys(str(hit.passage.article) for hit in finding.hits))


def measure(folder: Path, *, held_out: bool = True) -> list[Figure]:
    """All figures; `folder` is not used."""
    encoder = MiniLM()
    return [
        figure
        for language in sorted(path.stem for path in SHOPS.glob("*.yaml"))
        for figure in asyncio.run(_figures(language, encoder, held_out=held_out))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--develop", action="store_true", help="the questions that were looked at")
    table = Table("figure", "measured")
    for figure in measure(Path(), held_out=not parser.parse_args().develop):
        table.add_row(figure.name, figure.shown)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
