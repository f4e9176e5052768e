"""The desk with an echo for an answer: every message and reply still goes through Redis.

`python -m benchmarks.echo_desk FOLDER`; prints its URL when it is ready, ends on SIGTERM.
"""

import asyncio
import signal
import sys
from pathlib import Path

import uvloop

from bot import language
from bot.desk import FrontDesk
from bot.draft import Draft
from bot.history import Past
from bot.inbox import InboxLimits
from bot.limiter import RedisLimiter
from bot.media import MediaStore
from bot.messages import ReplyKind
from bot.perception import Perception
from bot.policy import Decision
from bot.redis_server import RedisServer
from bot.speech import Speaker
from bot.store import Store
from bot.understanding import Understanding
from connectors.limiter import Rate
from connectors.server import Server
from connectors.web import build_app
from connectors.webchat.connector import WebchatConnector
from connectors.webchat.identity import Identity
from connectors.webchat.origins import Origins
from connectors.webchat.settings import Business, Limits, WebchatSettings
from connectors.webchat.tokens import Signer, load_secret
from models.espeak import Espeak

_UNLIMITED = Rate(per_minute=1e7, burst=100_000)


class EchoPolicy:
    async def decide(self, understanding: Understanding, past: Past, draft: Draft) -> Decision:
        return Decision(ReplyKind.ANSWER, understanding.typed, why="echo")


async def serve(folder: Path) -> None:
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
    webchat = WebchatConnector(
        desk=desk,
        signer=Signer(load_secret(folder)),
        identity=Identity({}),
        origins=Origins(),
        limiter=RedisLimiter(store),
        settings=WebchatSettings(
            Business("Echo"),
            limits=Limits(sessions=_UNLIMITED, uploads=_UNLIMITED, lookups=_UNLIMITED),
        ),
    )
    desk.connect(webchat)
    server = Server(
        build_app(webchat=webchat),
        host="127.0.0.1",
        port=0,
        on_ready=lambda url: print(url, flush=True),
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    work = asyncio.create_task(desk.run())
    await server.serve()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await store.close()
    await redis.stop()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))
