"""One file of `intents/`: an intent with its examples, or more examples of one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from bot.errors import OperatorError
from bot.intents.intent import NAME, Intent, Medium, WrittenExample
from bot.intents.media import MediaFolder, Wanted
from bot.intents.source import Source
from models.understanding.observation import OUT_OF_SCOPE, Labels

INTENT_KEYS = (
    "intent", "examples_of", "title", "answer", "article", "handoff",
    "urgency", "sentiment", "wants_person", "examples",
)  # fmt: skip
EXAMPLE_KEYS = (
    "text", "image", "recording", "history", "also", "urgency", "sentiment", "wants_person",
)  # fmt: skip
_ONLY_FOR_INTENTS = ("title", "answer", "article", "handoff")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9_.-]+")


@dataclass(frozen=True)
class Declaration:
    """What one file declares."""

    intent: Intent | None
    """None if the file could not be read, or its intent has no name."""
    more: bool
    """The file only adds examples (`examples_of`) to an intent that another one declares."""
    written: int
    """Examples in the file, those with mistakes too."""
    problems: tuple[str, ...]


def read_declaration(file: Path, folder: Path, media: MediaFolder) -> Declaration:
    """`folder`: the intents folder, below which `file` lies."""
    source = Source(file, folder)
    root = source.root()
    if root is None:
        return Declaration(None, False, 0, tuple(source.problems))
    reading = _File(source, media)
    intent = reading.intent(root)
    return Declaration(
        intent if intent.name else None, reading.more, reading.written, tuple(source.problems)
    )


class _File:
    """A file while it is read."""

    def __init__(self, source: Source, media: MediaFolder) -> None:
        self._source = source
        self._media = media
        self.more = False
        self.written = 0

    def intent(self, root: yaml.MappingNode) -> Intent:
        source = self._source
        given = source.pairs(root, INTENT_KEYS)
        self.more = "examples_of" in given
        name = self._name(given, root)
        if self.more:
            for key in ("intent", *_ONLY_FOR_INTENTS):
                if key in given:
                    source.note(
                        given[key],
                        f"`{key}` has no meaning beside `examples_of`; it belongs into the file "
                        f"that declares `{name}`",
                    )
        elif name == OUT_OF_SCOPE:
            for key in _ONLY_FOR_INTENTS:
                if key in given:
                    source.note(given[key], f"`{key}` has no meaning for {OUT_OF_SCOPE}")
        if "answer" in given and "article" in given:
            source.note(
                given["article"], "`answer` and `article` are both given; the desk answers with one"
            )
        defaults = replace(self._feelings(given, Labels()), intents=(name,))
        return Intent(
            name=name,
            examples=self._examples(given.get("examples"), root, defaults),
            place=source.place(given.get("examples_of", root)),
            title=source.by_language(given["title"], "title") if "title" in given else {},
            answer=source.by_language(given["answer"], "answer") if "answer" in given else {},
            article=source.text(given["article"], "article") if "article" in given else "",
            handoff="handoff" in given and source.boolean(given["handoff"], "handoff"),
        )

    def _name(self, given: Mapping[str, yaml.Node], root: yaml.MappingNode) -> str:
        """Empty, and noted, if it is no name."""
        key = "examples_of" if self.more else "intent"
        node = given.get(key)
        name = self._source.text(node, key) if node else self._source.file.stem
        if not name or NAME.fullmatch(name):
            return name
        better = _NOT_IN_NAMES.sub("_", name.lower()).strip("_")
        where = f"`{key}` is" if node else "the file's name gives the intent's name"
        self._source.note(
            node or root,
            f"{where} `{name}`; it may hold a to z, 0 to 9, `_`, `.` and `-`"
            + (f", such as `{better}`" if better else ""),
        )
        return ""

    def _feelings(self, given: Mapping[str, yaml.Node], labels: Labels) -> Labels:
        """`labels`, with those that are given in their place."""
        source = self._source
        if "urgency" in given:
            labels = replace(labels, urgency=source.number(given["urgency"], "urgency"))
        if "sentiment" in given:
            labels = replace(labels, sentiment=source.number(given["sentiment"], "sentiment"))
        if "wants_person" in given:
            wants = source.boolean(given["wants_person"], "wants_person")
            labels = replace(labels, wants_person=wants)
        return labels

    def _examples(
        self, node: yaml.Node | None, root: yaml.MappingNode, defaults: Labels
    ) -> tuple[WrittenExample, ...]:
        if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
            self._source.note(node or root, "there are no examples: add how customers say it")
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self._source.note(node, "`examples` must be a list: a line with `- ` for each")
            return ()
        if not node.value:
            self._source.note(node, "there are no examples: add how customers say it")
        self.written = len(node.value)
        return tuple(example for item in node.value if (example := self._example(item, defaults)))

    def _example(self, node: yaml.Node, defaults: Labels) -> WrittenExample | None:
        source = self._source
        if not isinstance(node, yaml.MappingNode):
            text = source.text(node, "examples")
            return WrittenExample(text, defaults, place=source.place(node)) if text else None
        noted = len(source.problems)
        given = source.pairs(node, EXAMPLE_KEYS)
        labels = self._feelings(given, defaults)
        if "also" in given:
            labels = replace(labels, intents=self._several(given["also"], labels.intents))
        example = WrittenExample(
            text=source.text(given["text"], "text") if "text" in given else "",
            labels=labels,
            image=self._medium(given, "image"),
            recording=self._medium(given, "recording"),
            history=source.texts(given["history"], "history") if "history" in given else (),
            place=source.place(node),
        )
        if len(source.problems) > noted:
            return None
        if not (example.text or example.image or example.recording):
            source.note(node, "this example is empty: it needs a text, an image or a recording")
            return None
        return example

    def _several(self, node: yaml.Node, main: tuple[str, ...]) -> tuple[str, ...]:
        """The main intent and those of `also`; whether there are such is checked when all files
        are read."""
        others = self._source.texts(node, "also")
        if main == (OUT_OF_SCOPE,) or OUT_OF_SCOPE in others:
            self._source.note(node, f"`also`: what is {OUT_OF_SCOPE} has no other intent")
        elif len({*main, *others}) < len(main) + len(others):
            self._source.note(node, "`also` names an intent twice, or the example's own")
        return (*main, *others)

    def _medium(self, given: Mapping[str, yaml.Node], key: Wanted) -> Medium | None:
        if key not in given:
            return None
        written = self._source.text(given[key], key)
        if not written:
            return None
        try:
            return self._media.medium(written, self._source.file.parent, key)
        except OperatorError as error:
            self._source.note(given[key], f"`{key}`: {error.problem}")
            return None
