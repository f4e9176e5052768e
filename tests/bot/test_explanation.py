"""Why a turn was recognised as it was, from the customer's pictures to the trace of the desk."""

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

from bot.cli.explain import tree_of
from bot.desk import FrontDesk
from bot.explanation import place_of
from bot.media import MediaStore
from bot.messages import Attachment, AttachmentKind, ConversationId, TurnId
from bot.recognition import Recogniser
from bot.store import Store
from models.minilm import MiniLM
from models.understanding.observation import Line
from models.understanding.versions import Versions
from tests.builders import (
    EchoPolicy,
    RecordingConnector,
    build_desk,
    message,
    new_conversation,
    running,
)
from tests.models.understanding.screens import SCREENS, screen, train_on_screens

pytestmark = pytest.mark.timeout(300)

PDF_WITH_A_LINE = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R
/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj
4 0 obj<</Length 60>>stream
BT /F1 18 Tf 20 100 Td (Your invoice and your receipt) Tj ET
endstream endobj
trailer<</Root 1 0 R>>
"""


@pytest.fixture(scope="module")
def screens(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    versions = Versions(tmp_path_factory.mktemp("screens"))
    train_on_screens(versions, MiniLM())
    return versions


@pytest.fixture
def media(folder: Path) -> MediaStore:
    """Where `desk` keeps what customers send."""
    return MediaStore(str(folder / "media"))


@pytest.fixture
async def desk(store: Store, folder: Path, screens: Versions) -> AsyncIterator[FrontDesk]:
    recogniser = Recogniser(screens, MiniLM(), ["en"])
    await recogniser.renew()
    desk = build_desk(store, folder, EchoPolicy(), recogniser=recogniser)
    async with running(desk):
        yield desk
    await recogniser.close()


async def _picture(media: MediaStore, picture: Image.Image) -> Attachment:
    data = io.BytesIO()
    picture.save(data, "PNG")
    return await media.put(data.getvalue(), kind=AttachmentKind.IMAGE, media_type="image/png")


async def _answered(
    desk: FrontDesk, text: str, *attachments: Attachment
) -> tuple[ConversationId, TurnId]:
    """The turn in which the desk answered this."""
    connector = RecordingConnector()
    desk.connect(connector)
    conversation = await new_conversation(desk)
    await desk.accept(message(conversation, text, *attachments))
    [reply] = await connector.replies(1)
    return conversation, reply.turn


async def test_each_line_and_region_is_of_its_picture(desk: FrontDesk, media: MediaStore) -> None:
    login = await _picture(media, screen(*SCREENS["login"]))
    parcel = await _picture(media, screen(*SCREENS["order_status"]))
    trace = await desk.trace(*await _answered(desk, "see picture", login, parcel))
    assert trace
    why = trace["attribution"]
    of = {line["line"]["text"]: (line["picture"], line["where"]) for line in why["lines"]}
    assert of["Sign in"] == (login.id, "top left")
    assert of["Wrong password"] == (login.id, "middle")
    assert of["Your parcel"] == (parcel.id, "top left")
    assert [each["attachment"] for each in why["pictures"]] == [login.id, parcel.id]
    # The model has the look of the first alone.
    assert not why["pictures"][1]["regions"]
    assert {"observation", "pictures"}.isdisjoint(trace["recognised"])


async def test_the_region_that_shows_the_intent_counts(desk: FrontDesk, media: MediaStore) -> None:
    login = await _picture(media, screen(*SCREENS["login"]))
    trace = await desk.trace(*await _answered(desk, "see picture", login))
    assert trace
    why = trace["attribution"]
    assert why["intent"] == "login"
    [picture] = why["pictures"]
    best = max(picture["regions"], key=lambda each: each["value"])
    assert best["value"] > 0
    assert best["where"].startswith("top ")
    assert (best["top"], best["bottom"]) == (0.0, 0.25)


async def test_without_the_picture_the_rest_is_explained(
    desk: FrontDesk, media: MediaStore, folder: Path
) -> None:
    login = await _picture(media, screen(*SCREENS["login"]))
    turn = await _answered(desk, "see picture", login)
    (folder / "media" / login.id).write_bytes(b"no picture any more")
    damaged = await desk.trace(*turn)
    (folder / "media" / login.id).unlink()
    missing = await desk.trace(*turn)
    assert damaged
    assert damaged == missing
    [picture] = damaged["attribution"]["pictures"]
    assert not picture["regions"]
    assert {line["picture"] for line in damaged["attribution"]["lines"]} == {login.id}


async def test_a_document_s_lines_stand_in_no_picture(desk: FrontDesk, media: MediaStore) -> None:
    document = await media.put(
        PDF_WITH_A_LINE, kind=AttachmentKind.FILE, media_type="application/pdf"
    )
    login = await _picture(media, screen(*SCREENS["login"]))
    trace = await desk.trace(*await _answered(desk, "see picture", document, login))
    assert trace
    of = {line["line"]["text"]: line["picture"] for line in trace["attribution"]["lines"]}
    assert of["Your invoice and your receipt"] is None
    assert of["Sign in"] == login.id
    told = _told(trace)
    assert "“Your invoice and your receipt”, " in told
    assert "“Sign in”, top left, " in told


async def test_it_is_told_in_words(desk: FrontDesk, media: MediaStore) -> None:
    login = await _picture(media, screen(*SCREENS["login"]))
    parcel = await _picture(media, screen(*SCREENS["order_status"]))
    alone = _told(await desk.trace(*await _answered(desk, "see picture", login)))
    assert "“Wrong password”, middle, " in alone
    assert "regions that mattered: top " in alone
    assert "words: see " in alone
    both = _told(await desk.trace(*await _answered(desk, "see picture", login, parcel)))
    assert "“Your parcel”, top left of picture 2, " in both


def test_what_an_answer_took_that_was_begun_in_a_pause_is_told() -> None:
    ahead = {"ahead_ms": 61.0, "milliseconds": {"encode": 3.2}}
    told = _told({"turn": "4", "conversation": "con_1", "channel": "call", "prepared": ahead})
    assert "encode, in the caller's pause 3.2 ms" in told


def _told(trace: Any) -> str:
    output = io.StringIO()
    Console(file=output, width=200, color_system=None).print(tree_of(trace))
    return output.getvalue()


@pytest.mark.parametrize(
    ("line", "place"),
    [
        (Line("", 0.0, 0.0, 0.1, 0.1), "top left"),
        (Line("", 0.1, 0.0, 0.9, 0.1), "top"),
        (Line("", 0.4, 0.45, 0.6, 0.55), "middle"),
        (Line("", 0.8, 0.45, 1.0, 0.55), "right"),
        (Line("", 1.0, 1.0, 1.0, 1.0), "bottom right"),
    ],
)
def test_where_a_line_stands(line: Line, place: str) -> None:
    assert place_of(line) == place
