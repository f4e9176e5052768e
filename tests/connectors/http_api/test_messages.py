"""The HTTP channel: what a program sends, gets, and may not see."""

import asyncio
from pathlib import Path

import pytest

from bot.inbox import InboxLimits
from bot.messages import ConversationId, Message
from bot.redis_server import RedisServer
from bot.store import Store
from connectors.http_api.guard import WRONG_KEYS
from tests.connectors.conftest import API_KEY, OTHER_KEY, Site

ANN = {"customer": "ann"}


async def test_a_message_gets_its_reply(site: Site) -> None:
    async with site.api() as client:
        answer = await client.post("/v1/messages", json={**ANN, "text": "Hello", "wait_s": 10})
    assert answer.status_code == 200
    accepted = answer.json()
    assert accepted["reply"]["text"] == "You said: Hello"
    assert (accepted["seq"], accepted["duplicate"]) == (1, False)
    assert answer.headers["cache-control"] == "no-store"


async def test_a_customers_name_is_kept_with_what_they_say(site: Site) -> None:
    async with site.api() as client:
        sent = {**ANN, "name": "Ann Miller", "text": "Hello", "wait_s": 10}
        answer = await client.post("/v1/messages", json=sent)
    assert "Ann Miller" not in answer.text
    [first, _] = await site.desk.entries(ConversationId(answer.json()["conversation"]))
    assert isinstance(first.item, Message)
    assert first.item.customer_name == "Ann Miller"


async def test_without_waiting_the_message_is_accepted(site: Site) -> None:
    async with site.api() as client:
        answer = await client.post("/v1/messages", json={**ANN, "text": "Hello"})
    assert answer.status_code == 202
    assert answer.json()["reply"] is None


async def test_a_reply_that_does_not_come_in_time_is_fetched_later(site: Site) -> None:
    site.answers.clear()
    async with site.api() as client:
        answer = await client.post("/v1/messages", json={**ANN, "text": "Hi", "wait_s": 0.01})
    assert answer.status_code == 202


async def test_the_log_is_read_from_where_one_was(site: Site) -> None:
    async with site.api() as client:
        sent = await client.post("/v1/messages", json={**ANN, "text": "Hello", "wait_s": 10})
        conversation = f"/v1/conversations/{sent.json()['conversation']}"
        whole = (await client.get(conversation, params=ANN)).json()
        newer = (await client.get(conversation, params={**ANN, "after": 1})).json()
    assert [entry["seq"] for entry in whole["entries"]] == [1, 2]
    assert whole["entries"][0]["message"]["text"] == "Hello"
    assert [entry["seq"] for entry in newer["entries"]] == [2]
    assert newer["last_seq"] == 2


@pytest.mark.parametrize("how", ["id", "header"])
@pytest.mark.parametrize("key", ["order-1", "2c6f/ü: a key of another shape"])
async def test_a_message_sent_twice_is_answered_once(site: Site, how: str, key: str) -> None:
    body = {**ANN, "text": "Hello", "wait_s": 10} | ({"id": key} if how == "id" else {})
    headers = {"Idempotency-Key": key.encode()} if how == "header" else {}
    async with site.api() as client:
        first = await client.post("/v1/messages", json=body, headers=headers)
        second = await client.post("/v1/messages", json=body, headers=headers)
    assert second.json()["duplicate"] is True
    assert second.json()["conversation"] == first.json()["conversation"]
    assert second.json()["reply"] == first.json()["reply"]


async def test_two_first_messages_at_once_do_not_begin_two_conversations(site: Site) -> None:
    async with site.api() as client:
        answers = await asyncio.gather(
            *(client.post("/v1/messages", json={**ANN, "text": "Hi", "id": "1"}) for _ in "abcd")
        )
    assert {answer.status_code for answer in answers} <= {202, 409}
    begun = {answer.json()["conversation"] for answer in answers if answer.status_code == 202}
    assert len(begun) == 1


# Who may


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", f"Basic {API_KEY}", API_KEY])
async def test_without_a_known_key_nothing_is_answered(site: Site, header: str) -> None:
    async with site.http(**{"Authorization": header, "Accept-Language": "de"}) as client:
        for answer in (
            await client.post("/v1/messages", json={**ANN, "text": "Hello"}),
            await client.get("/v1/conversations/con_1", params=ANN),
            await client.post("/v1/media", params=ANN, content=b"x"),
        ):
            assert answer.status_code == 401
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "API-Schlüssel" in answer.json()["detail"]


async def test_guessing_keys_is_slowed_down(site: Site) -> None:
    async with site.api("guess") as client:
        for _ in range(WRONG_KEYS.burst):
            assert (await client.get("/v1/conversations/con_1", params=ANN)).status_code == 401
        answer = await client.get("/v1/conversations/con_1", params=ANN)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 3


@pytest.mark.parametrize(("key", "customer"), [(API_KEY, "bob"), (OTHER_KEY, "ann")])
async def test_another_customers_conversation_is_not_found(
    site: Site, key: str, customer: str
) -> None:
    async with site.api() as client:
        sent = await client.post("/v1/messages", json={**ANN, "text": "Hello", "wait_s": 10})
    conversation = sent.json()["conversation"]
    turn = sent.json()["reply"]["turn"]
    whose = {"customer": customer}
    async with site.api(key) as client:
        for answer in (
            await client.get(f"/v1/conversations/{conversation}", params=whose),
            await client.get(f"/v1/conversations/{conversation}/turns/{turn}", params=whose),
            await client.post(
                "/v1/messages", json={**whose, "conversation": conversation, "text": "x"}
            ),
        ):
            assert answer.status_code == 404
            assert answer.json()["code"] == "unknown_conversation"


async def test_the_trace_of_a_turn_is_there(site: Site) -> None:
    async with site.api() as client:
        sent = (await client.post("/v1/messages", json={**ANN, "text": "Hi", "wait_s": 9})).json()
        turn = sent["reply"]["turn"]
        trace = await client.get(
            f"/v1/conversations/{sent['conversation']}/turns/{turn}", params=ANN
        )
    assert trace.json()["turn"] == turn


# Files


async def test_a_file_travels_with_a_message(site: Site) -> None:
    png = b"\x89PNG\r\n\x1a\n" + b"0" * 100_000
    async with site.api() as client, site.api(OTHER_KEY) as other:
        kept = await client.post(
            "/v1/media",
            params={**ANN, "name": "a.png"},
            content=png,
            headers={"Content-Type": "image/png"},
        )
        attachment = kept.json()
        sent = await client.post("/v1/messages", json={**ANN, "attachments": [attachment["id"]]})
        assert (kept.status_code, sent.status_code) == (201, 202)
        assert (await client.get(attachment["url"])).content == png
        stolen = await other.get(attachment["url"])
        assert (stolen.status_code, stolen.json()["code"]) == (404, "not_found")
        attached = await other.post("/v1/messages", json={**ANN, "attachments": [attachment["id"]]})
        assert attached.json()["code"] == "attachment_unknown"


async def test_a_spoken_answer_is_heard_by_its_customer_alone(site: Site) -> None:
    body = {**ANN, "text": "Hello", "answer_as": "voice", "wait_s": 20}
    async with site.api() as client, site.api(OTHER_KEY) as other:
        spoken = (await client.post("/v1/messages", json=body)).json()["reply"]["speech"]
        heard = await client.get(spoken[0]["url"])
        part = await client.get(spoken[0]["url"], headers={"Range": "bytes=0-3"})
        stolen = await other.get(spoken[0]["url"])
    assert heard.headers["content-type"] == spoken[0]["media_type"]
    assert len(heard.content) == spoken[0]["size_bytes"]
    assert (part.status_code, part.content) == (206, b"OggS")
    assert stolen.status_code == 404


async def test_an_oversize_file_is_refused_before_it_is_read(site: Site) -> None:
    async with site.api() as client:
        answer = await client.post("/v1/media", params=ANN, content=b"x" * 2_000_000)
    assert answer.status_code == 413
    assert site.media_files() == []


# Bad input


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"customer":"\xff"}',
        b'{"customer":"ann","text":"\\ud800"}',
        b'{"customer":"ann\\ud800"}',
        b'{"text":"nobody"}',
        b'{"customer":""}',
        b'{"customer":"ann","wait_s":31}',
        b'{"customer":"ann","wait_s":NaN}',
        b'{"customer":"ann","unknown":1}',
        b'{"customer":"ann","attachments":["../x"]}',
        b'{"customer":"ann","conversation":"a b"}',
        b"[" * 100_000,
    ],
)
async def test_what_is_not_a_message_is_refused(site: Site, body: bytes) -> None:
    async with site.api() as client:
        answer = await client.post(
            "/v1/messages", content=body, headers={"Content-Type": "application/json"}
        )
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "bad_request"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"text": ""}, "message_empty"),
        ({"text": "a" * 1_000_000}, "message_too_long"),
        ({"attachments": [f"att_{n}" for n in range(11)]}, "too_many_attachments"),
    ],
)
async def test_what_the_desk_cannot_take_is_said(
    site: Site, body: dict[str, object], code: str
) -> None:
    async with site.api() as client:
        answer = await client.post("/v1/messages", json=ANN | body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_body_of_three_megabytes_is_refused(site: Site) -> None:
    async with site.api() as client:
        answer = await client.post("/v1/messages", json={**ANN, "text": "a" * 3_000_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_what_is_refused_names_the_field_and_never_its_content(site: Site) -> None:
    async with site.api() as client:
        answer = await client.post("/v1/messages", json={**ANN, "wait_s": "secret"})
    assert answer.json()["fields"][0]["field"] == "body.wait_s"
    assert "secret" not in answer.text


async def test_too_fast_says_when_to_come_back(closed_site: Site) -> None:
    pace = InboxLimits(messages_per_minute=20, burst=1)
    async with closed_site.open(pace=pace) as site, site.api() as client:
        await client.post("/v1/messages", json={**ANN, "text": "Hello"})
        answer = await client.post("/v1/messages", json={**ANN, "text": "Hello"})
    assert (answer.status_code, answer.json()["code"]) == (429, "too_fast")
    assert 1 <= int(answer.headers["retry-after"]) <= 3


async def test_without_redis_nothing_is_taken_and_nothing_is_told(tmp_path: Path) -> None:
    redis = RedisServer(tmp_path / "redis", fsync="no")
    await redis.start()
    store = Store(redis.url)
    await store.connect()
    async with Site(store, tmp_path).open() as site, site.api() as client:
        await redis.stop()
        answer = await client.post("/v1/messages", json={**ANN, "text": "Hello"})
    await store.close()
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "2"
    assert "Redis" not in answer.text
