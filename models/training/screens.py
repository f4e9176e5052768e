"""Pictures that customers might send, drawn by rule: dialogs, phones, documents, tables, objects.

Every picture follows from its seed, so that two runs see the same and a held-out set stays so.
"""

import random
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

_WORDS = [
    "payment",
    "declined",
    "order",
    "delivery",
    "account",
    "error",
    "update",
    "sign",
    "in",
    "password",
    "invoice",
    "total",
    "tax",
    "amount",
    "parcel",
    "tracking",
    "address",
    "return",
    "refund",
    "warranty",
    "router",
    "battery",
    "network",
    "settings",
    "profile",
    "cancel",
    "confirm",
    "continue",
    "retry",
    "help",
    "contact",
    "support",
    "card",
    "bank",
    "code",
    "expired",
    "limit",
    "name",
    "street",
    "city",
    "country",
    "phone",
    "e-mail",
    "save",
    "close",
    "open",
    "file",
    "edit",
    "view",
    "window",
    "status",
    "online",
    "Zahlung",
    "abgelehnt",
    "Konto",
    "Bestellung",
    "Lieferung",
    "pago",
    "pedido",
    "cuenta",
    "envío",
    "commande",
    "livraison",
]


def draw_screen(seed: int) -> Image.Image:
    """One picture, RGB, between 200 and 420 pixels a side."""
    rng = random.Random(seed)
    return rng.choice(_KINDS)(rng)


def _theme(rng: random.Random) -> tuple[Colour, Colour, Colour]:
    """Background, text and accent."""
    accent = (rng.randrange(30, 230), rng.randrange(30, 230), rng.randrange(30, 230))
    if rng.random() < 0.35:
        ground = rng.randrange(12, 50)
        return (ground, ground, ground + rng.randrange(0, 12)), (225, 228, 235), accent
    ground = rng.randrange(225, 256)
    return (ground, ground, ground), (30, 32, 40), accent


def _words(rng: random.Random, least: int, most: int) -> str:
    words = [rng.choice(_WORDS) for _ in range(rng.randint(least, most))]
    if rng.random() < 0.4:
        words.append(str(rng.randrange(1, 99_999)))
    return " ".join(words).capitalize()


def _text(
    draw: ImageDraw.ImageDraw, rng: random.Random, at: tuple[int, int], fill: Colour, size: int
) -> None:
    draw.text(at, _words(rng, 1, 5), fill=fill, font=ImageFont.load_default(size))


def _lines(
    draw: ImageDraw.ImageDraw, rng: random.Random, box: tuple[int, int, int, int], fill: Colour
) -> None:
    size = rng.randint(9, 15)
    top = box[1]
    while top + size < box[3]:
        _text(draw, rng, (box[0], top), fill, size)
        top += int(size * rng.uniform(1.3, 1.8))


def _button(
    draw: ImageDraw.ImageDraw, rng: random.Random, at: tuple[int, int], colour: Colour
) -> None:
    width = rng.randint(50, 110)
    draw.rounded_rectangle((*at, at[0] + width, at[1] + 24), rng.randint(2, 12), fill=colour)
    draw.text(
        (at[0] + 10, at[1] + 6),
        rng.choice(_WORDS),
        fill=(255, 255, 255),
        font=ImageFont.load_default(11),
    )


def _dialog(rng: random.Random) -> Image.Image:
    ground, ink, accent = _theme(rng)
    width, height = rng.randint(300, 420), rng.randint(220, 320)
    desk = tuple(rng.randrange(40, 220) for _ in range(3))
    image = Image.new("RGB", (width, height), desk)
    draw = ImageDraw.Draw(image)
    left, top = rng.randint(10, 60), rng.randint(10, 50)
    right, bottom = width - rng.randint(10, 60), height - rng.randint(10, 50)
    draw.rounded_rectangle((left, top, right, bottom), rng.randint(0, 14), fill=ground)
    if rng.random() < 0.7:
        draw.rectangle((left, top, right, top + 24), fill=accent)
    _text(draw, rng, (left + 10, top + 6), ink, 12)
    radius = rng.randint(10, 22)
    draw.ellipse((left + 14, top + 40, left + 14 + radius * 2, top + 40 + radius * 2), fill=accent)
    _lines(draw, rng, (left + 30 + radius * 2, top + 38, right, bottom - 44), ink)
    for number in range(rng.randint(1, 2)):
        _button(draw, rng, (right - 120 * (number + 1), bottom - 34), accent)
    return image


def _phone(rng: random.Random) -> Image.Image:
    ground, ink, accent = _theme(rng)
    width, height = rng.randint(200, 240), rng.randint(360, 420)
    image = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(image)
    draw.text((8, 4), f"{rng.randrange(24)}:{rng.randrange(60):02d}", fill=ink)
    draw.rectangle((width - 30, 6, width - 10, 14), outline=ink)
    draw.rectangle((0, 20, width, 20 + rng.randint(24, 50)), fill=accent)
    _text(draw, rng, (12, 28), (255, 255, 255), 14)
    top = 80
    while top < height - 70:
        block = rng.randint(30, 90)
        if rng.random() < 0.6:
            shade = tuple(max(0, min(255, part + rng.choice((-14, 14)))) for part in ground)
            draw.rounded_rectangle((10, top, width - 10, top + block), 8, fill=shade)
        if rng.random() < 0.3:
            draw.rectangle((16, top + 6, 16 + block - 12, top + block - 6), fill=_any(rng))
        _lines(draw, rng, (rng.randint(18, 60), top + 6, width - 16, top + block - 4), ink)
        top += block + rng.randint(6, 16)
    _button(draw, rng, (rng.randint(14, width - 120), height - 40), accent)
    return image


def _document(rng: random.Random) -> Image.Image:
    width, height = rng.randint(260, 320), rng.randint(340, 420)
    image = Image.new("RGB", (width, height), (252, 252, 250))
    draw = ImageDraw.Draw(image)
    accent = _any(rng)
    draw.rectangle((16, 16, 16 + rng.randint(30, 80), 16 + rng.randint(14, 36)), fill=accent)
    _text(draw, rng, (width // 2, 20), (30, 30, 30), rng.randint(12, 20))
    _lines(draw, rng, (16, 66, width // 2, rng.randint(100, 140)), (60, 60, 60))
    _rows(draw, rng, (16, rng.randint(150, 190), width - 16, height - 60), (40, 40, 40), accent)
    _text(draw, rng, (rng.randint(16, width // 2), height - 40), (20, 20, 20), 14)
    return image


def _rows(
    draw: ImageDraw.ImageDraw,
    rng: random.Random,
    box: tuple[int, int, int, int],
    ink: Colour,
    accent: Colour,
) -> None:
    columns, size = rng.randint(2, 5), rng.randint(16, 28)
    draw.rectangle((box[0], box[1], box[2], box[1] + size), fill=accent)
    for row in range((box[3] - box[1]) // size):
        top = box[1] + row * size
        draw.line((box[0], top, box[2], top), fill=(170, 170, 175))
        for column in range(columns):
            left = box[0] + column * (box[2] - box[0]) // columns
            word = rng.choice(_WORDS) if column == 0 else f"{rng.uniform(1, 900):.2f}"
            draw.text((left + 4, top + 4), word, fill=ink, font=ImageFont.load_default(10))


def _table(rng: random.Random) -> Image.Image:
    ground, ink, accent = _theme(rng)
    width, height = rng.randint(320, 420), rng.randint(220, 300)
    image = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(image)
    side = rng.choice((0, 0, rng.randint(60, 100)))
    draw.rectangle((0, 0, side, height), fill=accent)
    _text(draw, rng, (side + 12, 10), ink, 16)
    _rows(draw, rng, (side + 12, 44, width - 12, height - 16), ink, accent)
    return image


def _chat(rng: random.Random) -> Image.Image:
    ground, ink, accent = _theme(rng)
    width, height = rng.randint(220, 320), rng.randint(320, 420)
    image = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(image)
    top = 14
    while top < height - 50:
        tall, wide = rng.randint(22, 60), rng.randint(80, width - 60)
        own = rng.random() < 0.5
        left = width - wide - 10 if own else 10
        fill = accent if own else tuple(max(0, part - 24) for part in ground)
        draw.rounded_rectangle((left, top, left + wide, top + tall), 10, fill=fill)
        _lines(draw, rng, (left + 8, top + 5, left + wide, top + tall), ink)
        top += tall + rng.randint(6, 20)
    return image


def _object(rng: random.Random) -> Image.Image:
    """Something photographed: shapes on a ground, with light from one side."""
    side = rng.randint(220, 360)
    image = Image.linear_gradient("L").rotate(rng.randrange(360)).resize((side, side))
    image = Image.merge("RGB", [image.point(_shade(rng)) for _ in range(3)])
    draw = ImageDraw.Draw(image)
    for _ in range(rng.randint(3, 9)):
        left, top = rng.randint(0, side - 30), rng.randint(0, side - 30)
        box = (left, top, left + rng.randint(20, side // 2), top + rng.randint(20, side // 2))
        shape = rng.choice((draw.ellipse, draw.rectangle))
        shape(box, fill=_any(rng), outline=_any(rng), width=rng.randint(1, 4))
    return image


def _shade(rng: random.Random) -> Callable[[int], float]:
    low, high = rng.randint(0, 140), rng.randint(150, 255)
    return lambda level: low + level * (high - low) / 255


def _any(rng: random.Random) -> Colour:
    return (rng.randrange(256), rng.randrange(256), rng.randrange(256))


_KINDS: tuple[Callable[[random.Random], Image.Image], ...] = (
    _dialog,
    _phone,
    _document,
    _table,
    _chat,
    _object,
)
