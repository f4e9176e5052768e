"""A desk with Telegram in a process of its own, to be killed: it says back what it is told.

    python -m tests.connectors.messaging.desk_process REDIS_URL FOLDER API_URL

It writes the address that it listens at into its standard output.
"""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import IO

from bot.channel_settings import TelegramSection
from bot.store import Store
from tests.conftest import REPOSITORY
from tests.connectors.messaging.site import ChannelSite
from tests.connectors.messaging.telegram_api import SECRET, TOKEN


class DeskProcess:
    def __init__(self, redis_url: str, folder: Path, api_url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, redis_url, str(folder), api_url],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.PIPE,
            text=True,
        )

    async def url(self) -> str:
        """Where it is reached, once it is ready."""
        assert self.process.stdout
        line = await asyncio.to_thread(_first_line, self.process.stdout)
        found = re.match(r"listening at (\S+)", line)
        assert found, f"the desk ended with {self.process.poll()}"
        return found[1]

    def kill(self) -> None:
        """As the system does when memory is short: SIGKILL."""
        self.process.kill()
        self.process.wait()


def _first_line(stream: IO[str]) -> str:
    return stream.readline()


async def main(redis_url: str, folder: str, api_url: str) -> None:
    """Serve until killed."""
    store = Store(redis_url)
    await store.connect()
    settings = TelegramSection.model_validate({"token": TOKEN, "secret": SECRET, "api": api_url})
    site = ChannelSite(store, Path(folder))
    apps = {"telegram": ("connectors.telegram", settings)}
    async with site.open(apps, alone=False):
        print(f"listening at {site.url}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
