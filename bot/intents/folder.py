"""Reads a project's `intents/` folder: an intent, or more examples of one, in each YAML file,
subfolders included.

Every mistake in every file is told at once, each with its file and line.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bot.errors import OperatorError
from bot.intents.declaration import read_declaration
from bot.intents.intent import Intent, IntentSet, WrittenExample, meant, refuse
from bot.intents.media import MediaFolder
from models.understanding.observation import OUT_OF_SCOPE

SUFFIXES = (".yaml", ".yml")
MOST_INTENTS = 5_000
MOST_EXAMPLES = 200_000
ENOUGH_EXAMPLES = 8
"""With fewer, a model guesses."""
MOST_UNEVEN = 20
"""How many times as many examples the largest intent may have as the smallest."""
REMEDY = "how intents are written is in docs/intents.md"


def read_intents(folder: Path) -> IntentSet:
    """All intents below `folder`; none at all if it is not there or empty.

    Raises one `OperatorError` that lists everything that is wrong.
    """
    if not folder.exists():
        return IntentSet()
    if not folder.is_dir():
        raise OperatorError(f"{folder} is not a folder", remedy="put `intents/*.yaml` into one")
    files = list(_files(folder))
    if len(files) > MOST_INTENTS:
        raise OperatorError(
            f"{folder} holds {len(files)} files; at most {MOST_INTENTS} intents are possible"
        )
    media = MediaFolder(folder)
    problems: list[str] = []
    intents: list[Intent] = []
    additions: list[Intent] = []
    faulty: set[str] = set()
    count = 0
    for file in files:
        declaration = read_declaration(file, folder, media)
        problems += declaration.problems
        count += declaration.written
        if count > MOST_EXAMPLES:
            refuse([f"{folder} holds more than {MOST_EXAMPLES} examples"], REMEDY)
        if intent := declaration.intent:
            (additions if declaration.more else intents).append(intent)
            if declaration.written > len(intent.examples):
                faulty.add(intent.name)
    checks = _Checks(folder, intents)
    checks.add(additions)
    warnings = checks.drop_repeated()
    checks.declared_twice()
    checks.unknown_others()
    checks.in_two_intents()
    checks.too_few(faulty)
    refuse([*problems, *checks.problems], REMEDY)
    return _intent_set(checks.intents, [*warnings, *_sparse(checks.intents)])


def _files(folder: Path) -> Iterator[Path]:
    """Hidden ones are passed over, and so are links to folders."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if not path.is_symlink():
                yield from _files(path)
        elif path.suffix.lower() in SUFFIXES:
            yield path


def _intent_set(intents: Sequence[Intent], warnings: Sequence[str]) -> IntentSet:
    ordered = sorted(intents, key=lambda intent: intent.name)
    return IntentSet(
        intents=tuple(intent for intent in ordered if intent.name != OUT_OF_SCOPE),
        out_of_scope=next((i.examples for i in ordered if i.name == OUT_OF_SCOPE), ()),
        warnings=tuple(warnings),
    )


class _Checks:
    """What can only be told of all files together."""

    def __init__(self, folder: Path, intents: Sequence[Intent]) -> None:
        self._folder = folder
        self.intents = list(intents)
        self.problems: list[str] = []

    def _at(self, place: str) -> str:
        file, _, line = place.rpartition(":")
        return f"{self._folder / file}, line {line}"

    def _at_from(self, here: str, place: str) -> str:
        """`place` for a sentence that has named the place `here`."""
        file, _, line = place.rpartition(":")
        return f"line {line}" if file == here.rpartition(":")[0] else self._at(place)

    def add(self, additions: Sequence[Intent]) -> None:
        """The examples of each addition, to the intent that it names."""
        more: dict[str, list[WrittenExample]] = {}
        names = {OUT_OF_SCOPE, *(intent.name for intent in self.intents)}
        for addition in additions:
            if addition.name in names:
                more.setdefault(addition.name, []).extend(addition.examples)
            else:
                self.problems.append(
                    f"{self._at(addition.place)}: `examples_of` names `{addition.name}`, and there "
                    f"is no such intent{meant(addition.name, names)}"
                )
        for at, intent in enumerate(self.intents):
            # Of an intent that is declared twice, which is told, the first has them.
            added = more.pop(intent.name, [])
            self.intents[at] = replace(intent, examples=(*intent.examples, *added))
        for name, examples in more.items():
            place = next(each.place for each in additions if each.name == name)
            self.intents.append(Intent(name, tuple(examples), place))

    def drop_repeated(self) -> list[str]:
        """Keep each example of an intent once; a warning for each that goes."""
        warnings: list[str] = []
        for at, intent in enumerate(self.intents):
            kept: dict[tuple[str, ...], WrittenExample] = {}
            for example in intent.examples:
                first = kept.setdefault(example.sameness, example)
                if first is not example:
                    warnings.append(
                        f"{self._at(example.place)}: the same example is in "
                        f"{self._at_from(example.place, first.place)}; it is used once"
                    )
            self.intents[at] = replace(intent, examples=tuple(kept.values()))
        return warnings

    def declared_twice(self) -> None:
        first: dict[str, str] = {}
        for intent in self.intents:
            if intent.name in first:
                self.problems.append(
                    f"{self._at(intent.place)}: the intent `{intent.name}` is declared twice, "
                    f"first in {self._at(first[intent.name])}; put the examples into one file, or "
                    f"write `examples_of: {intent.name}` instead of what declares it again"
                )
            first.setdefault(intent.name, intent.place)

    def unknown_others(self) -> None:
        names = {intent.name for intent in self.intents}
        for example in (each for intent in self.intents for each in intent.examples):
            for other in example.labels.intents[1:]:
                if other not in names and other != OUT_OF_SCOPE:
                    self.problems.append(
                        f"{self._at(example.place)}: `also` names `{other}`, and there is no such "
                        f"intent{meant(other, names)}"
                    )

    def in_two_intents(self) -> None:
        first: dict[tuple[str, ...], WrittenExample] = {}
        for example in (each for intent in self.intents for each in intent.examples):
            other = first.setdefault(example.sameness, example)
            if other.labels.intents[0] != example.labels.intents[0]:
                self.problems.append(
                    f"{self._at(example.place)}: the example {_quoted(example)} of "
                    f"`{example.labels.intents[0]}` is also in `{other.labels.intents[0]}`, "
                    f"{self._at(other.place)}; keep it in one, and name the other in `also` if "
                    "it means both"
                )

    def too_few(self, faulty: set[str]) -> None:
        """`faulty`: names of intents that have examples with mistakes, which are told already."""
        for intent in self.intents:
            alone = len(intent.examples) == 1 and intent.name != OUT_OF_SCOPE
            if alone and intent.name not in faulty:
                self.problems.append(
                    f"{self._at(intent.place)}: `{intent.name}` has one example; a model needs at "
                    "least two: add how else customers say it"
                )


def _sparse(intents: Sequence[Intent]) -> Iterator[str]:
    """Warnings about how many examples there are."""
    counts = Counter({i.name: len(i.examples) for i in intents if i.name != OUT_OF_SCOPE})
    for name, count in sorted(counts.items()):
        if count < ENOUGH_EXAMPLES:
            yield f"`{name}` has {count} examples; with {ENOUGH_EXAMPLES} or more it works better"
    if not counts:
        return
    (most, largest), (fewest, smallest) = counts.most_common()[0], counts.most_common()[-1]
    if largest >= MOST_UNEVEN * smallest:
        yield (
            f"`{most}` has {largest} examples and `{fewest}` has {smallest}; add some to the "
            "smaller, or the model prefers the larger"
        )


def _quoted(example: WrittenExample) -> str:
    text = example.text or "without text"
    return f"“{text[:60]}…”" if len(text) > 60 else f"“{text}”"
