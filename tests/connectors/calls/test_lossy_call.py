"""A whole call over a bad network, on real UDP, by the embedded engines: a question is answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from pathlib import Path

import numpy as np

from bot.calls.manner import Manner
from bot.calls.switchboard import Held, Switchboard
from bot.calls.talk import CALL
from bot.calls.transport import Call, Caption, EndReason, Sound
from bot.desk import FrontDesk
from bot.intents import IntentBook
from bot.knowledge import Knowledge, ingest
from bot.messages import CustomerId, Reply
from bot.policy import DeskPolicy
from bot.speech import Speaker
from bot.store import Store
from connectors.calls.webrtc import WebRtcCall
from models.audio import SAMPLE_RATE_HZ, resampled
from models.espeak import Espeak
from models.minilm import MiniLM
from models.transcriber import Transcriber
from tests.builders import build_desk, running
from tests.connectors.calls.lossy_network import WEATHER, LossyNetwork, share
from tests.connectors.calls.peer import RATE, Browser
from tests.connectors.messaging.site import made

CALLER = CustomerId("cus_ann")
ARTICLES = {
    "returns.md": "# Sending something back\n\nYou can return every article for three weeks. Bring "
    "the parcel to the nearest post office, and keep the receipt until the money is in your "
    "account.\n",
    "hours.md": "# Opening hours\n\nOur shop is open from Monday to Friday, from nine to six.\n",
    "repairs.md": "# Repairs\n\nA repair takes two weeks. We call you when it is done.\n",
}
"""Of the first nothing is misheard on a good line."""
QUESTION = "How long do I have to send something back?"


@asynccontextmanager
async def shop(store: Store, folder: Path) -> AsyncIterator[FrontDesk]:
    """A desk that knows three articles."""
    for name in ("knowledge", "intents"):
        (folder / name).mkdir()
    for name, text in ARTICLES.items():
        (folder / "knowledge" / name).write_text(text, "utf-8")
    encoder = MiniLM()
    await asyncio.to_thread(ingest, folder / "knowledge", folder / "index", encoder)
    knowledge = Knowledge.open(folder / "index", encoder)
    policy = DeskPolicy(knowledge, IntentBook(folder / "intents"), "Shop", {}, {})
    async with running(build_desk(store, folder, policy)) as desk:
        yield desk
    await knowledge.close()


def spoken(text: str) -> Sound:
    pieces = [
        resampled(each.samples, each.sample_rate_hz, RATE)
        for each in Espeak("en-us", 160).synthesize(text, "en")
    ]
    return np.concatenate(pieces)


class Caller:
    """Somebody behind a bad network."""

    def __init__(self) -> None:
        self._captions: asyncio.Queue[Caption] = asyncio.Queue()
        self.browser = Browser(np.zeros(0, np.float32))
        self.said: list[str] = []
        """By the desk."""
        self.held: Held
        self.network = LossyNetwork(WEATHER, seed=7)

    @asynccontextmanager
    async def calling(self, switchboard: Switchboard) -> AsyncIterator[None]:
        line = WebRtcCall("call_1", show=self._captions.put_nowait)
        call = Call(id="call_1", channel=CALL, customer=CALLER)
        held = asyncio.create_task(switchboard.talk(call, line))
        try:
            offer = await self.network.between(await self.browser.offer())
            await self.browser.accept(await self.network.between(await line.take(offer)))
            yield
        finally:
            await self.browser.close()
            self.held = await held
            self.network.close()

    async def hears(self, words: str) -> None:
        """Wait until the desk has said these."""
        shown: list[Caption] = []
        try:
            async with asyncio.timeout(14):
                while not self.said or words not in self.said[-1]:
                    shown.append(caption := await self._captions.get())
                    if caption.final and not caption.by_caller:
                        self.said.append(caption.text)
        except TimeoutError as error:
            raise AssertionError([each.text for each in shown if each.final]) from error


async def test_a_question_is_answered_over_a_bad_network(store: Store, tmp_path: Path) -> None:
    transcriber: Transcriber = made("TRANSCRIBERS", "moonshine")
    async with shop(store, tmp_path) as desk:
        switchboard = Switchboard(
            desk,
            transcriber=lambda: transcriber,
            speaker=Speaker(Espeak("en-us", 160), desk._media),
            manner=Manner(business="Shop", language="en", greeting="Hello."),
        )
        await switchboard.warm_up()
        caller = Caller()
        async with caller.calling(switchboard):
            await caller.hears("Hello.")
            for last in (False, False, True):  # a lost word is another: callers say it again
                caller.said.clear()
                asked = len(caller.browser.sound)
                caller.browser.clip.say(spoken(QUESTION))
                with suppress(AssertionError) if not last else nullcontext():
                    await caller.hears("account")
                    break
        [conversation] = await desk.conversations(CALLER)
        entries = await desk.entries(conversation.id)
        switchboard.close()
    assert caller.network.lost / caller.network.passed > 0.02
    assert caller.network.delayed > 20
    assert caller.held.reason is EndReason.CALLER
    reply = [entry.item for entry in entries if isinstance(entry.item, Reply)][-1]
    assert [citation.article for citation in reply.citations] == ["returns"]
    sound = resampled(caller.browser.sound[asked:], RATE, SAMPLE_RATE_HZ)
    heard = transcriber.transcribe(sound).text
    # espeak's voice is the one that is heard worst; a person's is in `test_lossy_network`.
    assert share(heard, " ".join(caller.said)) >= 0.5, (heard, caller.said)
    others = [text for name, text in ARTICLES.items() if name != "returns.md"]
    assert max(share(heard, text) for text in others) < 0.35, heard
