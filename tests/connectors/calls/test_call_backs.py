"""A call-back from beginning to end: arranged in a chat, called by Twilio until it is answered."""

from pathlib import Path

import pytest

from bot.call_backs.book import State
from bot.calls import first_words
from bot.calls.manner import Manner
from bot.calls.switchboard import Switchboard
from bot.line_settings import TwilioLine
from bot.speech import Speaker
from bot.store import Store
from connectors.calls.front import open_lines
from connectors.web import build_app
from models.espeak import Espeak
from models.transcriber import Transcriber
from tests.bot.call_backs.test_arranging import ANN, OWN, Shop, write
from tests.builders import CHANNEL, running
from tests.connectors.calls.desk import PUBLIC_URL, CallSite, ScriptedCalls, serving
from tests.connectors.calls.twilio_side import (
    ACCOUNT,
    DESK,
    SID,
    TOKEN,
    post,
    stream_path,
    streaming,
)
from tests.connectors.messaging.stand_in import StandIn

CALLS = f"/2010-04-01/Accounts/{ACCOUNT}/Calls"


def no_transcriber() -> Transcriber:
    raise AssertionError("nobody speaks")


async def test_a_call_back_is_called_until_somebody_answers(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_words, "OTHER_SIDE_S", 0.05)
    shop, api = Shop(store, tmp_path), StandIn()
    api.answer("POST", f"{CALLS}/{SID}.json", {"sid": SID})
    api.answer("POST", f"{CALLS}.json", {"sid": SID, "status": "queued"})
    desk = shop.open()
    switchboard = Switchboard(
        desk,
        transcriber=no_transcriber,
        speaker=Speaker(Espeak(), desk._media),
        manner=Manner(business="Shop", language="en"),
        watches=[shop.calling],
    )
    async with api.serving(), running(desk):
        given = {"account": ACCOUNT, "token": TOKEN, "number": DESK, "api": api.url}
        settings = TwilioLine.model_validate(given)
        async with (
            open_lines({"twilio": settings}, calls=switchboard, public_url=PUBLIC_URL) as front,
            serving(build_app(calls=front)) as url,
        ):
            site = CallSite(ScriptedCalls(), front, url)
            chat = (await desk.open_conversation(CHANNEL, ANN)).id
            await write(shop, chat, "Please call me back in one hour")
            await write(shop, chat, "yes")
            shop.now += 3600
            assert await shop.calling.call_next(front.dial)
            [first] = await api.wait(f"{CALLS}.json")
            assert (first.form["To"], first.form["From"]) == (OWN, DESK)
            await post(site, "/status", CallStatus="no-answer")
            await until(shop, attempts=1)
            assert not await shop.calling.call_next(front.dial)
            shop.now += 900
            assert await shop.calling.call_next(front.dial)
            _, second = await api.wait(f"{CALLS}.json", 2)
            async with streaming(site, stream_path(second.form["Twiml"])) as stream:
                await stream.start()
                await stream.wait("media", 10)  # the desk says who calls, and why
                assert [each.state for each in await shop.book.over()] == [State.REACHED]
                await stream.send("stop", stop={})
                await stream.socket.wait_closed()
    assert await shop.book.waiting() == []
    switchboard.close()


async def until(shop: Shop, attempts: int) -> None:
    """Wait until a call-back that was not answered waits for its next attempt."""
    while True:
        [waiting] = await shop.book.waiting()
        if waiting.attempts == attempts and waiting.at == shop.now + 900:
            return
