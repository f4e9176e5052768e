"""A caller shows a picture by a link: what they get, and what nobody else does."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.responses import JSONResponse

from bot.errors import TooFast, Unavailable
from bot.messages import Message, ReplyKind
from bot.picture_links.sending import WAITS_S
from bot.store import Store
from bot.texts import say
from tests.connectors.picture_page.door import (
    LARGEST_BYTES,
    MESSAGES,
    MOBILE,
    Caller,
    Door,
    open_door,
    picture,
)


@pytest.fixture
async def door(store: Store, tmp_path: Path) -> AsyncIterator[Door]:
    async with open_door(store, tmp_path) as door:
        yield door


@pytest.fixture
async def ann(door: Door) -> Caller:
    return await door.call()


async def test_a_caller_is_sent_a_link_and_the_desk_talks_about_the_picture(
    door: Door, ann: Caller
) -> None:
    sent = await ann.say("Can I show you?")
    assert (sent.kind, sent.text) == (ReplyKind.NOTICE, say("picture_sent", "en", minutes=10))
    assert sent.waits_s == WAITS_S
    [text] = door.api.made(MESSAGES)
    assert (text.form["To"], text.form["From"]) == (MOBILE, "+4722000000")
    page = await door.get(door.path())
    assert page.status_code == 200
    assert "Voltaro &amp; Co" in page.text
    assert (await door.put(door.path(), picture())).status_code == 204
    assert "DECLINED 51" in (await ann.hears()).text


async def test_the_picture_joins_what_the_caller_is_saying(door: Door, ann: Caller) -> None:
    await ann.say("Can I show you?")
    await door.put(door.path(), picture())
    ann.talk.speaks()
    answered = await ann.say("I have just sent you the picture")
    assert "I have just sent you the picture" in answered.text
    assert "DECLINED 51" in answered.text
    entries = await door.desk.entries(ann.talk.conversation, 2)
    assert [isinstance(entry.item, Message) for entry in entries] == [True, True, False]


async def test_a_link_is_good_for_one_picture(door: Door, ann: Caller) -> None:
    await ann.say("Can I show you?")
    path = door.path()
    for _ in range(3):  # the app that shows the message looks at it as well
        assert (await door.get(path)).status_code == 200
    assert (await door.put(path, picture())).status_code == 204
    again = await door.put(path, picture())
    assert (again.status_code, again.json()["error"]["code"]) == (404, "picture_link_gone")
    assert (await door.get(path)).status_code == 404


async def test_two_uploads_at_once_are_one(door: Door, ann: Caller) -> None:
    await ann.say("Can I show you?")
    answers = await asyncio.gather(*(door.put(door.path(), picture()) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [204, 404, 404, 404]


async def test_a_link_ends_with_its_call_and_with_its_time(
    door: Door, ann: Caller, store: Store
) -> None:
    await ann.say("Can I show you?")
    [key] = await store.run("KEYS", "fd:{pictures}:link:*")
    assert 0 < await store.run("TTL", key) <= 600
    assert door.path().rpartition("/")[2].encode() not in key
    await door.hang_up()
    assert (await door.put(door.path(), picture())).status_code == 404


async def test_a_new_link_ends_the_one_before(door: Door, ann: Caller) -> None:
    await ann.say("Can I show you?")
    first = door.path()
    await ann.say("please send me the link")
    assert (await door.get(first)).status_code == 404
    assert (await door.get(door.path())).status_code == 200


async def test_unknown_used_and_ended_links_look_the_same(door: Door, ann: Caller) -> None:
    await ann.say("Can I show you?")
    await door.put(door.path(), picture())
    used, unknown = await door.get(door.path()), await door.get("/show/" + "A" * 22)
    assert used.text == unknown.text
    assert say("picture_link_gone", "en") in used.text
    assert "<form hidden>" in used.text


@pytest.mark.parametrize("found", [True, False])
async def test_the_page_tells_nobody_whose_it_is_and_stays_in_no_cache(
    door: Door, ann: Caller, found: bool
) -> None:
    await ann.say("Can I show you?")
    page = await door.get(door.path() if found else "/show/other")
    assert MOBILE[3:] not in page.text
    assert "cus_ann" not in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert "<script>" not in page.text


async def test_what_is_no_picture_is_refused_and_another_may_be_tried(
    door: Door, ann: Caller
) -> None:
    await ann.say("Can I show you?")
    path = door.path()
    for content, media_type, status in (
        (b"%PDF-1.4", "application/pdf", 415),
        (b"<html>", "image/png", 415),
        (b"", "image/png", 422),
    ):
        refused = await door.put(path, content, media_type)
        assert refused.status_code == status, media_type
    german = await door.put(path, b"%PDF-1.4", "text/html", **{"accept-language": "de"})
    assert german.json()["error"]["text"] == say("picture_only", "de")
    assert (await door.put(path, picture())).status_code == 204


async def test_a_picture_that_cannot_be_taken_now_may_be_sent_again(
    door: Door, ann: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ann.say("Can I show you?")

    async def refuse(*_: object, **__: object) -> None:
        raise TooFast(1.0)

    with monkeypatch.context() as busy:
        busy.setattr(door.desk, "accept", refuse)
        assert (await door.put(door.path(), picture())).status_code == 429
    assert (await door.put(door.path(), picture())).status_code == 204
    assert "DECLINED 51" in (await ann.hears()).text


async def test_a_picture_that_is_sent_again_after_trouble_is_taken_once(
    door: Door, ann: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ann.say("Can I show you?")

    async def away(*_: object) -> None:
        raise Unavailable("Redis does not answer")

    with monkeypatch.context() as trouble:
        trouble.setattr("bot.picture_links.links.Links.used", away)
        assert (await door.put(door.path(), picture())).status_code == 503
    assert (await door.put(door.path(), picture())).status_code == 204
    entries = await door.desk.entries(ann.talk.conversation, 2)
    assert len([entry for entry in entries if isinstance(entry.item, Message)]) == 1


async def test_a_file_that_is_too_large_is_refused_before_it_is_read(
    door: Door, ann: Caller
) -> None:
    await ann.say("Can I show you?")
    told = await door.put(door.path(), b"\x89PNG" + b"x" * LARGEST_BYTES)
    assert told.status_code == 413

    async def endless() -> AsyncIterator[bytes]:  # without a length
        yield picture()
        for _ in range(40):
            yield b"x" * 10_000

    told = await door.put(door.path(), endless())
    assert (told.status_code, told.json()["error"]["code"]) == (413, "upload_too_large")
    assert (await door.put(door.path(), picture())).status_code == 204


async def test_secrets_cannot_be_guessed_at_speed(door: Door) -> None:
    answers = await asyncio.gather(*(door.get(f"/show/{number}") for number in range(60)))
    assert {answer.status_code for answer in answers} == {404, 429}


@pytest.mark.parametrize(
    ("number", "why"),
    [("+4722334455", "a landline"), ("+4782900000", "premium rate"), ("+12125550100", "abroad")],
)
async def test_only_mobile_phones_that_may_be_texted_get_a_link(
    door: Door, number: str, why: str
) -> None:
    caller = await door.call(number)
    assert (await caller.say("Can I show you?")).text == say("picture_no_mobile", "en"), why
    assert door.api.made(MESSAGES) == []


async def test_a_caller_gets_only_so_many_links(door: Door, ann: Caller) -> None:
    told = [(await ann.say("please send me the link")).text for _ in range(4)]
    assert told[-1] == say("picture_too_many", "en")
    assert len(door.api.made(MESSAGES)) == 3


async def test_a_text_message_that_is_not_taken_is_told(door: Door, ann: Caller) -> None:
    door.api.fail(MESSAGES, JSONResponse({"code": 21610, "message": "STOP"}, 400))
    assert (await ann.say("Can I show you?")).text == say("picture_not_sent", "en")


async def test_where_words_do_not_help_a_picture_is_offered_once(door: Door, ann: Caller) -> None:
    offer = say("picture_offer", "en")
    assert offer in (await ann.say("it blinks strangely")).text
    assert offer not in (await ann.say("it still blinks")).text
    assert door.api.made(MESSAGES) == []


async def test_a_link_that_broke_on_its_way_is_sent_when_the_turn_is_done_again(
    door: Door, ann: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = door.links._send
    assert send
    tried: list[str] = []

    async def broken_once(number: str, words: str) -> None:
        tried.append(number)
        if len(tried) == 1:
            raise KeyError("sid")
        await send(number, words)

    monkeypatch.setattr(door.links, "_send", broken_once)
    assert (await ann.say("Can I show you?")).text == say("picture_sent", "en", minutes=10)
    assert len(door.api.made(MESSAGES)) == 1
    assert (await door.get(door.path())).status_code == 200
