"""The apps wired to the desk: their loops, the files they may fetch."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bot.errors import DeliveryFailed, Unavailable
from bot.messages import Attachment, AttachmentId, AttachmentKind
from connectors.messaging import front
from connectors.messaging.events import Chat, Event, Said
from connectors.messaging.provider import Take
from connectors.webchat.tokens import MediaAddress, Session, Signer
from tests.connectors.messaging.pigeon import Pigeon
from tests.connectors.messaging.site import PUBLIC_URL, ChannelSite

PIGEON = {"pigeon": ("tests.connectors.messaging.pigeon", None)}
ANN = Chat("ann", {"loft": "ann"})
DATA = b"OggS" + bytes(range(250)) * 4


@pytest.fixture
async def site(channels: ChannelSite) -> AsyncIterator[ChannelSite]:
    async with channels.open(PIGEON, answers=False):
        yield channels


def pigeon_of(site: ChannelSite) -> Pigeon:
    [pigeon] = site.messaging.providers
    assert isinstance(pigeon, Pigeon)
    return pigeon


class TestMedia:
    """`/channels/media/{token}`, where providers fetch what they were sent."""

    async def recording(self, site: ChannelSite) -> Attachment:
        return await site.desk._media.put(
            DATA, kind=AttachmentKind.AUDIO, media_type="audio/ogg", name="ans wer.ogg"
        )

    async def address(self, site: ChannelSite, attachment: Attachment) -> str:
        services = pigeon_of(site).services
        assert services
        return services.media_url(attachment).removeprefix(PUBLIC_URL)

    async def get(
        self, site: ChannelSite, address: str, method: str = "GET", **headers: str
    ) -> httpx.Response:
        async with httpx.AsyncClient(base_url=site.url, trust_env=False) as client:
            return await client.request(method, address, headers=headers)

    async def test_opens_what_was_signed(self, site: ChannelSite) -> None:
        address = await self.address(site, await self.recording(site))
        answer = await self.get(site, address)
        assert (answer.status_code, answer.content) == (200, DATA)
        assert answer.headers["content-type"] == "audio/ogg"
        assert answer.headers["x-content-type-options"] == "nosniff"

    async def test_tells_a_provider_that_looks_first(self, site: ChannelSite) -> None:
        address = await self.address(site, await self.recording(site))
        answer = await self.get(site, address, "HEAD")
        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["content-length"]) == len(DATA)

    async def test_gives_a_range(self, site: ChannelSite) -> None:
        address = await self.address(site, await self.recording(site))
        answer = await self.get(site, address, Range="bytes=10-19")
        assert (answer.status_code, answer.content) == (206, DATA[10:20])

    async def test_is_closed_to_what_was_not_signed_for_it(self, site: ChannelSite) -> None:
        attachment = await self.recording(site)
        address = await self.address(site, attachment)
        ours = MediaAddress(attachment.id, "", attachment.kind, "audio/ogg", len(DATA))
        forged = [
            address[:-3] + ("AAA" if not address.endswith("AAA") else "BBB"),
            f"/channels/media/{attachment.id}",
            f"/channels/media/{Signer(b'x' * 32).sign(ours, expires_in_s=60)}",
            f"/channels/media/{Signer(b's' * 32).sign(ours, expires_in_s=-1)}",
            "/channels/media/"
            + Signer(b"s" * 32).sign(Session("cus_1", "con_1", False), expires_in_s=60),
            "/channels/media/eyJhbGciOiJub25lIn0.e30.",
            "/channels/media/%00",
        ]
        for each in forged:
            assert (await self.get(site, each)).status_code == 404, each

    async def test_a_file_that_is_gone_is_not_found(self, site: ChannelSite) -> None:
        gone = Attachment(AttachmentId("att_gonegone"), AttachmentKind.AUDIO, "audio/ogg", 9)
        assert (await self.get(site, await self.address(site, gone))).status_code == 404

    async def test_nothing_is_written_there(self, site: ChannelSite) -> None:
        address = await self.address(site, await self.recording(site))
        for method in ("POST", "PUT", "DELETE"):
            assert (await self.get(site, address, method)).status_code == 405

    async def test_without_a_public_address_there_is_none(self, channels: ChannelSite) -> None:
        async with channels.open(PIGEON, answers=False, public_url=""):
            with pytest.raises(DeliveryFailed, match=r"server\.url") as raised:
                await self.address(channels, await self.recording(channels))
        assert raised.value.permanent


class TestLoops:
    """A provider that pushes nothing is asked, for ever."""

    async def run(self, site: ChannelSite, *rounds: Any) -> None:
        """Each round is what `Provider.run` does in turn: an exception, or events."""
        waiting = list(rounds)
        done = asyncio.Event()

        async def run(take: Take) -> None:
            if not waiting:
                done.set()
                await asyncio.Event().wait()
            for event in waiting.pop(0):
                if isinstance(event, Exception):
                    raise event
                await take(event)
            raise Unavailable("the connection was lost")

        pigeon_of(site).run = run
        running = asyncio.create_task(site.messaging.run())
        async with asyncio.timeout(10):
            await done.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    async def test_go_on_after_a_lost_connection_and_after_a_bug(
        self, site: ChannelSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(front, "_FIRST_PAUSE_S", 0.001)
        await self.run(
            site,
            [Said(ANN, "m1", text="one")],
            [RuntimeError("broken on purpose")],
            [Said(ANN, "m2", text="two")],
        )
        assert [m.text for m in await site.messages("pigeon", ANN)] == ["one", "two"]

    async def test_what_makes_no_sense_holds_up_nothing(
        self, site: ChannelSite, caplog: pytest.LogCaptureFixture
    ) -> None:
        senseless: Event = Said(ANN, 5, text="one")
        await self.run(site, [senseless, Said(ANN, "m2", text="two"), Unavailable("lost")])
        assert [m.text for m in await site.messages("pigeon", ANN)] == ["two"]
        assert "event.malformed" in caplog.text

    async def test_pause_longer_each_time(
        self, site: ChannelSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pauses: list[float] = []

        async def sleep(pause_s: float) -> None:
            pauses.append(pause_s)

        monkeypatch.setattr(front.asyncio, "sleep", sleep)
        await self.run(site, *([[Unavailable("lost")]] * 9))
        assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
