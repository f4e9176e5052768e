"""Labelled examples to judge a model by: a CSV or JSONL file, or a folder of intents.

A CSV has a header; `text` and `intent` are required (`category` and `label` are other names for
`intent`), `image`, `recording`, `history`, `also`, `urgency`, `sentiment` and `wants_person` may be
given, the lists separated by ` | `. JSONL has the same keys, lists as lists. Other columns and keys
are passed over. Media are below the folder that the file is in.
"""

import csv
import io
import json
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rapidfuzz.process import extractOne

from bot.errors import OperatorError
from bot.intents.folder import read_intents
from bot.intents.intent import Medium, WrittenExample, meant, out_of_bounds
from bot.intents.media import MediaFolder, Wanted
from models.understanding.observation import OUT_OF_SCOPE, Labels

LARGEST_BYTES = 100_000_000
LONGEST_TEXT = 20_000
"""Characters; a test file's texts may be longer than what is trained on."""
LINES_TOLD = 20
COLUMNS = (
    "text", "intent", "image", "recording", "history", "also",
    "urgency", "sentiment", "wants_person",
)  # fmt: skip
OTHER_NAMES = ("category", "label")
"""For `intent`."""
SEPARATOR = "|"
_NEARLY = 85
_DELIMITERS = ",;\t"
_TRUE = ("true", "yes", "1")
_FALSE = ("false", "no", "0")

Value = str | int | float | bool | list[str]


def read_labelled(path: Path, known: Collection[str]) -> tuple[WrittenExample, ...]:
    """The examples of a file or an intents folder, in their order.

    `known`: the intents that the model has; `out_of_scope` always is. Raises one `OperatorError`
    that names the first lines that are wrong.
    """
    if path.is_dir():
        return _of_folder(path, known)
    reader = {".csv": _csv_rows, ".jsonl": _jsonl_rows}.get(path.suffix.lower())
    if reader is None:
        raise OperatorError(
            f"{path} is neither a .csv nor a .jsonl file, nor a folder of intents",
            remedy="a CSV with the columns text,intent is enough",
        )
    rows = reader(path, _read(path))
    faults = _Faults(path)
    media = MediaFolder(path.absolute().parent)
    examples = []
    for row in rows:
        try:
            examples.append(_Row(row, path, media, known).example())
        except OperatorError as error:
            faults.add(row.line, error.problem)
    faults.refuse()
    if not examples:
        raise OperatorError(f"{path} holds no examples", remedy="add a line for each")
    return tuple(examples)


@dataclass(frozen=True)
class _Cells:
    """A line of the file: its values by key, those that are empty left out."""

    line: int
    values: Mapping[str, Value]
    fault: str = ""
    """What is wrong with the line as a whole."""


class _Faults:
    """Lines that are wrong."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[str] = []
        self._count = 0

    def add(self, line: int, problem: str) -> None:
        self._count += 1
        if self._count <= LINES_TOLD:
            self._lines.append(f"{self._path}, line {line}: {problem}")

    def refuse(self) -> None:
        if not self._count:
            return
        if self._count > LINES_TOLD:
            self._lines.append(f"and {self._count - LINES_TOLD} more")
        raise OperatorError("\n".join(self._lines), remedy="mend these lines, or take them out")


def _of_folder(folder: Path, known: Collection[str]) -> tuple[WrittenExample, ...]:
    examples = read_intents(folder).examples
    if not examples:
        raise OperatorError(f"the folder {folder} holds no intents", remedy="name another")
    faults = _Faults(folder)
    for example in examples:
        try:
            for name in example.labels.intents:
                _refuse_unknown(name, known)
        except OperatorError as error:
            file, _, line = example.place.rpartition(":")
            faults.add(int(line), f"in {file}: {error.problem}")
    faults.refuse()
    return examples


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise OperatorError(f"{path} is larger than {LARGEST_BYTES // 10**6} MB")
        data = path.read_bytes()
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise OperatorError(
            f"{path}, line {line}: this is not text in UTF-8",
            remedy=f"save it as UTF-8, for instance: iconv -f LATIN1 -t UTF-8 {path.name}",
        ) from error


def _csv_rows(path: Path, text: str) -> Iterator[_Cells]:
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    line = 1
    try:
        for cells in reader:
            start, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = _header(path, start, cells)
                continue
            given = {
                key: cell.strip() for key, cell in zip(header, cells, strict=False) if cell.strip()
            }
            fault = (
                ""
                if len(cells) == len(header)
                else (
                    f"there are {len(cells)} values, and {len(header)} columns; put texts with "
                    f"`{delimiter}` into quotes"
                )
            )
            yield _Cells(start, given, fault)
    except csv.Error as error:
        raise OperatorError(
            f"{path}, line {line}: this is not CSV: {error}",
            remedy='put texts with quotes into quotes, each written twice: "say ""no"""',
        ) from error
    if not header:
        raise OperatorError(f"{path} is empty", remedy="its first line is: text,intent")


def _header(path: Path, line: int, cells: list[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    if "intent" not in names:
        other = next((name for name in OTHER_NAMES if name in names), None)
        names = ["intent" if name == other else name for name in names]
    twice = {name for name in names if name in COLUMNS and names.count(name) > 1}
    problems = [f"the column `{name}` is there twice" for name in sorted(twice)]
    problems += [
        f"the column `{name}` is missing"
        for name in ("text", "intent")
        if name not in names and not (name == "text" and {"image", "recording"} & {*names})
    ]
    problems += [problem for name in names if (problem := _misspelt(name, "column"))]
    if problems:
        raise OperatorError(
            "\n".join(f"{path}, line {line}: {problem}" for problem in problems),
            remedy=f"columns are: {', '.join(COLUMNS)}",
        )
    return names


def _jsonl_rows(path: Path, text: str) -> Iterator[_Cells]:
    # Not `splitlines`: JSON may hold U+2028 as it is.
    for at, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
            # Half a surrogate pair can be written in JSON, and is no character.
            json.dumps(found, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            yield _Cells(at, {}, f"this is not JSON: {error}")
            continue
        if not isinstance(found, dict):
            yield _Cells(at, {}, 'a line must be an object: {"text": "…", "intent": "…"}')
            continue
        if "intent" not in found:
            other = next((name for name in OTHER_NAMES if name in found), "intent")
            found["intent"] = found.get(other)
        fault = next((problem for key in found if (problem := _misspelt(key, "key"))), "")
        given = {key: value for key, value in found.items() if value not in (None, "", [])}
        yield _Cells(at, given, fault)


def _misspelt(name: str, what: str) -> str:
    """A key that nearly is one of ours would be passed over in silence."""
    if name in COLUMNS:
        return ""
    close = extractOne(name, COLUMNS, score_cutoff=_NEARLY)
    return f"there is no {what} `{name}`; did you mean `{close[0]}`?" if close else ""


class _Row:
    """One line on its way to an example. Its methods raise `OperatorError`, without a place."""

    def __init__(
        self, cells: _Cells, path: Path, media: MediaFolder, known: Collection[str]
    ) -> None:
        self._cells = cells
        self._path = path
        self._media = media
        self._known = known

    def example(self) -> WrittenExample:
        if self._cells.fault:
            raise OperatorError(self._cells.fault)
        labels = Labels(
            intents=self._intents(),
            urgency=self._number("urgency"),
            sentiment=self._number("sentiment"),
            wants_person=self._boolean("wants_person"),
        )
        example = WrittenExample(
            text=self._text("text"),
            labels=labels,
            image=self._medium("image"),
            recording=self._medium("recording"),
            history=self._list("history"),
            place=f"{self._path.name}:{self._cells.line}",
        )
        if not (example.text or example.image or example.recording):
            raise OperatorError("the text is missing, and there is no image or recording")
        return example

    def _intents(self) -> tuple[str, ...]:
        main, others = self._text("intent"), self._list("also")
        if not main:
            raise OperatorError("the label is missing: `intent` is empty")
        named = (main, *others)
        for name in named:
            _refuse_unknown(name, self._known)
        if len(set(named)) < len(named):
            raise OperatorError("`also` names an intent twice, or the example's own")
        if others and OUT_OF_SCOPE in named:
            raise OperatorError(f"`also`: what is {OUT_OF_SCOPE} has no other intent")
        return named

    def _text(self, key: str) -> str:
        value = self._cells.values.get(key, "")
        if not isinstance(value, str):
            raise OperatorError(f"`{key}` must be a text, not {json.dumps(value)[:40]}")
        if len(value) > LONGEST_TEXT:
            raise OperatorError(f"`{key}` is longer than {LONGEST_TEXT} characters")
        return value.strip()

    def _list(self, key: str) -> tuple[str, ...]:
        value = self._cells.values.get(key, [])
        items = value.split(SEPARATOR) if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise OperatorError(f"`{key}` must be a list of texts")
        return tuple(item.strip() for item in items if item.strip())

    def _number(self, key: str) -> float:
        """nan if it is not given."""
        if key not in self._cells.values:
            return math.nan
        value = self._cells.values[key]
        try:
            if isinstance(value, bool | list):
                raise ValueError(value)
            number = float(value)
        except (ValueError, OverflowError) as error:
            raise OperatorError(f"`{key}` is {str(value)[:40]}; it must be a number") from error
        if problem := out_of_bounds(key, number):
            raise OperatorError(problem)
        return number

    def _boolean(self, key: str) -> bool | None:
        if key not in self._cells.values:
            return None
        value = str(self._cells.values[key]).lower()
        if value not in (*_TRUE, *_FALSE):
            raise OperatorError(f"`{key}` is `{value}`; it must be true or false")
        return value in _TRUE

    def _medium(self, key: Wanted) -> Medium | None:
        written = self._text(key)
        if not written:
            return None
        try:
            return self._media.medium(written, self._path.parent, key)
        except OperatorError as error:
            raise OperatorError(f"`{key}`: {error.problem}") from error


def _refuse_unknown(name: str, known: Collection[str]) -> None:
    if name not in known and name != OUT_OF_SCOPE:
        raise OperatorError(f"the model knows no intent `{name}`{meant(name, known)}")
