"""How log lines are written: for a person, or as JSON for a machine. One event, its facts."""

import json
import logging
import sys
import time
from typing import Any, Literal

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def set_up_logs(form: Literal["text", "json"]) -> None:
    """Write all logs to the standard error output."""
    formatter = _Json() if form == "json" else _Text()
    logging.basicConfig(level=logging.INFO, handlers=[_to_stderr(formatter)], force=True)
    for talkative in ("uvicorn", "aioice"):  # aioice tells callers' network addresses
        logging.getLogger(talkative).setLevel(logging.WARNING)


def show_errors() -> None:
    """Write there what fails alone, for commands at which a person sits."""
    logging.basicConfig(level=logging.ERROR, handlers=[_to_stderr(_Text())])


def _to_stderr(formatter: logging.Formatter) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    return handler


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        facts = "".join(f" {name}={value}" for name, value in _facts(record).items())
        line = f"{clock} {record.levelname.lower():7} {record.getMessage()}{facts}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": round(record.created, 3),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            **_facts(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
