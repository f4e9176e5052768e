"""Which examples teach, which are held out, and what is added to those that teach."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from models.understanding.observation import OUT_OF_SCOPE, Example, Labels, Observation

LEAST_TO_HOLD_OUT = 4
"""An intent with fewer examples keeps them all."""
MOST_JOINED = 2_000


def split(
    examples: Sequence[Example], share: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """Those that teach and those held out: the same share of every intent, at least one of each
    that has `LEAST_TO_HOLD_OUT`."""
    rng = random.Random(seed)
    groups = defaultdict(list)
    for example in examples:
        groups[example.labels.intents[:1]].append(example)
    teaching, held_out = [], []
    for key in sorted(groups):
        group = groups[key]
        rng.shuffle(group)
        count = max(1, round(len(group) * share)) if len(group) >= LEAST_TO_HOLD_OUT else 0
        held_out += group[:count]
        teaching += group[count:]
    return teaching, held_out


def joined_pairs(examples: Sequence[Example], count: int, seed: int) -> list[Example]:
    """Turns that say two things at once: texts of two intents put together, with both labels.

    Few people label such turns; without any, no model learns to hear a second wish.
    """
    rng = random.Random(seed)
    plain = [
        e for e in examples
        if e.observation.text and e.labels.intents and e.labels.intents[0] != OUT_OF_SCOPE
    ]  # fmt: skip
    if len({e.labels.intents[0] for e in plain}) < 2:
        return []
    found: list[Example] = []
    while len(found) < min(count, MOST_JOINED):
        one, other = rng.choice(plain), rng.choice(plain)
        if one.labels.intents[0] == other.labels.intents[0]:
            continue
        text = one.observation.text.rstrip() + rng.choice(_JOINTS) + other.observation.text.lstrip()
        intents = tuple(dict.fromkeys([*one.labels.intents, *other.labels.intents]))
        found.append(
            replace(
                one,
                observation=replace(one.observation, text=text),
                labels=Labels(intents=intents),
                weight=0.5,
            )
        )
    return found


_JOINTS = (". ", " and ", "? Also, ", ", and also ", "\n", " - and ", ". Another thing: ")


def mistyped(example: Example, rng: random.Random) -> Example:
    """The same, as somebody in a hurry would type it: a letter swapped, lost or doubled, all lower
    case, no punctuation."""
    text = example.observation.text
    letters = list(text)
    for _ in range(1 + len(text) // 40):
        at = rng.randrange(max(len(letters) - 1, 1))
        kind = rng.randrange(3)
        if kind == 0 and at + 1 < len(letters):
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
        elif kind == 1 and len(letters) > 3:
            del letters[at]
        elif letters:
            letters.insert(at, letters[at])
    changed = "".join(letters)
    if rng.random() < 0.5:
        changed = changed.lower().rstrip(".!?")
    return replace(example, observation=replace(example.observation, text=changed), weight=0.5)


def evened(examples: Sequence[Example], seed: int) -> list[Example]:
    """Mistyped copies for intents with less than half of the usual number of examples, up to
    that half; at most as many copies as originals."""
    rng = random.Random(seed)
    counts = Counter(e.labels.intents[:1] for e in examples if e.observation.text)
    if not counts:
        return []
    usual = sorted(counts.values())[len(counts) // 2]
    added = []
    for key, count in sorted(counts.items()):
        wanted = min(usual // 2 - count, count)
        own = [e for e in examples if e.labels.intents[:1] == key and e.observation.text]
        added += [mistyped(rng.choice(own), rng) for _ in range(max(wanted, 0))]
    return added


def named(titles: dict[str, Sequence[str]]) -> list[Example]:
    """An intent's name and titles are examples of it as well."""
    return [
        Example(Observation(text=title), Labels(intents=(name,)), f"title of {name}", weight=0.5)
        for name, texts in sorted(titles.items())
        for title in dict.fromkeys([name.replace("_", " ").replace(".", " "), *texts])
    ]
