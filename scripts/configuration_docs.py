"""Writes docs/configuration.md from the model in bot/config.py: `make docs`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic import BaseModel, ByteSize, SecretStr
from pydantic.fields import FieldInfo

from bot import engines, texts
from bot.config import Config
from bot.config_file import section_of
from bot.engine_settings import EngineSection

DOCUMENT = Path(__file__).parent.parent / "docs" / "configuration.md"

_OPENING = """\
# Configuration

<!-- Made by `make docs` from bot/config.py: change the texts there. -->

Everything an operator decides is in one file, `frontdesk.yaml`, in the project's folder. Only
`name` must be there. Paths are relative to the file.

```yaml
name: Voltaro
greeting: Hi! Ask me about orders, returns or that error on your screen.
suggestions:
  - Where is my order?
  - How do I return something?
knowledge:
  folder: articles
```

- `${NAME}` in a value stands for an environment variable: secrets belong there, not in the file.
  A `.env` beside the file may hold variables too, as `NAME=VALUE`; the process's own win.
- Each setting can also be given by a variable of its own, which wins over the file:
  `FRONTDESK_REDIS`, `FRONTDESK_SERVER__PORT` (two underscores between a section and its key).
- `FRONTDESK_SECRET` holds the secret that signs customers' sessions, where several desks share a
  Redis; otherwise the desk makes one in its data folder. `FRONTDESK_CACHE` moves the cache of model
  files.
- A mistake is told with its file, line, key and what is allowed.
"""

_ENGINES = {
    name: engines.names(field.annotation.part)
    for name, field in Config.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, EngineSection)
}
_BARE = {"media": "place", "assistant": "model", **dict.fromkeys(_ENGINES, "engine")}


def document() -> str:
    """The whole page."""
    return "\n".join([_OPENING, *_section((), Config, "## The desk")])


def _section(keys: tuple[str, ...], model: type[BaseModel], heading: str) -> Iterator[str]:
    yield f"{heading}\n"
    if keys and keys[-1] in _BARE:
        yield f"`{keys[-1]}: VALUE` is short for `{keys[-1]}: {{{_BARE[keys[-1]]}: VALUE}}`.\n"
        if _BARE[keys[-1]] == "engine" and "model" in model.model_fields:
            yield f"`{keys[-1]}: VALUE:MODEL` says which `model` as well.\n"
    rows, sections = [], []
    for name, field in model.model_fields.items():
        if inner := section_of(field.annotation):
            sections.append((name, field, inner))
        else:
            setting = ".".join((*keys, name))
            rows.append(f"| `{setting}` | {_default(field)} | {_meaning(keys, name, field)} |")
    if rows:
        yield "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows, ""])
    for name, field, inner in sections:
        path = (*keys, name)
        yield from _section(path, inner, f"## `{'.'.join(path)}`\n\n{field.description}")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None or value in ("", [], {}) or isinstance(value, SecretStr):
        return "–"
    if isinstance(value, ByteSize):
        return f"`{value.human_readable().replace('.0', ' ')}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`"


def _meaning(keys: tuple[str, ...], name: str, field: FieldInfo) -> str:
    words = " ".join((field.description or "").split())
    allowed = _allowed(keys, name, field)
    return f"{words} {allowed}".strip()


def _allowed(keys: tuple[str, ...], name: str, field: FieldInfo) -> str:
    if name == "engine" and keys[-1] in _ENGINES:
        return f"One of: {', '.join(f'`{engine}`' for engine in _ENGINES[keys[-1]])}."
    if field.description == Config.model_fields["language"].description:
        return f"One of: {', '.join(f'`{code}`' for code in texts.languages())}."
    if get_origin(field.annotation) is Literal:
        return f"One of: {', '.join(f'`{value}`' for value in get_args(field.annotation))}."
    bounds = {
        bound: getattr(limit, bound)
        for limit in field.metadata
        for bound in ("ge", "gt", "le")
        if getattr(limit, bound, None) is not None
    }
    low = bounds.get("ge", bounds.get("gt"))
    words = [f"more than {low}" if "gt" in bounds else f"at least {low}"] if low is not None else []
    words += [f"at most {bounds['le']}"] if "le" in bounds else []
    return f"{', '.join(words).capitalize()}." if words else ""


def main() -> None:
    """Write the page."""
    DOCUMENT.write_text(document(), "utf-8")


if __name__ == "__main__":
    main()
