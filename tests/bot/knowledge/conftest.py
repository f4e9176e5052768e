"""A small business's articles, ingested with the real encoder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.knowledge import Knowledge, ingest
from models.minilm import MiniLM

ARTICLES = {
    "delivery/norway.md": (
        "# Delivery to Norway\n\nA parcel to Norway takes 4 to 6 working days and costs €14.90. "
        "Customs are paid by the shop.\n"
    ),
    "delivery/germany.md": (
        "# Delivery to Germany\n\nA parcel to Germany takes 1 to 2 working days and costs €3.95.\n"
    ),
    "payments/declined-51.md": (
        "---\ntitle: 'Payment declined: code 51'\nurl: /help/51\nlanguage: en\n---\n"
        "Code 51 means that the account does not cover the amount.\n\n## What helps\n\n"
        "1. Look at the available sum.\n2. Pay with another card.\n3. Wait until money arrives.\n"
    ),
    "payments/declined-54.md": (
        "# Payment declined: code 54\n\nCode 54 means that the card has expired. "
        "Enter the new expiry date under Account.\n"
    ),
    "returns.html": (
        "<html lang=en><head><title>Returns</title></head><body><nav>Home</nav><main>"
        "<h1>Returning goods</h1><p>You may send goods back within <b>30 days</b>.</p>"
        "<h2>Refund</h2><p>The money is refunded within 5 working days.</p></main></body></html>"
    ),
    "questions.csv": (
        'question,answer\nDo you wrap presents?,"Yes, for €3.50 each."\n'
        "Is there a student discount?,Yes: 8 % on laptops.\n"
    ),
}


@pytest.fixture(scope="session")
def encoder() -> MiniLM:
    return MiniLM()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A knowledge folder that a test may change."""
    root = tmp_path / "knowledge"
    for name, text in ARTICLES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root


@pytest.fixture
async def knowledge(folder: Path, tmp_path: Path, encoder: MiniLM) -> AsyncIterator[Knowledge]:
    ingest(folder, tmp_path / "index", encoder)
    knowledge = Knowledge.open(tmp_path / "index", encoder)
    yield knowledge
    await knowledge.close()
