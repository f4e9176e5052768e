"""Resident memory: idle, and after a thousand mixed turns."""

import io
import random
from pathlib import Path

import uvloop
from PIL import Image, ImageDraw, ImageFont

from benchmarks.desk_process import DeskProcess, example_desk
from benchmarks.figures import Figure
from benchmarks.text_turns import questions
from benchmarks.voice_and_image import recording
from benchmarks.widget_client import WidgetClient

_TURNS = 1_000
_IMAGE_EVERY = 20
_VOICE_EVERY = 25
_CUSTOMERS = 4


def measure(folder: Path) -> list[Figure]:
    with example_desk(folder) as desk:
        idle, after = uvloop.run(_work(desk))
    growth = (after - idle) / idle * 100
    return [
        Figure("resident memory, idle", round(idle / 1e9, 3), "GB", at_most=1.2),
        Figure("resident memory, after 1 000 mixed turns", round(after / 1e9, 3), "GB"),
        Figure("growth", round(growth, 1), "%", at_most=10),
    ]


async def _work(desk: DeskProcess) -> tuple[int, int]:
    """Bytes before and after. Idle means that every model has been used once."""
    random.seed(1)
    note, _ = recording()
    customers = [await WidgetClient.open(desk.url) for _ in range(_CUSTOMERS)]
    await customers[0].ask("", await customers[0].upload(note, "n.ogg", "audio/ogg"))
    await customers[0].ask("this?", await customers[0].upload(_picture(), "p.png", "image/png"))
    idle = desk.memory_bytes()
    asked = questions()
    for turn in range(_TURNS):
        customer = customers[turn % _CUSTOMERS]
        if turn % _IMAGE_EVERY == 0:
            picture = await customer.upload(_picture(), "p.png", "image/png")
            await customer.ask("what is this?", picture)
        elif turn % _VOICE_EVERY == 1:
            await customer.ask("", await customer.upload(note, "n.ogg", "audio/ogg"))
        else:
            await customer.ask(asked[turn % len(asked)])
    after = desk.memory_bytes()
    for customer in customers:
        await customer.close()
    return idle, after


def _picture() -> bytes:
    """A screenshot of a size that varies, as customers' do."""
    width, height = random.randint(360, 1920), random.randint(360, 1200)
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(20)
    for line in range(random.randint(3, 20)):
        draw.text(
            (20, 20 + line * 30),
            f"Payment {line} declined, code {random.randint(1, 99)}",
            fill="black",
            font=font,
        )
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()
