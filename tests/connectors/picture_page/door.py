"""A desk that callers show pictures to: its page behind a real server, its text messages to a
stand-in of Twilio's API."""

import asyncio
import io
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from PIL import Image, ImageDraw, ImageFont

from bot.calls.talk import CALL, DeskTalk
from bot.calls.timeline import Timeline
from bot.calls.transport import Call, EndReason
from bot.channel_settings import TwilioSection
from bot.desk import FrontDesk
from bot.dialling import Dialling
from bot.draft import Draft
from bot.history import Past
from bot.limiter import RedisLimiter
from bot.media import MediaStore
from bot.messages import CustomerId, Reply, ReplyKind
from bot.perception import Perception
from bot.picture_links.sending import PictureLinks
from bot.policy import Decision
from bot.store import Store
from bot.understanding import Understanding
from connectors.messaging.front import Limits, open_messaging
from connectors.messaging.texting import texting
from connectors.picture_page import PATH, PicturePage
from connectors.web import build_app
from connectors.webchat import Signer
from tests.builders import EchoPolicy, build_desk, running
from tests.connectors.calls.desk import serving
from tests.connectors.messaging.site import made
from tests.connectors.messaging.stand_in import StandIn

ACCOUNT = "AC" + "0" * 31 + "1"
MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
PUBLIC_URL = "https://desk.example"
MOBILE = "+4741234567"
ANN = CustomerId("cus_ann")
LARGEST_BYTES = 300_000


def picture(text: str = "DECLINED 51") -> bytes:
    image = Image.new("RGB", (480, 140), "white")
    font = ImageFont.load_default(44)
    ImageDraw.Draw(image).text((40, 40), text, fill="black", font=font)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


class Puzzled(EchoPolicy):
    """Knows nothing, but says back what it was shown."""

    async def decide(self, understanding: Understanding, past: Past, draft: Draft) -> Decision:
        if understanding.shown:
            return await super().decide(understanding, past, draft)
        return Decision(ReplyKind.UNKNOWN, "I do not know.", why="test")


class Caller:
    def __init__(self, talk: DeskTalk) -> None:
        self.talk = talk
        self._replies = talk.replies()

    async def say(self, text: str) -> Reply:
        await self.talk.tell(text, from_s=0, to_s=1)
        return await self.hears()

    async def hears(self) -> Reply:
        async with asyncio.timeout(30):
            return await anext(self._replies)


class Door:
    def __init__(self, desk: FrontDesk, links: PictureLinks, api: StandIn, url: str) -> None:
        self.desk = desk
        self.links = links
        self.api = api
        self.url = url

    async def call(self, number: str = MOBILE, id: str = "call_1") -> Caller:
        call = Call(id=id, channel=CALL, customer=ANN, address=f"twilio:{number}")
        return Caller(await DeskTalk.open(self.desk, call))

    async def hang_up(self, id: str = "call_1") -> None:
        call = Call(id=id, channel=CALL, customer=ANN)
        await self.links.over(call, EndReason.CALLER, Timeline())

    def path(self) -> str:
        """Of the link that was sent last."""
        body = self.api.made(MESSAGES)[-1].form["Body"]
        [found] = re.findall(r"https://desk\.example(/show/\S+)", body)
        return str(found)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self._request("GET", path, headers=headers)

    async def put(
        self, path: str, content: Any, media_type: str = "image/png", **headers: str
    ) -> httpx.Response:
        given = {"content-type": media_type} | headers
        return await self._request("PUT", path, headers=given, content=content)

    async def _request(
        self, method: str, path: str, headers: Mapping[str, str], content: Any = None
    ) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            return await client.request(method, path, headers=dict(headers), content=content)


@asynccontextmanager
async def open_door(store: Store, folder: Path) -> AsyncIterator[Door]:
    media = MediaStore(str(folder / "media"))
    perception = Perception(
        transcriber=lambda: made("TRANSCRIBERS", "moonshine"),
        text_reader=lambda: made("TEXT_READERS", "ppocr"),
        image_encoder=lambda: made("IMAGE_ENCODERS", "small"),
        media=media,
    )
    links = PictureLinks(
        store,
        dialling=Dialling(["+47"]),
        business="Voltaro & Co",
        minutes=10,
        per_hour=60,
        upload_bytes=LARGEST_BYTES,
    )
    desk = build_desk(store, folder, Puzzled(), perception=perception, errands=[links])
    api = StandIn()
    api.answer("POST", MESSAGES, {"sid": "SM1"})
    limiter = RedisLimiter(store)
    async with (
        api.serving(),
        open_messaging(
            {"twilio": ("connectors.twilio", TwilioSection.model_validate(
                {"account": ACCOUNT, "token": "the-token", "api": api.url}
            ))},
            desk=desk,
            limiter=limiter,
            signer=Signer(b"s" * 32),
            limits=Limits(text_chars=8_000, attachments=10, upload_bytes=LARGEST_BYTES),
            public_url=PUBLIC_URL,
        ) as messaging,
    ):  # fmt: skip
        send = texting(messaging.providers, "twilio", "+4722000000")
        assert send
        links.serve(desk, send, f"{PUBLIC_URL}{PATH}")
        page = PicturePage(links, limiter, business="Voltaro & Co")
        async with serving(build_app(pictures=page)) as url, running(desk):
            yield Door(desk, links, api, url)
    await perception.close()
