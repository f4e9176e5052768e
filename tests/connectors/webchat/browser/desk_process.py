"""The whole desk as its operator runs it: one process, started, killed and started again."""

import asyncio
import os
import shutil
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import yaml

SITE = "shop.example"
SITE_SECRET = "the-secret-that-shop-and-desk-share"
"""What the test's host site signs its customers' identity with."""
READY_S = 60.0
_AGAIN_S = 0.1


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class DeskProcess:
    """`frontdesk serve` on a copy of an example project, with a data folder of its own."""

    def __init__(self, example: Path, folder: Path, *, developer: bool = True) -> None:
        self.project = folder / example.name
        shutil.copytree(example, self.project, ignore=shutil.ignore_patterns(".frontdesk"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.site_port = free_port()
        """Where the pages of shop.example may show the widget."""
        self._configure(developer)
        self._log = folder / "desk.log"
        self._process: asyncio.subprocess.Process | None = None

    def _configure(self, developer: bool) -> None:
        """The example's settings, with a host site, and with or without the developer's drawer."""
        file = self.project / "frontdesk.yaml"
        settings = yaml.safe_load(file.read_text("utf-8"))
        webchat = settings.setdefault("channels", {}).setdefault("webchat", {})
        origins = [f"http://{SITE}:{self.site_port}"]
        webchat |= {"identity": {"shop": SITE_SECRET}, "developer": developer, "origins": origins}
        file.write_text(yaml.safe_dump(settings, allow_unicode=True), "utf-8")

    async def start(self) -> None:
        """Returns once it takes messages."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", "from bot.cli import main; main()"),
                *("serve", "--port", str(self.port), "--project", str(self.project)),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        async with asyncio.timeout(READY_S), httpx.AsyncClient() as client:
            while not await self._ready(client):
                if self._process.returncode is not None:
                    raise RuntimeError(f"the desk ended:\n{self._log.read_text()}")
                await asyncio.sleep(_AGAIN_S)

    async def kill(self) -> None:
        """As if the power had failed: nothing is finished, nothing is written."""
        if self._process:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        """End it, and what it may have left behind."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.terminate()
        await self._process.wait()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def _ready(self, client: httpx.AsyncClient) -> bool:
        try:
            return (await client.get(f"{self.url}/readyz")).is_success
        except httpx.TransportError:
            return False
