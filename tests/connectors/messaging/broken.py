"""Payloads that are almost right."""

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)
GONE = object()


def broken(payload: Any) -> st.SearchStrategy[Any]:
    """The payload with one of its parts gone, or something else in its place."""
    places = [place for place in _places(payload) if place]
    return st.builds(_put, st.just(payload), st.sampled_from(places), st.just(GONE) | ANYTHING)


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _places(inner, (*place, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _places(inner, (*place, number))


def _put(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    """A copy with `new` at a place."""
    first, *rest = place
    made = list(value) if isinstance(value, list) else dict(value)
    if rest:
        made[first] = _put(made[first], tuple(rest), new)
    elif new is GONE:
        del made[first]
    else:
        made[first] = new
    return made
