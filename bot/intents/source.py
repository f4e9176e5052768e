"""One YAML file as nodes that know their lines, and the checks that every value goes through.

What is wrong is noted with file and line and reading goes on, so that all of it is told at once.
"""

from collections.abc import Sequence
from pathlib import Path

import yaml

from bot.errors import OperatorError
from bot.intents.intent import ANY_LANGUAGE, meant, out_of_bounds

LARGEST_BYTES = 1_000_000
LONGEST_TEXT = 2000
"""Characters of an example."""
_DEEPEST = 10
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml reads ten times faster; it is in PyYAML's wheels."""
_NULL = "tag:yaml.org,2002:null"
_BOOL = "tag:yaml.org,2002:bool"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_LANGUAGE_LENGTHS = (2, 3)
_QUOTE = "put texts with `: ` or `#` into quotes"


class Source:
    """A file, its place for messages, and the problems found in it so far."""

    def __init__(self, file: Path, folder: Path) -> None:
        self.file = file
        self._below = file.relative_to(folder).as_posix()
        self.problems: list[str] = []

    def place(self, node: yaml.Node) -> str:
        """`returns.yaml:12`"""
        return f"{self._below}:{node.start_mark.line + 1}"

    def note(self, node: yaml.Node | None, problem: str) -> None:
        where = f", line {node.start_mark.line + 1}" if node else ""
        self.problems.append(f"{self.file}{where}: {problem}")

    def root(self) -> yaml.MappingNode | None:
        """The file's keys; None, with the reason noted, if it has none."""
        try:
            if self.file.stat().st_size > LARGEST_BYTES:
                self.note(None, "the file is larger than 1 MB; part the examples over two intents")
                return None
            root = _composed(self.file.read_text("utf-8-sig"))
        except OperatorError as error:
            self.problems.append(f"{self.file}{error.problem}")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
            self.problems.append(
                f"{self.file}{where}: this is not YAML: {error.problem or error.context}; indent "
                f"with spaces, and {_QUOTE}"
            )
        except (UnicodeDecodeError, yaml.YAMLError) as error:
            self.note(None, f"this is not text in UTF-8: {error}")
        except OSError as error:
            self.note(None, f"the file cannot be read: {error.strerror}")
        else:
            if isinstance(root, yaml.MappingNode):
                return root
            self.note(root, "the file must hold `key: value` lines, of which one is `examples:`")
        return None

    def pairs(self, node: yaml.MappingNode, allowed: Sequence[str]) -> dict[str, yaml.Node]:
        """The values by key; unknown keys and those that are there twice are noted, left out."""
        found: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
            if key not in allowed:
                suggestion = meant(key, allowed).lstrip("; ")
                self.note(
                    key_node,
                    f"there is no key `{key}`; {suggestion + ' ' if suggestion else ''}Allowed "
                    f"here: {', '.join(allowed)}. If it is part of a text, {_QUOTE}",
                )
            elif key in found:
                self.note(key_node, f"`{key}` is there twice; keep one of them")
            else:
                found[key] = value
        return found

    def text(self, node: yaml.Node, key: str, longest: int | None = LONGEST_TEXT) -> str:
        """A text as it is written: `no` and `51` are what customers say, too. Empty, and noted,
        if it is none."""
        if not isinstance(node, yaml.ScalarNode):
            self.note(node, f"`{key}` must be a text; put it into quotes")
            return ""
        text = "" if node.tag == _NULL and node.value in ("", "~") else node.value.strip()
        if not text:
            self.note(node, f"`{key}` is empty")
        elif longest and len(text) > longest:
            self.note(node, f"`{key}` has {len(text)} characters; at most {longest} are allowed")
        return text

    def texts(self, node: yaml.Node, key: str) -> tuple[str, ...]:
        if not isinstance(node, yaml.SequenceNode):
            self.note(node, f"`{key}` must be a list: `[one, two]`")
            return ()
        return tuple(self.text(item, key) for item in node.value)

    def by_language(self, node: yaml.Node, key: str) -> dict[str, str]:
        """One text for any language, or one for each."""
        if not isinstance(node, yaml.MappingNode):
            return {ANY_LANGUAGE: self.text(node, key, None)}
        found: dict[str, str] = {}
        for code, value in node.value:
            name = code.value if isinstance(code, yaml.ScalarNode) else ""
            if len(name) not in _LANGUAGE_LENGTHS or not (name.isascii() and name.islower()):
                self.note(code, f"`{key}.{name}`: the key must be a language's code, such as `en`")
            elif name in found:
                self.note(code, f"`{key}.{name}` is there twice")
            else:
                found[name] = self.text(value, f"{key}.{name}", None)
        if not node.value:
            self.note(node, f"`{key}` is empty")
        return found

    def number(self, node: yaml.Node, key: str) -> float:
        """0 to 1, or -1 to 1 for the sentiment; noted and 0 if it is not."""
        if isinstance(node, yaml.ScalarNode) and node.tag in _NUMBERS:
            value = float(yaml.SafeLoader("").construct_object(node))
            problem = out_of_bounds(key, value)
            if not problem:
                return value
            self.note(node, problem)
        else:
            self.note(node, f"`{key}` must be a number, such as 0.5")
        return 0.0

    def boolean(self, node: yaml.Node, key: str) -> bool:
        if isinstance(node, yaml.ScalarNode) and node.tag == _BOOL:
            return bool(yaml.SafeLoader("").construct_object(node))
        self.note(node, f"`{key}` must be true or false")
        return False


def _composed(text: str) -> yaml.Node | None:
    """Raises `OperatorError`, which begins with the line, for what could grow without bounds."""
    depth = 0
    for event in yaml.parse(text, _LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            raise OperatorError(
                f", line {line}: `*{event.anchor}` stands for another part of the file; write "
                "that out, or put the text into quotes"
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise OperatorError(f", line {line}: this is nested too deeply")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    node: yaml.Node | None = yaml.compose(text, _LOADER)
    return node
