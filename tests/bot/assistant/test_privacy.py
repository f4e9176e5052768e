"""What of a customer leaves the machine, in words and in pictures."""

import base64
import io
import re
from typing import Any

import pytest
from langchain_core.messages import BaseMessage
from PIL import Image, ImageDraw

from bot.history import Past
from bot.messages import AttachmentId, AttachmentKind, ConversationId, Entry
from bot.perception import Box, Perceived
from tests.bot.assistant.conftest import Desk
from tests.builders import message

ASKED = (
    "I am Ann Miller, ann@mail.example, +49 30 901820, card 4242 4242 4242 4242. "
    "How do I return something?"
)
PRIVATE = ("Ann", "Miller", "ann@mail", "901820", "4242")


def _told(desk: Desk) -> str:
    """Without the name of the tags, which is drawn by lot and may have any digits."""
    return re.sub(r"data[0-9a-f]{8}", "", desk.told)


def _echo(messages: list[BaseMessage]) -> Any:
    yield "Ann" if "Ann" in str(messages[-1].text) else "{NAME_1}"
    yield ", you may send goods back within 30 days of delivery [1]. "
    yield "No reason is needed [1]."


async def test_a_remote_model_is_told_no_personal_data_and_its_answer_has_it(desk: Desk) -> None:
    desk.hire(_echo)
    past = Past(
        (Entry(1, message(ConversationId("con_1"), "I wrote from ann@mail.example")),),
        {},
        "Ann Miller asked about +49 30 901820",
    )
    worded = await desk.ask(
        ASKED, said="this is Ann", shown="To: Miller", names=("Ann Miller",), past=past
    )
    assert not [private for private in PRIVATE if private in _told(desk)]
    assert worded.account.masked == {"name": 3, "email": 1, "phone": 1, "card": 1}
    assert worded.answer
    assert worded.answer.text.startswith("Ann Miller, you may send goods back")
    assert not any("{" in state for state in desk.seen)


async def test_a_model_on_this_machine_is_told_all(desk: Desk) -> None:
    desk.hire(_echo, remote=False)
    assert (await desk.ask(ASKED)).account.masked == {}
    assert all(private in desk.told for private in PRIVATE)


@pytest.mark.parametrize(
    ("mask", "remote", "hidden"), [("never", True, False), ("always", False, True)]
)
async def test_the_operator_may_say_otherwise(
    desk: Desk, mask: str, remote: bool, hidden: bool
) -> None:
    desk.hire(_echo, remote=remote, mask=mask)
    await desk.ask(ASKED)
    assert ("ann@mail.example" not in desk.told) is hidden


async def test_a_placeholder_that_stands_for_nothing_spoils_the_answer(desk: Desk) -> None:
    desk.hire("You may send goods back to {EMAIL_7} within 30 days [1].")
    worded = await desk.ask("How do I return something?")
    assert worded.account.outcome == "names personal data that there is none of"


async def test_an_address_from_a_picture_is_not_said_back(desk: Desk) -> None:
    """The customer's own may be: a picture may come from anybody."""
    desk.hire("Register the return with {EMAIL_1} at shop.example/returns [1].")
    worded = await desk.ask("How do I return something?", shown="mail refunds@evil.example")
    assert worded.account.outcome == "names an address that no passage has"
    desk.hire("Register the return with {EMAIL_1} at shop.example/returns [1].")
    worded = await desk.ask("How do I return something? I am ann@mail.example")
    assert worded.answer
    assert "with ann@mail.example at" in worded.answer.text


LINES = ("Return of goods", "Card 4242 4242 4242 4242", "Mail ann@mail.example", "Total 30 euros")


def _screenshot() -> tuple[Image.Image, Perceived]:
    image = Image.new("RGB", (400, 200), "white")
    pen = ImageDraw.Draw(image)
    boxes = []
    for number, line in enumerate(LINES):
        pen.rectangle((20, 20 + 40 * number, 380, 45 + 40 * number), fill="red")
        boxes.append(Box(20, 20 + 40 * number, 380, 45 + 40 * number, 1.0, line))
    seen = Perceived(
        AttachmentId("att_1"),
        AttachmentKind.IMAGE,
        shown="\n".join(LINES),
        boxes=tuple(boxes),
        size=image.size,
    )
    return image, seen


def _shown_to(desk: Desk) -> list[Image.Image]:
    content = desk.model.asked[-1][-1].content
    return [
        Image.open(io.BytesIO(base64.b64decode(part["base64"]))).convert("RGB")
        for part in content
        if isinstance(part, dict) and part["type"] == "image"
    ]


def _is_hidden(image: Image.Image, line: int) -> bool:
    red, green, blue = image.getpixel((200, 32 + 40 * line))
    return max(red, green, blue) < 60


async def test_a_model_that_sees_is_shown_the_picture_with_what_is_private_painted_over(
    desk: Desk,
) -> None:
    image, seen = _screenshot()
    desk.pictures["att_1"] = image
    desk.hire(_echo, sees=True)
    worded = await desk.ask("How do I return this?", shown=seen.shown, pictures=(seen,))
    assert worded.account.pictures == 1
    (shown,) = _shown_to(desk)
    assert [_is_hidden(shown, line) for line in range(4)] == [False, True, True, False]
    assert "{CARD_1}" in desk.told
    assert "4242" not in _told(desk)


async def test_a_number_over_two_lines_is_painted_over(desk: Desk) -> None:
    image, seen = _screenshot()
    boxes = list(seen.boxes)
    boxes[1] = Box(*_place(boxes[1]), 1.0, "4242 4242")
    boxes[2] = Box(*_place(boxes[2]), 1.0, "4242 4242")
    desk.pictures["att_1"] = image
    desk.hire(_echo, sees=True)
    broken = Perceived(seen.attachment, seen.kind, shown="x", boxes=tuple(boxes), size=seen.size)
    await desk.ask("How do I return this?", shown="x", pictures=(broken,))
    (shown,) = _shown_to(desk)
    assert [_is_hidden(shown, line) for line in range(4)] == [False, True, True, False]


def _place(box: Box) -> tuple[int, int, int, int]:
    return box.left, box.top, box.right, box.bottom


async def test_a_model_on_this_machine_is_shown_the_whole_picture(desk: Desk) -> None:
    image, seen = _screenshot()
    desk.pictures["att_1"] = image
    desk.hire(_echo, sees=True, remote=False)
    await desk.ask("How do I return this?", shown=seen.shown, pictures=(seen,))
    (shown,) = _shown_to(desk)
    assert not any(_is_hidden(shown, line) for line in range(4))


async def test_a_model_that_does_not_see_is_told_what_was_read(desk: Desk) -> None:
    _, seen = _screenshot()
    desk.hire(_echo)
    worded = await desk.ask("How do I return this?", shown=seen.shown, pictures=(seen,))
    assert worded.account.pictures == 0
    assert "Return of goods" in desk.told


async def test_a_picture_that_is_gone_is_left_out(desk: Desk) -> None:
    _, seen = _screenshot()
    desk.hire(_echo, sees=True)
    worded = await desk.ask(
        "How do I return this? Ann", shown=seen.shown, pictures=(seen,), names=("Ann",)
    )
    assert worded.answer
    assert worded.account.pictures == 0
