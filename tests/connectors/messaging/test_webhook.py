"""The way in over HTTP, on a real socket: what is answered to whom, and what changes."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bot.errors import Unavailable
from bot.inbox import InboxLimits
from connectors.messaging.events import Chat
from connectors.messaging.hook import LARGEST_BODY_BYTES
from tests.connectors.messaging.pigeon import SECRET, Pigeon
from tests.connectors.messaging.site import ChannelSite

ANN = Chat("ann", {"loft": "ann"})
PIGEON = {"pigeon": ("tests.connectors.messaging.pigeon", None)}


@pytest.fixture
async def site(channels: ChannelSite) -> AsyncIterator[ChannelSite]:
    pace = InboxLimits(messages_per_minute=60, burst=5)
    async with channels.open(PIGEON, answers=False, pace=pace):
        yield channels


async def deliver(
    site: ChannelSite, text: Any = "hi", id: str = "m1", *, secret: str = SECRET
) -> httpx.Response:
    body = json.dumps({"user": "ann", "id": id, "text": text}).encode()
    return await site.post("pigeon", body, {"X-Pigeon": secret})


async def request(site: ChannelSite, method: str, path: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=site.url, trust_env=False) as client:
        return await client.request(method, path, **options)


async def test_what_is_acknowledged_is_in_redis(site: ChannelSite) -> None:
    answer = await deliver(site)
    assert (answer.status_code, answer.content) == (200, b"")
    assert [message.text for message in await site.messages("pigeon", ANN)] == ["hi"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_what_redis_did_not_take_is_not_acknowledged(
    site: ChannelSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: object) -> None:
        raise Unavailable("Redis does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(site.desk, "accept", gone)
        answer = await deliver(site)
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
    assert (await deliver(site)).status_code == 200
    assert len(await site.messages("pigeon", ANN)) == 1


async def test_the_same_delivered_at_once_is_taken_once(site: ChannelSite) -> None:
    answers = await asyncio.gather(*(deliver(site) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await site.messages("pigeon", ANN)) == 1


async def test_two_first_messages_at_once_begin_one_conversation(site: ChannelSite) -> None:
    await asyncio.gather(deliver(site, "one", "m1"), deliver(site, "two", "m2"))
    assert {message.text for message in await site.messages("pigeon", ANN)} == {"one", "two"}
    assert len(await site.store.run("KEYS", "fd:*:conversation:*")) == 1


async def test_a_flood_is_asked_to_come_later_and_a_repetition_is_none(site: ChannelSite) -> None:
    for number in range(5):
        assert (await deliver(site, "again", f"m{number}")).status_code == 200
    refused = await deliver(site, "again", "m5")
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) == 1
    assert (await deliver(site, "again", "m4")).status_code == 200


class TestRefusals:
    @pytest.mark.parametrize("secret", ["", "wrong", SECRET + " x", SECRET.upper()])
    async def test_a_forged_request_changes_nothing(self, site: ChannelSite, secret: str) -> None:
        assert (await deliver(site, secret=secret)).status_code == 401
        assert await site.nothing_was_taken()

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[]", b'{"user": "ann"}', b'{"user": 5, "id": 5, "text": 5}', b"\xff"]
    )
    async def test_what_makes_no_sense_is_refused(self, site: ChannelSite, body: bytes) -> None:
        """Though the channel itself did not expect it."""
        answer = await site.post("pigeon", body, {"X-Pigeon": SECRET})
        assert answer.status_code == 400
        assert await site.nothing_was_taken()

    async def test_a_channel_that_trips_is_told_without_the_customer_s_words(
        self, site: ChannelSite, caplog: pytest.LogCaptureFixture
    ) -> None:
        body = b'{"user": "ann", "text": "my card is 4711"}'
        assert (await site.post("pigeon", body, {"X-Pigeon": SECRET})).status_code == 400
        [record] = [r for r in caplog.records if r.getMessage() == "webhook.not_understood"]
        assert record.levelno == logging.ERROR
        assert "KeyError in receive" in record.__dict__["reason"]
        assert "4711" not in str([vars(record) for record in caplog.records])

    async def test_a_body_that_is_too_large_is_refused_and_the_next_is_taken(
        self, site: ChannelSite
    ) -> None:
        large = bytes(LARGEST_BODY_BYTES + 1)

        async def in_pieces() -> AsyncIterator[bytes]:
            yield large

        for content in (large, in_pieces()):
            answer = await request(site, "POST", "/channels/pigeon", content=content)
            assert answer.status_code == 413
        assert (await deliver(site)).status_code == 200

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
    async def test_other_methods_are_not_allowed(self, site: ChannelSite, method: str) -> None:
        body = json.dumps({"user": "ann", "id": "m1", "text": "hi"}).encode()
        headers = {"X-Pigeon": SECRET}
        answer = await request(site, method, "/channels/pigeon", content=body, headers=headers)
        assert answer.status_code == 405
        assert await site.nothing_was_taken()

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    async def test_asking_for_the_page_is_forged_where_nothing_signs_it(
        self, site: ChannelSite, method: str
    ) -> None:
        answer = await request(site, method, "/channels/pigeon")
        assert answer.status_code == 401
        assert answer.content == b""

    async def test_a_channel_that_is_not_there_is_not_found(self, site: ChannelSite) -> None:
        assert (await site.post("telegram", b"{}")).status_code == 404

    async def test_a_sender_that_stops_is_let_go(
        self, site: ChannelSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("connectors.requests.LONGEST_PAUSE_S", 0.05)
        host, port = site.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /channels/pigeon HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhalf")
        assert (await reader.readline()).split()[1] == b"408"
        writer.close()
        assert await site.nothing_was_taken()


async def test_an_answer_waits_for_no_other(
    site: ChannelSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One provider's slow verification holds up no other request."""
    [pigeon] = site.messaging.providers
    assert isinstance(pigeon, Pigeon)
    gate, receive = asyncio.Event(), pigeon.receive

    async def slow(hook: Any) -> Any:
        if b"slow" in hook.body:
            await gate.wait()
        return await receive(hook)

    monkeypatch.setattr(pigeon, "receive", slow)
    waiting = asyncio.create_task(deliver(site, "slow", "m1"))
    assert (await deliver(site, "quick", "m2")).status_code == 200
    assert not waiting.done()
    gate.set()
    assert (await waiting).status_code == 200
