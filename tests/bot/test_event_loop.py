"""Nothing blocks the event loop: others go on while a screenshot is read, a voice note heard."""

import asyncio
import io
import time
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bot import language
from bot.media import MediaStore
from bot.messages import Attachment, AttachmentKind
from bot.perception import Perception
from bot.store import Store
from models.audio import encode_ogg_opus
from models.espeak import Espeak
from tests.builders import (
    EchoPolicy,
    RecordingConnector,
    build_desk,
    message,
    new_conversation,
    running,
)

_MOST_AT_ONCE_S = 0.2
"""Processor time of the loop's own thread between two beats, which a busy machine does not change.
Hearing and reading take a second and more; what is left on the loop takes milliseconds."""


async def test_hearing_reading_and_speaking_leave_the_loop_free(store: Store, folder: Path) -> None:
    media = MediaStore(str(folder / "media"))
    perception = Perception.embedded(media)
    await perception.warm_up()
    await asyncio.to_thread(language.warm_up)
    desk = build_desk(store, folder, EchoPolicy(), perception=perception)
    connector = RecordingConnector()
    desk.connect(connector)
    spent: list[float] = []

    async def watch() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.01)  # the beat itself: nothing waits for it
            spent.append(time.thread_time() - before)

    async with running(desk):
        conversation = await new_conversation(desk)
        picture, note = await _picture(media), await _voice_note(media)
        watching = asyncio.create_task(watch())
        await desk.accept(message(conversation, "look and listen", picture, note))
        [reply] = await connector.replies(1, timeout_s=60)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    await perception.close()
    assert "payment declined" in reply.text.lower()
    assert "headphones" in reply.text.lower()
    assert reply.speech
    assert max(spent) < _MOST_AT_ONCE_S


async def _picture(media: MediaStore) -> Attachment:
    image = Image.new("RGB", (1280, 720), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(28)
    for line in range(18):
        draw.text((40, 20 + line * 38), f"Payment declined, code {line}", fill="black", font=font)
    data = io.BytesIO()
    image.save(data, "PNG")
    return await media.put(data.getvalue(), kind=AttachmentKind.IMAGE, media_type="image/png")


async def _voice_note(media: MediaStore) -> Attachment:
    [speech] = Espeak().synthesize("I would like to return the headphones that I bought", "en")
    return await media.put(
        encode_ogg_opus(speech), kind=AttachmentKind.AUDIO, media_type="audio/ogg"
    )
