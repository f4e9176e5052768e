"""Which project a command is about, and its Redis without the rest of the desk."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.config import Config
    from bot.store import Store

Project = Annotated[
    Path,
    typer.Option(
        "--project",
        "-p",
        metavar="FOLDER",
        envvar="FRONTDESK_PROJECT",
        help="The folder with `frontdesk.yaml`.",
    ),
]
HERE = Path()


def load_project(folder: Path) -> "Config":
    """The project's configuration. Raises `OperatorError`."""
    from bot.config import load

    return load(folder)


@asynccontextmanager
async def open_store(config: "Config") -> AsyncIterator["Store"]:
    """The project's Redis: the one that runs, or the embedded one, started for as long as this
    lasts. Raises `OperatorError` and `Unavailable`."""
    from bot.redis_server import RedisServer
    from bot.store import Store

    server = RedisServer(config.redis_folder) if config.redis == "embedded" else None
    if server:
        await server.start()
    try:
        store = Store(server.url if server else config.redis)
        await store.connect()
        try:
            yield store
        finally:
            await store.close()
    finally:
        if server:
            await server.stop()


def shown(path: Path) -> str:
    """A path as a person would write it from here."""
    relative = os.path.relpath(path)
    return relative if not relative.startswith("..") else str(path)


def counted(count: int, noun: str) -> str:
    """`1 article`, `2 articles`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
