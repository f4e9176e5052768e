"""Test files: what is taken as one, and how wrong lines are told."""

import json
import math
from pathlib import Path

import pytest

from bot.errors import OperatorError
from bot.intents.labelled import read_labelled
from models.understanding.observation import OUT_OF_SCOPE
from tests.models.media import picture, screenshot

KNOWN = ("refund", "track_order", "person")


def complaint(file: Path, text: str | bytes, name: str = "test.csv") -> str:
    path = file / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(OperatorError) as caught:
        read_labelled(path, KNOWN)
    return str(caught.value)


def test_a_csv_with_every_column_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(picture("image/png", screenshot("E-203")))
    (tmp_path / "test.csv").write_text(
        "text,intent,history,also,urgency,sentiment,wants_person,image,id\n"
        '"no refund, still!",refund,sent it back | no money,person|track_order,0.9,-0.8,Yes,,7\n'
        ",track_order,,,,,,x.png,8\n"
        "tell me a joke,out_of_scope,,,,,no,,9\n",
        "utf-8",
    )
    first, second, third = read_labelled(tmp_path / "test.csv", KNOWN)
    assert first.text == "no refund, still!"
    assert first.history == ("sent it back", "no money")
    assert first.labels.intents == ("refund", "person", "track_order")
    assert (first.labels.urgency, first.labels.sentiment) == (0.9, -0.8)
    assert first.labels.wants_person is True
    assert first.place == "test.csv:2"
    assert (second.text, second.labels.wants_person) == ("", None)
    assert second.image is not None
    assert math.isnan(second.labels.urgency)
    assert third.labels.intents == (OUT_OF_SCOPE,)
    assert third.labels.wants_person is False


@pytest.mark.parametrize("name", ["category", "label", "Intent"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_read_as_others_write_it(
    tmp_path: Path, name: str, start: str, end: str, delimiter: str
) -> None:
    lines = [f"text{delimiter}{name}", f'"where{end}is it"{delimiter}track_order', ""]
    lines.append(f"my money{delimiter}refund")
    file = tmp_path / "test.csv"
    file.write_bytes((start + end.join(lines) + end).encode())
    first, second = read_labelled(file, KNOWN)
    assert first.text.split() == ["where", "is", "it"]
    assert [first.place, second.place] == ["test.csv:2", "test.csv:5"]
    assert second.labels.intents == ("refund",)


def test_jsonl_has_lists(tmp_path: Path) -> None:
    rows = [
        {"text": "no refund!", "intent": "refund", "also": ["person"], "history": ["a", "b"]},
        {"text": "where is it\u2028now", "label": "track_order", "urgency": 1, "id": 3},
        {"text": "hm", "category": "refund", "wants_person": False, "sentiment": None},
    ]
    file = tmp_path / "test.jsonl"
    file.write_text("\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    first, second, third = read_labelled(file, KNOWN)
    assert first.labels.intents == ("refund", "person")
    assert first.history == ("a", "b")
    assert (second.labels.urgency, second.place) == (1.0, "test.jsonl:3")
    assert third.labels.wants_person is False


def test_an_intents_folder_is_a_test_file(tmp_path: Path) -> None:
    (tmp_path / "refund.yaml").write_text("examples: [my money, {text: pay back, also: [odd]}]")
    (tmp_path / "odd.yaml").write_text("examples: [x, y]")
    with pytest.raises(OperatorError) as caught:
        read_labelled(tmp_path, KNOWN)
    assert "in refund.yaml: the model knows no intent `odd`" in str(caught.value)
    assert "in odd.yaml" in str(caught.value)
    assert len(read_labelled(tmp_path, (*KNOWN, "odd"))) == 4


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("hi,,,,,", "test.csv, line 2: the label is missing: `intent` is empty"),
        (",refund,,,,", "line 2: the text is missing"),
        ("hi,refnd,,,,", "line 2: the model knows no intent `refnd`; did you mean `refund`?"),
        ("hi,refund,odd,,,", "the model knows no intent `odd`"),
        ("hi,refund,refund,,,", "`also` names an intent twice, or the example's own"),
        ("hi,out_of_scope,refund,,,", "what is out_of_scope has no other intent"),
        ("hi,refund,,high,,", "`urgency` is high; it must be a number"),
        ("hi,refund,,2,,", "`urgency` is 2; it must be between 0 and 1"),
        ("hi,refund,,nan,,", "`urgency` is nan; it must be between 0 and 1"),
        ("hi,refund,,,perhaps,", "`wants_person` is `perhaps`; it must be true or false"),
        ("hi, there,refund,,,,", "there are 7 values, and 6 columns; put texts with `,` into"),
        ("hi,refund,,,,../../etc/hostname", "`image`: `../../etc/hostname` is outside the folder"),
        ("hi,refund,,,,x.png", "`image`: the file `x.png` is not there"),
        (f"{'x' * 20_001},refund,,,,", "`text` is longer than 20000 characters"),
    ],
)
def test_a_wrong_line_is_told(tmp_path: Path, row: str, expected: str) -> None:
    header = "text,intent,also,urgency,wants_person,image\n"
    assert expected in complaint(tmp_path, f"{header}{row}\nfine,refund,,,,\n")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ('{"text": "hi"', "test.jsonl, line 1: this is not JSON"),
        ('["hi", "refund"]', "line 1: a line must be an object"),
        ('{"text": 5, "intent": "refund"}', "`text` must be a text, not 5"),
        ('{"text": "hi", "intent": ["refund"]}', "`intent` must be a text"),
        ('{"text": "hi"}', "the label is missing"),
        ('{"text": "hi", "intent": "refund", "history": [1]}', "`history` must be a list of texts"),
        ('{"text": "hi", "intent": "refund", "urgency": true}', "it must be a number"),
        ('{"text": "hi", "intent": "refund", "urgensy": 1}', "did you mean `urgency`?"),
        ('{"text": "\\ud800", "intent": "refund"}', "this is not JSON"),
        (f'{{"text": "hi", "intent": "refund", "urgency": 1{"0" * 400}}}', "it must be a number"),
    ],
)
def test_a_wrong_json_line_is_told(tmp_path: Path, row: str, expected: str) -> None:
    assert expected in complaint(tmp_path, row, "test.jsonl")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty"),
        ("text,intent\n", "holds no examples"),
        ("text,topic\nhi,refund\n", "test.csv, line 1: the column `intent` is missing"),
        ("question,intent\nhi,refund\n", "line 1: the column `text` is missing"),
        ("text,intent,text\nhi,refund,hi\n", "the column `text` is there twice"),
        ("text,intent,sentimant\nhi,refund,1\n", "did you mean `sentiment`?"),
        (
            "text,intent\nfine,refund\ncafé,refund\n".encode("latin-1"),
            "line 3: this is not text in",
        ),
        ('text,intent\nfine,refund\n"open,refund\n', "line 3: this is not CSV"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str | bytes, expected: str) -> None:
    assert expected in complaint(tmp_path, text)


def test_the_first_twenty_lines_are_told_and_the_rest_counted(tmp_path: Path) -> None:
    said = complaint(tmp_path, "text,intent\n" + "hi,\n" * 50).splitlines()
    assert sum("the label is missing" in line for line in said) == 20
    assert "line 21:" in said[19]
    assert said[20] == "and 30 more"


def test_other_files_are_refused(tmp_path: Path) -> None:
    assert "neither a .csv nor a .jsonl file" in complaint(tmp_path, "x", "test.xlsx")
    with pytest.raises(OperatorError, match="cannot be read"):
        read_labelled(tmp_path / "nothing.csv", KNOWN)


def test_banking77_is_read_as_it_is(shared_data: Path) -> None:
    file = shared_data / "banking77" / "train.csv"
    names = {line.rpartition(",")[2] for line in file.read_text("utf-8").splitlines()}
    assert len(read_labelled(file, names)) > 9_000
