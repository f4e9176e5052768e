"""`frontdesk keys`: an API key for another program."""

import re
from importlib import import_module
from typing import Annotated

import typer

from bot.errors import OperatorError


def keys(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Who will use it: `crm`, `mobile-app`.")
    ],
) -> None:
    """Make an API key for the HTTP channel. It is shown once and kept nowhere.

    Example: `frontdesk keys crm`
    """
    from rich.console import Console

    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name):
        raise OperatorError(
            f"{name!r} cannot name a key", remedy="use letters, digits, `-` and `_`"
        )
    api = import_module("connectors.http_api")
    key = api.new_key()
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"The key of [bold]{name}[/], to be kept secret there:\n\n  {key}\n")
    console.print(
        "Its digest, for frontdesk.yaml:\n\n"
        f"channels:\n  http:\n    keys:\n      {name}: {api.digest_of(key)}\n"
    )
