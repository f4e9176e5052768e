"""Payloads as no provider sends them: each value of a real one in turn missing, or something
else."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from connectors.messaging.events import Event
from connectors.messaging.hook import Malformed

_MISSING = object()
_ODD = (_MISSING, None, True, -1, 10**400, 1.5, "", "x", [], [None], ["x"], {}, {"x": 1})


def mutations(value: Any) -> Iterator[Any]:
    """The value with one thing in it changed, for each thing and each change."""
    named = value.items() if isinstance(value, dict) else enumerate(value)
    for place, held in list(named):
        for odd in _ODD:
            yield _changed(value, place, odd)
        if isinstance(held, dict | list):
            for inner in mutations(held):
                yield _changed(value, place, inner)


def is_understood_or_malformed(
    parse: Callable[[Any], Iterable[Event]], payloads: Iterable[Mapping[str, Any]]
) -> int:
    """Asserts that the payloads, however they are changed, are either refused as `Malformed` or
    become events with what events have; gives how many were refused."""
    refused = 0
    for payload in payloads:
        for changed in mutations(payload):
            try:
                events = tuple(parse(changed))
            except Malformed:
                refused += 1
                continue
            for event in events:
                assert msgspec.convert(msgspec.to_builtins(event), type(event)) == event, changed
    return refused


def _changed(value: Any, place: Any, new: Any) -> Any:
    copy = dict(value) if isinstance(value, dict) else list(value)
    if new is _MISSING:
        del copy[place]
    else:
        copy[place] = new
    return copy
