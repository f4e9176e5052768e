"""Log lines: one event and its facts."""

import json
import logging

import pytest

from bot.cli.logs import set_up_logs


@pytest.fixture(autouse=True)
def _logging_as_before() -> object:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_json_lines_hold_the_event_and_its_facts(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("json")
    logging.getLogger("desk").warning("redis.lost", extra={"reason": "näh", "tries": 3})
    line = json.loads(capsys.readouterr().err)
    assert line["event"] == "redis.lost"
    assert (line["level"], line["reason"], line["tries"]) == ("warning", "näh", 3)


def test_an_exception_stays_in_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("json")
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("desk").exception("turn.failed")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "ValueError: broken" in json.loads(lines[0])["exception"]


def test_text_lines_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("text")
    logging.getLogger("desk").info("turn.done", extra={"turn": "3"})
    assert capsys.readouterr().err.rstrip().endswith("info    turn.done turn=3")


def test_network_addresses_of_callers_are_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("text")
    logging.getLogger("aioice.ice").info("Check CandidatePair(('192.0.2.7', 56024) -> …)")
    assert "192.0.2.7" not in capsys.readouterr().err
