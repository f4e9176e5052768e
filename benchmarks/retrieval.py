"""`python -m benchmarks.retrieval [--only NAME]`: does the knowledge find what was asked about?

- `example`: the example shop's held-out questions, and questions outside its business.
- `rho_bank`: long instructions and the about ten documents each needs, of 698 (τ²-bench).
- `spoken_faq`: a recogniser's transcript of a conversation and the one of 12 039 questions it comes
  to; only what was said before tells of which of 668 places (DSTC10, track 2).

The last two lie beside the repository, in `../shared/data`, and are left out where they are absent.
No weight was fitted on the held-out questions; see docs/knowledge.md, Figures.
"""

import argparse
import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure
from bot.knowledge import Answered, Article, Finding, Knowledge, Nothing, Query, Said, ingest
from bot.knowledge.article import Section
from bot.knowledge.documents import sections_of
from bot.knowledge.encoding import encoded
from bot.knowledge.index import FORMAT, Index, Manifest
from bot.knowledge.passages import passages_of
from bot.messages import ArticleId
from models.minilm import MiniLM
from models.text_encoder import TextEncoder

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared" / "data"
EXAMPLE = REPOSITORY / "examples" / "voltaro"


@dataclass(frozen=True)
class Case:
    """A query and what it is to find: ids of articles, or of passages in `spoken_faq`."""

    id: str
    kind: str
    query: Query
    wanted: frozenset[str]


def build_index(articles: list[Article], encoder: TextEncoder) -> Index:
    """An index in memory."""
    passages = [passage for article in articles for passage in passages_of(article)]
    return encoded(passages, [], Manifest(FORMAT, encoder.name, {}), encoder)[0]


def rho_bank(encoder: TextEncoder) -> tuple[Index, list[Case]]:
    """The bank's documents, and its scenarios with the documents each requires."""
    articles = []
    for file in sorted((SHARED / "rho_bank" / "documents").glob("*.json")):
        document = json.loads(file.read_text("utf-8"))
        sections = tuple(s for s in sections_of(document["content"]) if s.blocks)
        articles.append(Article(ArticleId(document["id"]), document["title"], sections))
    cases = []
    for file in sorted((SHARED / "rho_bank" / "tasks").glob("*.json")):
        task = json.loads(file.read_text("utf-8"))
        query = Query(typed=task["user_scenario"]["instructions"])
        cases.append(Case(task["id"], "task", query, frozenset(task["required_documents"])))
    return build_index(articles, encoder), cases


def spoken_faq(encoder: TextEncoder) -> tuple[Index, list[Case]]:
    """An article for each place with its questions as headings; the turns that need one."""
    folder = SHARED / "spoken_faq"
    knowledge = json.loads((folder / "knowledge.json").read_text("utf-8"))
    articles = []
    passage_ids: dict[tuple[str, str, str], str] = {}
    for domain, places in knowledge.items():
        for key, place in places.items():
            article = ArticleId(f"{domain}.{key}")
            documents = place["docs"].items()
            for number, (document, _) in enumerate(documents):
                passage_ids[domain, key, document] = f"{article}#{number}"
            sections = tuple(Section((d["title"],), (d["body"],)) for _, d in documents)
            articles.append(Article(article, place["name"] or domain, sections))
    logs = json.loads((folder / "logs.json").read_text("utf-8"))
    labels = json.loads((folder / "labels.json").read_text("utf-8"))
    cases = []
    for number, (turns, label) in enumerate(zip(logs, labels, strict=True)):
        if not label["target"]:
            continue
        said = [Said("customer" if t["speaker"] == "U" else "desk", t["text"]) for t in turns]
        query = Query(said=said[-1].text, history=tuple(said[:-1]))
        wanted = frozenset(
            passage_ids[k["domain"], str(k["entity_id"]), str(k["doc_id"])]
            for k in label["knowledge"]
        )
        cases.append(Case(str(number), "spoken", query, wanted))
    return build_index(articles, encoder), cases


def example_cases(name: str, files: dict[str, tuple[str, ...]]) -> list[Case]:
    """`name`: a file of the example's questions; `files`: the articles made of each file."""
    lines = (EXAMPLE / "questions" / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [_example_case(json.loads(line), files) for line in lines]


def _example_case(row: dict[str, Any], files: dict[str, tuple[str, ...]]) -> Case:
    history = tuple(Said(turn["who"], turn["text"]) for turn in row["history"])
    said, shown = (row["text"] if row["kind"] == kind else "" for kind in ("spoken", "shown"))
    typed = "" if said or shown else row["text"]
    query = Query(typed=typed, said=said, shown=shown, history=history)
    wanted: frozenset[str] = frozenset()
    if row["article"]:
        file, _, number = row["article"].partition("#")
        wanted = frozenset(files[file] if not number else files[file][int(number) - 1 :][:1])
    return Case(row["id"], row["kind"], query, wanted)


async def _consult(knowledge: Knowledge, cases: list[Case]) -> list[tuple[Case, Finding]]:
    return [(case, await knowledge.consult(case.query)) for case in cases]


def measure_example(encoder: TextEncoder, questions: str = "heldout") -> list[Figure]:
    """Consult the desk's knowledge with every question, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        ingest(EXAMPLE / "knowledge", Path(folder), encoder)

        async def ask() -> list[tuple[Case, Finding]]:
            knowledge = Knowledge.open(Path(folder), encoder)
            files = {p: r.articles for p, r in knowledge.index.manifest.files.items()}
            asked = example_cases(questions, files)
            if questions == "heldout":
                asked += example_cases("outside", files)
            try:
                return await _consult(knowledge, asked)
            finally:
                await knowledge.close()

        found = asyncio.run(ask())
    inside = [(case, finding) for case, finding in found if case.wanted]
    outside = [finding for case, finding in found if not case.wanted]
    figures = [
        Figure(
            f"example, {len(inside)} {questions} questions: right article first",
            _percent(is_first(case, finding) for case, finding in inside),
            "%",
            at_least=85,
        ),
        Figure(
            "example: wrongly answered",
            _percent(is_wrong(case, finding) for case, finding in inside),
            "%",
            at_most=5,
        ),
        Figure(
            f"example, {len(outside)} questions outside: “I don't know”",
            _percent(isinstance(finding, Nothing) for finding in outside),
            "%",
            at_least=90,
        ),
    ]
    shares = Counter(type(finding).__name__ for _, finding in inside)
    for outcome in ("Answered", "Competing", "Nothing"):
        share = 100 * shares[outcome] / len(inside)
        figures.append(Figure(f"example: {outcome.lower()}", round(share, 1), "%"))
    for kind, count in sorted(Counter(case.kind for case, _ in inside).items()):
        right = _percent(is_first(c, f) for c, f in inside if c.kind == kind)
        figures.append(Figure(f"example, {kind} ({count}): right article first", right, "%"))
    return figures


def is_first(case: Case, finding: Finding) -> bool:
    """The first hit is of a wanted article."""
    return bool(finding.hits) and finding.hits[0].passage.article in case.wanted


def is_wrong(case: Case, finding: Finding) -> bool:
    """Something was answered from an article that does not."""
    return isinstance(finding, Answered) and finding.citations[0].article not in case.wanted


def _percent(outcomes: Iterator[bool]) -> float:
    values = list(outcomes)
    return round(100 * sum(values) / len(values), 1) if values else 0.0


def measure_rho_bank(encoder: TextEncoder) -> list[Figure]:
    """Recall of the required documents among the first ten."""
    index, cases = rho_bank(encoder)
    found = asyncio.run(_search(index, encoder, cases, limit=200))
    recalls = []
    for case, ids in zip(cases, found, strict=True):
        articles = list(dict.fromkeys(passage.rpartition("#")[0] for passage in ids))[:10]
        recalls.append(len(case.wanted & set(articles)) / len(case.wanted))
    return [
        Figure(
            "rho_bank: recall@10 (BM25 0.27, MiniLM 0.27, fused 0.30)",
            round(float(np.mean(recalls)), 3),
            "",
            at_least=0.35,
        )
    ]


def measure_spoken_faq(encoder: TextEncoder) -> list[Figure]:
    """Recall of the right question of the right place at 1 and 5."""
    index, cases = spoken_faq(encoder)
    found = asyncio.run(_search(index, encoder, cases, limit=5))
    goals = {1: ("0.25", 0.45), 5: ("0.51", 0.70)}
    return [
        Figure(
            f"spoken_faq, {len(cases)} turns: recall@{k} (BM25 + MiniLM, five turns: {before})",
            round(
                sum(bool(c.wanted & set(ids[:k])) for c, ids in zip(cases, found, strict=True))
                / len(cases),
                3,
            ),
            "",
            at_least=goal,
        )
        for k, (before, goal) in goals.items()
    ]


async def _search(
    index: Index, encoder: TextEncoder, cases: list[Case], limit: int
) -> list[list[str]]:
    knowledge = Knowledge(index, encoder)
    try:
        return [
            [hit.passage.id for hit in await knowledge.search(case.query, limit)] for case in cases
        ]
    finally:
        await knowledge.close()


MEASURES: dict[str, Callable[[TextEncoder], list[Figure]]] = {
    "example": measure_example,
    "rho_bank": measure_rho_bank,
    "spoken_faq": measure_spoken_faq,
}


def measure(folder: Path, only: str = "") -> list[Figure]:
    """All figures; `folder` is not used."""
    encoder = MiniLM()
    return [
        figure
        for name, measured in MEASURES.items()
        if only in ("", name) and (name == "example" or (SHARED / name).is_dir())
        for figure in measured(encoder)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=list(MEASURES), default="")
    table = Table("figure", "measured", "to reach", "")
    for figure in measure(Path(), parser.parse_args().only):
        table.add_row(figure.name, figure.shown, figure.goal, figure.verdict)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
