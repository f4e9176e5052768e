"""What the intents change in the answers of the example shop: with and without them, its held-out
questions and those outside its business. Questions that need what was said before are left out."""

import asyncio
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.retrieval import EXAMPLE, Case, example_cases
from bot.config import load
from bot.draft import Draft
from bot.engines import maker
from bot.history import Past
from bot.intents import IntentBook
from bot.knowledge import Knowledge
from bot.messages import ChannelName, ConversationId, ReplyId, ReplyKind
from bot.policy import Decision, DeskPolicy
from bot.recognition import Recognised, Recogniser
from bot.understanding import Understanding
from models.understanding.observation import Line, Observation
from models.understanding.versions import Versions


def steering(folder: Path) -> list[Figure]:
    """Takes in and trains the example shop as its owner would, then asks it."""
    project = folder / "shop"
    if not project.exists():
        shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns(".frontdesk"))
    for command in ("ingest", "train"):
        line = [sys.executable, "-m", "bot.cli", command, "--project", str(project)]
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
    counts = asyncio.run(_asked(project))
    figures = []
    for name in ("articles alone", "articles and intents"):
        for where, outcomes in _OUTCOMES.items():
            of = sum(counts[name, where, outcome] for outcome in outcomes)
            figures += [
                Figure(f"{name}, {of} {where}: {outcome}", counts[name, where, outcome], "")
                for outcome in outcomes
            ]
    return figures


_OUTCOMES = {
    "held-out questions": (
        "right article",
        "answer of an intent",
        "asked back",
        "person",
        "“I don't know”",
        "wrong article",
    ),
    "questions outside": ("“I don't know”", "asked back", "person", "answered"),
}


async def _asked(project: Path) -> Counter[tuple[str, str, str]]:
    config = load(project)
    encoder = maker(config.text_encoder, config.device)()
    knowledge = Knowledge.open(config.index_folder, encoder)
    recogniser = Recogniser(Versions(config.understanding_folder), encoder, (config.language,))
    await recogniser.renew()
    assert recogniser.version, "nothing was trained"
    book = IntentBook(config.understanding.folder)
    policy = DeskPolicy(knowledge, book, config.name, {}, config.person)
    files = {path: read.articles for path, read in knowledge.index.manifest.files.items()}
    counts: Counter[tuple[str, str, str]] = Counter()
    unseen = Draft(
        ConversationId("con_1"), ReplyId("rep_1"), ChannelName("benchmark"), lambda progress: None
    )
    try:
        for case in [*example_cases("heldout", files), *example_cases("outside", files)]:
            if case.query.history:
                continue
            where = "held-out questions" if case.wanted else "questions outside"
            seen = Observation(
                text=case.query.typed or case.query.said,
                lines=tuple(Line(text) for text in case.query.shown.splitlines()),
            )
            recognised = await recogniser.recognise(seen, config.language)
            for name, known in (("articles alone", None), ("articles and intents", recognised)):
                decision = await policy.decide(_understood(case, known), Past((), {}), unseen)
                counts[name, where, _outcome(decision, case)] += 1
    finally:
        await knowledge.close()
        await recogniser.close()
    return counts


def _understood(case: Case, recognised: Recognised | None) -> Understanding:
    return Understanding(
        typed=case.query.typed,
        said=case.query.said,
        shown=case.query.shown,
        language="en",
        problems=(),
        social=None,
        by_voice=bool(case.query.said),
        recognised=recognised,
    )


def _outcome(decision: Decision, case: Case) -> str:
    if decision.kind is not ReplyKind.ANSWER:
        return {
            ReplyKind.CLARIFY: "asked back",
            ReplyKind.PERSON: "person",
            ReplyKind.UNKNOWN: "“I don't know”",
        }[decision.kind]
    if not case.wanted:
        return "answered"
    if not decision.citations:
        return "answer of an intent"
    right = any(citation.article in case.wanted for citation in decision.citations)
    return "right article" if right else "wrong article"
