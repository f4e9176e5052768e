"""HTML and SVG by functions: what is text is escaped, what is markup is `Markup`."""

from collections.abc import Iterable
from html import escape


class Markup(str):
    """A string that is markup already."""

    __slots__ = ()


def tag(name: str, /, *content: "Markup | str | None", **attributes: str | float | None) -> Markup:
    """An element. `class_` stands for `class`, `_` for `-`; attributes that are None are left
    out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{given}>{join(content)}</{name}>")


def join(parts: "Iterable[Markup | str | None]") -> Markup:
    """One below the other, texts escaped."""
    return Markup(
        "".join(
            part if isinstance(part, Markup) else escape(part) for part in parts if part is not None
        )
    )
