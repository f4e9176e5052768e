"""The desk with all channels that have a signer: `python -m benchmarks.channels.desk FOLDER
[--silent]`; prints its URL when it is ready, ends on SIGTERM.

Server, embedded Redis and routes are those of `frontdesk serve`. Turns are answered with an echo,
or left alone (`--silent`). What would go to a provider ends here: how fast a provider takes it is
not the desk's doing.
"""

import argparse
import asyncio
import signal
from pathlib import Path

import uvloop

from benchmarks.echo_desk import EchoPolicy
from bot import garbage, language
from bot.channel import Progress
from bot.channels import CHANNELS
from bot.desk import FrontDesk
from bot.inbox import InboxLimits
from bot.limiter import RedisLimiter
from bot.media import MediaStore
from bot.messages import ChannelName, Reply
from bot.perception import Perception
from bot.redis_server import RedisServer
from bot.speech import Speaker
from bot.store import Store
from connectors.messaging.front import Limits, open_messaging
from connectors.server import Server
from connectors.web import build_app
from connectors.webchat.tokens import Signer, load_secret
from models.espeak import Espeak
from tests.connectors.signers import PUBLIC_URL, SIGNERS

NOWHERE = "http://127.0.0.1:9"


class Taken:
    """`bot.channel.Connector` of a provider that takes everything at once."""

    def __init__(self, channel: ChannelName) -> None:
        self.channel = channel

    async def deliver(self, reply: Reply, seq: int) -> None:
        pass

    def show(self, progress: Progress) -> None:
        pass


def ready(url: str) -> None:
    garbage.settle()  # as `frontdesk serve` does
    print(url, flush=True)


async def serve(folder: Path, *, silent: bool) -> None:
    language.warm_up()
    redis = RedisServer(folder / "redis")
    await redis.start()
    store = Store(redis.url)
    await store.connect()
    media = MediaStore(str(folder / "media"))
    desk = FrontDesk(
        store=store,
        media=media,
        perception=Perception.embedded(media),
        policy=EchoPolicy(),
        speaker=Speaker(Espeak(), media),
        limits=InboxLimits(messages_per_minute=10_000_000, burst=1_000_000),
        keep_days=1,
        keep_entries=200,
        language="en",
        alone=True,
    )
    configured = {name: (CHANNELS[name], SIGNERS[name].settings(NOWHERE)) for name in SIGNERS}
    async with open_messaging(
        configured,
        desk=desk,
        limiter=RedisLimiter(store),
        signer=Signer(load_secret(folder)),
        limits=Limits(text_chars=8_000, attachments=10, upload_bytes=25 * 1024**2),
        public_url=PUBLIC_URL,
    ) as messaging:
        for provider in messaging.providers:
            desk.connect(Taken(provider.channel), provider.fetch)
        server = Server(
            build_app(messaging=messaging.routes),
            host="127.0.0.1",
            port=0,
            on_ready=ready,
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
        work = None if silent else asyncio.create_task(desk.run())
        await server.serve()
        if work:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
    await store.close()
    await redis.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--silent", action="store_true")
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.folder, silent=arguments.silent))
