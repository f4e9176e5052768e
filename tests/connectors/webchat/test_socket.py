"""The widget's connection: what is promised in docs/protocol.md."""

import asyncio
import hashlib
import hmac
import json
import time
from contextlib import AsyncExitStack
from pathlib import Path

import jwt
import pytest
from websockets.exceptions import InvalidStatus

from bot import texts
from bot.channel import Delta, Typing
from bot.inbox import InboxLimits
from bot.messages import ConversationId, Message, ReplyId
from bot.redis_server import RedisServer
from bot.store import Store
from connectors.webchat import Limits
from connectors.webchat.connector import MOST_WINDOWS
from connectors.webchat.tokens import Session
from tests.connectors.conftest import ONCE, SITE_SECRET, Site, Widget


def identity(user: str = "4711", lasts_s: int = 300) -> str:
    expiry = int(time.time()) + lasts_s
    digest = hmac.new(SITE_SECRET.encode(), f"{expiry}:{user}".encode(), hashlib.sha256)
    return f"hmac:{expiry}:{digest.hexdigest()}:{user}"


async def test_a_visitor_is_welcomed(site: Site) -> None:
    async with site.widget() as widget:
        welcome = widget.welcome
    assert welcome["entries"] == []
    assert welcome["last_seq"] == 0
    assert welcome["identified"] is False
    assert welcome["business"]["name"] == "Voltaro"
    assert welcome["business"]["suggestions"] == ["Where is my order?"]
    assert welcome["limits"]["upload_bytes"] == 1024**2


async def test_a_message_is_acknowledged_and_answered(site: Site) -> None:
    async with site.widget() as widget:
        ack = await widget.say("m_1", "Hello")
        entry = (await widget.next("entry"))["entry"]
    assert ack == {"type": "ack", "id": "m_1", "seq": 1, "duplicate": False}
    assert entry["seq"] == 2
    assert entry["reply"]["text"] == "You said: Hello"


async def test_a_message_sent_again_keeps_its_number(site: Site) -> None:
    site.answers.clear()
    async with site.widget() as widget:
        await widget.say("m_1")
        again = await widget.say("m_1")
    assert (again["seq"], again["duplicate"]) == (1, True)


async def test_a_widget_that_comes_back_gets_what_it_missed(site: Site) -> None:
    async with site.widget() as widget:
        await widget.say("m_1")
        await widget.next("entry")
        token = widget.welcome["token"]
    async with site.widget(token=token, last_seq=1) as widget:
        assert [entry["seq"] for entry in widget.welcome["entries"]] == [2]
        assert widget.welcome["last_seq"] == 2


async def test_a_widget_ahead_of_the_log_gets_all_of_it(site: Site) -> None:
    async with site.widget() as widget:
        await widget.say("m_1")
        await widget.next("entry")
        token = widget.welcome["token"]
    async with site.widget(token=token, last_seq=99) as widget:
        assert [entry["seq"] for entry in widget.welcome["entries"]] == [1, 2]


async def test_one_conversation_cannot_hold_any_number_of_connections(site: Site) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(site.widget())
        token = first.welcome["token"]
        for _ in range(MOST_WINDOWS - 1):
            await stack.enter_async_context(site.widget(token=token))
        async with site.socket() as socket:
            refused = Widget(socket)
            await refused.send("hello", protocol=1, token=token, last_seq=0)
            problem = await refused.next("error")
            assert (problem["code"], problem["retry_after_s"]) == ("too_fast", 30)
        await first.say("m_1")


async def test_another_tab_sees_message_and_answer_in_order(site: Site) -> None:
    async with site.widget() as one, site.widget(token=one.welcome["token"]) as two:
        await one.say("m_1", "Hello")
        await one.next("entry")
        first = (await two.next("entry"))["entry"]
        second = (await two.next("entry"))["entry"]
    assert first["message"]["text"] == "Hello"
    assert "reply" in second


async def test_progress_is_shown_live(site: Site) -> None:
    async with site.widget() as widget:
        conversation = ConversationId(widget.welcome["conversation"])
        site.webchat.show(Typing(conversation, on=True))
        site.webchat.show(Delta(conversation, ReplyId("rep_1"), 0, "You can "))
        assert await widget.next("typing") == {"type": "typing", "on": True}
        delta = await widget.next("delta")
    assert (delta["reply"], delta["at"], delta["text"]) == ("rep_1", 0, "You can ")


async def test_nobody_else_sees_a_conversation(site: Site) -> None:
    async with site.widget() as one, site.widget() as other:
        await one.say("m_1")
        await one.next("entry")
        await other.send("ping")
        await other.next("pong")


async def test_the_desk_learns_that_the_customer_types(site: Site) -> None:
    typed: list[str] = []
    site.desk.customer_types = typed.append
    async with site.widget() as widget:
        await widget.send("typing")
        await widget.send("ping")
        await widget.next("pong")
    assert typed == [widget.welcome["conversation"]]


async def test_a_lost_connection_is_forgotten(site: Site) -> None:
    async with site.widget():
        assert site.webchat.connections == 1
    async with asyncio.timeout(10):
        while site.webchat.connections:
            await asyncio.sleep(0)


# Bad input


@pytest.mark.parametrize("rubbish", ["nonsense", b"\xff\xfe", '{"type":"no"}', "[" * 9_000])
async def test_a_bad_frame_is_answered_and_the_connection_stays(
    site: Site, rubbish: str | bytes
) -> None:
    async with site.widget(locale="de") as widget:
        await widget.socket.send(rubbish)
        error = await widget.next("error")
        await widget.say("m_1")
    assert error["code"] == "bad_frame"
    assert error["text"] == texts.say("bad_frame", "de")


async def test_ten_bad_frames_end_the_connection(site: Site) -> None:
    async with site.widget() as widget:
        for _ in range(10):
            await widget.socket.send("nonsense")
        assert await widget.closed() == 4400


async def test_a_text_frame_that_is_not_utf8_ends_the_connection(site: Site) -> None:
    """RFC 6455 (8.1) asks for exactly this, with code 1007."""
    async with site.widget() as widget:
        await widget.socket.send(b"\xff\xfe", text=True)
        assert await widget.closed() == 1007


async def test_a_megabyte_of_text_is_refused_in_words(site: Site) -> None:
    async with site.widget() as widget:
        await widget.send("message", id="m_1", text="a" * 1_000_000)
        error = await widget.next("error")
        assert (error["code"], error["id"]) == ("message_too_long", "m_1")
        await widget.say("m_2")


async def test_a_frame_of_two_megabytes_ends_the_connection(site: Site) -> None:
    async with site.widget() as widget:
        await widget.send("message", id="m_1", text="a" * 2_000_000)
        assert await widget.closed() == 1009


async def test_an_empty_message_is_refused(site: Site) -> None:
    async with site.widget() as widget:
        await widget.send("message", id="m_1", text="  ")
        assert (await widget.next("error"))["code"] == "message_empty"


async def test_another_protocol_version_is_refused(site: Site) -> None:
    async with site.socket() as socket:
        widget = Widget(socket)
        await widget.send("hello", protocol=2)
        assert (await widget.next("error"))["code"] == "protocol_version"
        assert await widget.closed() == 4406


async def test_a_connection_that_does_not_say_hello_is_closed(closed_site: Site) -> None:
    async with closed_site.open(hello_s=0.05) as site, site.socket() as socket:
        widget = Widget(socket)
        assert (await widget.next("error"))["code"] == "hello_first"
        assert await widget.closed() == 4400


async def test_a_foreign_page_is_refused_before_the_socket_opens(site: Site) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with site.socket(Origin="https://evil.example"):
            pass
    assert refused.value.response.status_code == 403


async def test_too_fast_says_when_to_come_back(closed_site: Site) -> None:
    pace = InboxLimits(messages_per_minute=20, burst=1)
    async with closed_site.open(pace=pace) as site, site.widget() as widget:
        await widget.say("m_1")
        await widget.next("entry")
        await widget.send("message", id="m_2", text="Hello")
        error = await widget.next("error")
    assert (error["code"], error["id"]) == ("too_fast", "m_2")
    assert 1 <= error["retry_after_s"] <= 3


async def test_a_flood_of_new_visitors_is_slowed_down(closed_site: Site) -> None:
    limits = Limits(sessions=ONCE)
    async with closed_site.open(limits=limits) as site, site.widget(), site.socket() as socket:
        widget = Widget(socket)
        await widget.send("hello", protocol=1)
        assert (await widget.next("error"))["code"] == "too_fast"
        assert await widget.closed() == 1013


async def test_a_desk_without_redis_says_so_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    redis = RedisServer(tmp_path / "redis", fsync="no")
    await redis.start()
    store = Store(redis.url)
    await store.connect()
    try:
        async with Site(store, tmp_path).open() as site, site.widget() as widget:
            await redis.stop()
            await widget.send("message", id="m_1", text="Hello")
            error = await widget.next("error")
            assert (error["code"], error["id"]) == ("unavailable", "m_1")
            assert "Redis" not in error["text"]
            redis = RedisServer(tmp_path / "redis", fsync="no")
            await redis.start()
            await widget.say("m_1")
            assert (await widget.next("entry"))["entry"]["seq"] == 2
    finally:
        await store.close()
        await redis.stop()


# Whose history


@pytest.mark.parametrize("token", ["rubbish", "expired"])
async def test_an_expired_or_forged_token_begins_anew(site: Site, token: str) -> None:
    if token == "expired":
        token = site.signer.sign(Session("cus_1", "con_1", False), expires_in_s=-1)
    async with site.socket() as socket:
        widget = Widget(socket)
        await widget.send("hello", protocol=1, token=token, last_seq=7)
        assert (await widget.next("error"))["code"] == "session_expired"
        assert (await widget.next("welcome"))["entries"] == []


async def test_another_customers_conversation_stays_closed(site: Site) -> None:
    async with site.widget() as victim:
        await victim.say("m_1", "secret")
    conversation = victim.welcome["conversation"]
    # Even a token that the desk signed opens no conversation of somebody else.
    token = site.signer.sign(Session("cus_thief", conversation, False), expires_in_s=60)
    async with site.socket() as socket:
        thief = Widget(socket)
        await thief.send("hello", protocol=1, token=token)
        assert (await thief.next("error"))["code"] == "session_expired"
        welcome = await thief.next("welcome")
    assert welcome["conversation"] != conversation
    assert welcome["entries"] == []


async def test_a_logged_in_customer_goes_on_on_another_device(site: Site) -> None:
    async with site.widget(identity=identity()) as widget:
        assert widget.welcome["identified"] is True
        await widget.say("m_1")
        await widget.next("entry")
    async with site.widget(identity=identity()) as elsewhere:
        assert elsewhere.welcome["conversation"] == widget.welcome["conversation"]
        assert len(elsewhere.welcome["entries"]) == 2


async def test_the_name_that_the_site_signs_goes_with_what_is_said_and_is_shown_to_nobody(
    site: Site,
) -> None:
    claims = {"sub": "4711", "exp": int(time.time()) + 300, "name": "Ann Miller"}
    async with site.widget(identity=jwt.encode(claims, SITE_SECRET, "HS256")) as widget:
        await widget.say("m_1")
        await widget.next("entry")
    [first, _] = await site.desk.entries(ConversationId(widget.welcome["conversation"]))
    assert isinstance(first.item, Message)
    assert first.item.customer_name == "Ann Miller"
    async with site.widget(token=widget.welcome["token"], identity=identity()) as again:
        assert "Ann Miller" not in json.dumps(again.welcome)


@pytest.mark.parametrize(
    ("proof", "code"),
    [
        ({}, "identity_required"),
        ({"identity": "hmac:1:00:4711"}, "identity_invalid"),
        ({"identity": identity(lasts_s=-3600)}, "identity_invalid"),
    ],
)
async def test_a_stolen_token_of_a_logged_in_customer_opens_nothing(
    site: Site, proof: dict[str, str], code: str
) -> None:
    async with site.widget(identity=identity()) as widget:
        token = widget.welcome["token"]
    async with site.socket() as socket:
        thief = Widget(socket)
        await thief.send("hello", protocol=1, token=token, **proof)
        assert (await thief.next("error"))["code"] == code
        assert await thief.closed() == 4401


async def test_another_logged_in_customer_gets_their_own_conversation(site: Site) -> None:
    async with site.widget(identity=identity("ann")) as ann:
        token = ann.welcome["token"]
    async with site.widget(identity=identity("bob"), token=token) as bob:
        assert bob.welcome["conversation"] != ann.welcome["conversation"]


async def test_a_visitors_conversation_is_not_merged_on_login(site: Site) -> None:
    async with site.widget() as visitor:
        token = visitor.welcome["token"]
    async with site.widget(identity=identity(), token=token) as known:
        assert known.welcome["conversation"] != visitor.welcome["conversation"]


async def test_traces_are_for_developers_alone(site: Site) -> None:
    async with site.widget() as widget:
        await widget.send("trace", turn="1")
        assert (await widget.next("error"))["code"] == "bad_frame"


async def test_a_developer_sees_how_an_answer_came_about(closed_site: Site) -> None:
    async with closed_site.open(developer=True) as site, site.widget() as widget:
        await widget.say("m_1")
        turn = (await widget.next("entry"))["entry"]["reply"]["turn"]
        await widget.send("trace", turn=turn)
        assert (await widget.next("trace"))["trace"]["turn"] == turn
        await widget.send("trace", turn="999")
        assert (await widget.next("trace"))["trace"] is None


async def test_stopping_the_desk_tells_widgets_to_come_back(closed_site: Site) -> None:
    async with AsyncExitStack() as stays_open:
        async with closed_site.open() as site:
            widget = await stays_open.enter_async_context(site.widget())
        assert await widget.closed() == 1012


async def test_frames_are_compact_json(site: Site) -> None:
    async with site.socket() as socket:
        await socket.send(json.dumps({"type": "hello", "protocol": 1}))
        assert '": ' not in str(await socket.recv())
