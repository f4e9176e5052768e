"""What the training's callers say, and where they may pause in it.

Customers' questions of BANKING77 (PolyAI, CC BY 4.0), CLINC150 (CC BY 3.0) and DSTC10's spoken
conversations (Apache 2.0), from `../shared/data`; of the first two the parts made for training.
"""

import csv
import json
import random
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import yaml

from benchmarks.calls.speech import sentences
from benchmarks.desk_process import EXAMPLE

DATA = Path(__file__).parents[3] / "shared" / "data"
PAUSE = "|"

_MOST_WORDS = 22
_ASKING = """
what where when who whose whom why which how what's where's how's is are was were am do does
did can could will would shall should may might has had isn't aren't can't
"""
_LEADS_ON = """
a an the my your his her its our their this that these those some any and or but because so
if when while of to in on at by for with from about is are was were be been has have had do
does did can could will would should i you we he she they not very just also
"""
_FOLLOWS = """
and but or because so if when while that which who for in on at to with from about after
before until since
"""
SHORT = (
    "Yes.", "No.", "Yes, please.", "No, thank you.", "That is right.", "Hello.", "I am not sure.",
    "Maybe tomorrow.", "The second one.", "Both of them.", "Sorry?", "In January.", "Not yet.",
    "Thanks a lot.", "A refund, please.", "The red one.", "On Monday.", "It was yesterday.",
)  # fmt: skip
OPENINGS = ("Um", "Well", "So", "Hi", "Hello", "Okay", "Yes")


@cache
def banking() -> tuple[str, ...]:
    with (DATA / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        return _usable([row["text"] for row in csv.DictReader(file)])


@cache
def assistant() -> tuple[str, ...]:
    text = (DATA / "clinc150" / "data_full.json").read_text("utf-8")
    return _usable([said for said, _ in json.loads(text)["train"]])


@cache
def spoken() -> tuple[str, ...]:
    """Customers' turns as a recogniser heard them, and the questions of the desks' articles."""
    folder = DATA / "spoken_faq"
    logs = json.loads((folder / "logs.json").read_text("utf-8"))
    turns = [turn["text"] for log in logs for turn in log if turn["speaker"] == "U"]
    knowledge = json.loads((folder / "knowledge.json").read_text("utf-8"))
    asked = [
        article["title"]
        for domain in knowledge.values()
        for entity in domain.values()
        for article in entity["docs"].values()
    ]
    return _usable([*turns, *sorted(set(asked))])


@cache
def shop() -> tuple[str, ...]:
    """What customers of the example's shop say, as its intents are trained on."""
    measured = {plain(text) for kind in ("whole", "paused") for text in sentences(kind)}
    files = sorted((EXAMPLE / "intents").glob("*/*.yaml"))
    found = [yaml.safe_load(file.read_text("utf-8")) for file in files]
    said = {text for each in found for text in each.get("examples", ()) if isinstance(text, str)}
    return _usable(
        [text for text in sorted(said) if text.isascii() and plain(text) not in measured]
    )


def plain(text: str) -> str:
    """To compare sentences by."""
    return " ".join(word.strip(".,!?") for word in text.lower().split())


def written(text: str) -> str:
    """With the capital and the mark that a sentence has."""
    text = text.strip().rstrip(" ,;")
    if text[-1] not in ".?!":
        text += "?" if text.split()[0].lower() in _ASKING.split() else "."
    return text[0].upper() + text[1:]


def places(words: Sequence[str], rng: random.Random) -> list[int]:
    """Words before which somebody may pause, one to three: mostly where a clause begins, or where
    the next word has to be thought of."""
    weights = [_likely(words[at - 1], words[at], at) for at in range(1, len(words))]
    count = 1 if len(words) < 5 else rng.choice((1, 1, 2, 2, 3))
    chosen: set[int] = set()
    while len(chosen) < min(count, len(weights)):
        chosen.add(rng.choices(range(1, len(words)), weights)[0])
    return sorted(chosen)


def paused(text: str, rng: random.Random) -> str:
    """The sentence with its pauses marked."""
    words = text.split()
    if len(words) < 3:
        return text
    at = [0, *places(words, rng), len(words)]
    parts = [" ".join(words[a:b]) for a, b in pairwise(at)]
    if rng.random() < 0.08:
        parts.insert(0, rng.choice(OPENINGS))
    return f" {PAUSE} ".join(parts)


def _likely(before: str, after: str, at: int) -> float:
    if before[-1] in ".?!":
        return 3.0
    if before[-1] in ",;:":
        return 4.0
    leads = before.lower() in _LEADS_ON.split() or after.lower().strip(".,?!") in _FOLLOWS.split()
    return (1.6 if leads else 0.6) * (0.6 if at == 1 else 1.0)


def _usable(texts: Sequence[str]) -> tuple[str, ...]:
    lines = (text.strip() for text in texts)
    return tuple(
        line for line in lines if "\n" not in line and 2 <= len(line.split()) <= _MOST_WORDS
    )
