"""Texts and screens with slots, filled anew for each example; `made_up` knows what with.

{{51|54|05}}        one of these, chosen anew at each place
{{code=51|54|05}}   one of these, remembered as `code` for the whole example
{{code}}            what is remembered, or something plausible: `{{name}}`, `{{date}}`, …
"""

import html
import random
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from models.errors import ModelError
from models.synthesis.made_up import MADE_UP, make_up

_SLOT = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_OPEN = "{{"
_NAME = re.compile(r"[^\W\d]\w*")
_QUOTED_AT_MOST = 40


class TemplateError(ModelError):
    """A template cannot be filled or rendered. Says what is wrong, with the line."""


@dataclass(frozen=True)
class _Slot:
    """What stands between `{{` and `}}`."""

    line: int
    name: str
    """Empty for a choice that is not remembered."""
    options: tuple[str, ...]
    """Empty where the name alone is given."""


def fill(template: str, rng: random.Random, values: dict[str, str], *, markup: bool) -> str:
    """The template with its slots filled; what is chosen or made up is added to `values`, and what
    is in there already is used.

    `markup`: the template is HTML or SVG, and what is put into it is escaped. Choices are written
    as plain text in both.

    Raises `TemplateError`.
    """
    return fill_together([(template, markup)], rng, values)[0]


def fill_together(
    templates: Sequence[tuple[str, bool]], rng: random.Random, values: dict[str, str]
) -> list[str]:
    """Templates of one example, each with whether it is markup, filled with the same values: what
    one of them remembers, all know. Raises `TemplateError`."""
    parsed = [(list(_parts(template)), markup) for template, markup in templates]
    slots = [part for parts, _ in parsed for part in parts if isinstance(part, _Slot)]
    for slot in _definitions(slots):
        values.setdefault(slot.name, rng.choice(slot.options))
    return [
        "".join(_filled(part, rng, values, markup) for part in parts) for parts, markup in parsed
    ]


def check_together(templates: Sequence[str], known: Collection[str] = ()) -> None:
    """Raises `TemplateError` if `fill_together` could not fill them. `known`: names of values that
    will be there."""
    slots = [part for each in templates for part in _parts(each) if isinstance(part, _Slot)]
    defined = {slot.name for slot in _definitions(slots)} | set(known)
    for slot in slots:
        if not slot.options and slot.name not in defined and slot.name not in MADE_UP:
            raise _unknown(slot, defined)


def defined_in(template: str) -> set[str]:
    """The names that a template gives to its choices. Raises `TemplateError`."""
    slots = [part for part in _parts(template) if isinstance(part, _Slot)]
    return {slot.name for slot in _definitions(slots)}


def _parts(template: str) -> Iterator[str | _Slot]:
    """Literal text and slots, by turns."""
    end = 0
    for found in _SLOT.finditer(template):
        yield _literal(template, end, found.start())
        yield _slot(found[1], _line(template, found.start()))
        end = found.end()
    yield _literal(template, end, len(template))


def _literal(template: str, start: int, end: int) -> str:
    unclosed = template.find(_OPEN, start, end)
    if unclosed >= 0:
        raise TemplateError(f"line {_line(template, unclosed)}: `{{{{` without its `}}}}`")
    return template[start:end]


def _slot(content: str, line: int) -> _Slot:
    shown = f"`{{{{{content[:_QUOTED_AT_MOST]}}}}}`"
    if _OPEN in content:
        raise TemplateError(
            f"line {line}: {shown} holds another `{{{{`; one slot cannot be in another, and each "
            "needs its `}}`"
        )
    before, equals, after = content.partition("=")
    if equals and _NAME.fullmatch(before.strip()):
        return _Slot(line, before.strip(), _options(after))
    if "|" in content:
        return _Slot(line, "", _options(content))
    if not _NAME.fullmatch(content.strip()):
        raise TemplateError(
            f"line {line}: {shown} is no slot; write a name, `{{{{one|other}}}}` or "
            "`{{name=one|other}}`"
        )
    return _Slot(line, content.strip(), ())


def _options(written: str) -> tuple[str, ...]:
    return tuple(option.strip() for option in written.split("|"))


def _line(template: str, at: int) -> int:
    return template.count("\n", 0, at) + 1


def _definitions(slots: Sequence[_Slot]) -> Iterator[_Slot]:
    """The first of each name. Raises `TemplateError` if another one has other choices."""
    first: dict[str, _Slot] = {}
    for slot in slots:
        if slot.name and slot.options:
            known = first.setdefault(slot.name, slot)
            if known is slot:
                yield slot
            elif known.options != slot.options:
                raise TemplateError(
                    f"line {slot.line}: `{slot.name}` has other choices here than in line "
                    f"{known.line}; write `{{{{{slot.name}}}}}` for the same value, or another name"
                )


def _filled(part: str | _Slot, rng: random.Random, values: dict[str, str], markup: bool) -> str:
    if isinstance(part, str):
        return part
    if not part.name:
        value = rng.choice(part.options)
    elif part.name in values or part.name in MADE_UP:
        value = make_up(part.name, rng, values)
    else:
        raise _unknown(part, values)
    return html.escape(value) if markup else value


def _unknown(slot: _Slot, defined: Collection[str]) -> TemplateError:
    return TemplateError(
        f"line {slot.line}: there is no slot `{slot.name}`; known are "
        f"{', '.join(sorted({*defined, *MADE_UP}))}. One of your own is written "
        f"`{{{{{slot.name}=one|other}}}}` where it first stands"
    )
