"""Files to and from the widget: announced, sent once, read at addresses that end."""

from collections.abc import AsyncIterator

import httpx
import pytest

from bot import texts
from connectors.webchat import Limits
from connectors.webchat.tokens import MediaAddress, UploadPlace
from tests.connectors.conftest import ONCE, Site, Widget

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4


async def reserve(widget: Widget, **fields: object) -> str:
    upload = {"id": "u", "name": "a.png", "media_type": "image/png", "size_bytes": len(PICTURE)}
    await widget.send("upload", **upload | fields)
    url: str = (await widget.next("upload_ready"))["url"]
    return url


async def test_a_file_is_sent_beside_a_message_and_read_again(site: Site) -> None:
    async with site.widget() as widget, site.http() as client:
        attachment = await widget.upload(client, PICTURE)
        await widget.say("m_1", "", attachments=[attachment["id"]])
        picture = await client.get(attachment["url"])
    assert attachment["kind"] == "image"
    assert picture.content == PICTURE
    assert picture.headers["content-type"] == "image/png"
    assert picture.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("announced", "code"),
    [
        ({"size_bytes": 2**30}, "upload_too_large"),
        ({"size_bytes": 0}, "upload_empty"),
        ({"media_type": "application/x-msdownload"}, "upload_type"),
    ],
)
async def test_what_cannot_be_taken_is_refused_before_a_byte_is_sent(
    site: Site, announced: dict[str, object], code: str
) -> None:
    async with site.widget() as widget:
        upload = {"id": "u_1", "name": "x", "media_type": "image/png", "size_bytes": 9}
        await widget.send("upload", **upload | announced)
        error = await widget.next("error")
    assert (error["code"], error["id"]) == (code, "u_1")


async def test_a_place_works_once(site: Site) -> None:
    async with site.widget(locale="de") as widget, site.http() as client:
        url = await reserve(widget)
        assert (await client.put(url, content=PICTURE)).status_code == 201
        again = await client.put(url, content=PICTURE)
    assert again.status_code == 410
    error = again.json()["error"]
    assert error == {
        "code": "upload_place_gone",
        "text": texts.say("upload_place_gone", "de"),
    }


async def test_more_than_announced_is_refused_unread(site: Site) -> None:
    async with site.widget() as widget, site.http() as client:
        answer = await client.put(await reserve(widget), content=b"x" * 3_000_000)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "upload_too_large"
    assert site.media_files() == []


async def test_a_body_that_grows_past_its_announcement_is_refused(site: Site) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield PICTURE

    async with site.widget() as widget, site.http() as client:
        answer = await client.put(await reserve(widget), content=body())
    assert answer.status_code == 413
    assert site.media_files() == []


async def test_a_file_that_lies_about_its_type_is_refused(site: Site) -> None:
    async with site.widget(locale="es") as widget, site.http() as client:
        answer = await client.put(await reserve(widget), content=b"MZ\x90\x00 a program")
    assert answer.status_code == 415
    assert answer.json()["error"]["text"] == texts.say("upload_mismatch", "es")
    assert site.media_files() == []


@pytest.mark.parametrize("token", ["rubbish", "a.b.c"])
async def test_a_forged_place_is_refused(site: Site, token: str) -> None:
    async with site.http() as client:
        answer = await client.put(f"/webchat/uploads/{token}", content=PICTURE)
    assert answer.status_code == 410


async def test_a_place_ends_with_its_time(site: Site) -> None:
    place = UploadPlace("cus_1", "con_1", "a.png", "image/png", 9, "en", "nonce")
    token = site.signer.sign(place, expires_in_s=-1)
    async with site.http() as client:
        answer = await client.put(f"/webchat/uploads/{token}", content=b"123456789")
    assert answer.status_code == 410


async def test_a_flood_of_uploads_is_slowed_down(closed_site: Site) -> None:
    async with closed_site.open(limits=Limits(uploads=ONCE)) as site, site.widget() as widget:
        await reserve(widget)
        await widget.send("upload", id="u", name="a", media_type="image/png", size_bytes=9)
        error = await widget.next("error")
    assert error["code"] == "too_fast"
    assert 55 < error["retry_after_s"] <= 60


async def test_a_flood_of_requests_is_slowed_down(closed_site: Site) -> None:
    limits = Limits(lookups=ONCE)
    async with closed_site.open(limits=limits) as site, site.http() as client:
        assert (await client.get("/webchat/media/rubbish")).status_code == 404
        read = await client.get("/webchat/media/rubbish")
        sent = await client.put("/webchat/uploads/rubbish", content=PICTURE)
    for answer in (read, sent):
        assert answer.status_code == 429
        assert 55 < int(answer.headers["retry-after"]) <= 60


async def test_another_customers_file_cannot_be_attached(site: Site) -> None:
    async with site.widget() as owner, site.widget() as thief, site.http() as client:
        attachment = await owner.upload(client, PICTURE)
        await thief.send("message", id="m_1", attachments=[attachment["id"]])
        assert (await thief.next("error"))["code"] == "attachment_unknown"


async def test_too_many_files_for_one_message_are_refused(site: Site) -> None:
    async with site.widget() as widget:
        await widget.send("message", id="m", attachments=[f"att_{n}" for n in range(11)])
        assert (await widget.next("error"))["code"] == "too_many_attachments"


async def test_addresses_are_renewed_for_ones_own_files_alone(site: Site) -> None:
    async with site.widget() as owner, site.widget() as other, site.http() as client:
        attachment = await owner.upload(client, PICTURE)
        await owner.say("m_1", "", attachments=[attachment["id"]])
        await owner.send("renew", attachments=[attachment["id"], "att_nothing"])
        urls = (await owner.next("renewed"))["urls"]
        assert list(urls) == [attachment["id"]]
        assert (await client.get(urls[attachment["id"]])).content == PICTURE
        await other.send("renew", attachments=[attachment["id"]])
        assert (await other.next("renewed"))["urls"] == {}


async def test_a_spoken_answer_plays_and_its_address_is_renewed(site: Site) -> None:
    async with site.widget() as widget, site.http() as client:
        await widget.say("m_1", "Hello", answer_as="voice")
        spoken = (await widget.next("entry"))["entry"]["reply"]["speech"]
        await widget.send("renew", attachments=[spoken[0]["id"]])
        renewed = (await widget.next("renewed"))["urls"][spoken[0]["id"]]
        for url in (spoken[0]["url"], renewed):
            sound = await client.get(url)
            assert sound.headers["content-type"] == spoken[0]["media_type"]
            assert sound.content.startswith(b"OggS")


async def test_an_address_of_a_medium_ends_with_its_time(closed_site: Site) -> None:
    async with (
        closed_site.open(media_url_s=-1) as site,
        site.widget() as widget,
        site.http() as client,
    ):
        attachment = await widget.upload(client, PICTURE)
        assert (await client.get(attachment["url"])).status_code == 404


async def test_what_is_gone_from_the_store_is_not_found(site: Site) -> None:
    address = MediaAddress("att_gone", "cus_1", "image", "image/png", 9)
    token = site.signer.sign(address, expires_in_s=60)
    async with site.http() as client:
        assert (await client.get(f"/webchat/media/{token}")).status_code == 404


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-1", 206, slice(0, 2)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-5", 206, slice(-5, None)),
        ("bytes=0-999999", 206, slice(0, None)),
        ("bytes=5-2", 200, slice(0, None)),
        ("bytes=0-1,4-5", 200, slice(0, None)),
        ("lines=1-2", 200, slice(0, None)),
        ("bytes=999999-", 416, slice(0, 0)),
        ("bytes=-0", 416, slice(0, 0)),
    ],
)
async def test_players_may_ask_for_ranges(site: Site, asked: str, status: int, part: slice) -> None:
    async with site.widget() as widget, site.http() as client:
        attachment = await widget.upload(client, PICTURE)
        answer = await client.get(attachment["url"], headers={"Range": asked})
    assert answer.status_code == status
    assert answer.content == PICTURE[part]


async def test_what_a_browser_could_run_is_only_offered_as_a_file(site: Site) -> None:
    async with site.widget() as widget, site.http() as client:
        url = await reserve(widget, media_type="application/pdf", name='"../<b>.html')
        attachment = (await client.put(url, content=b"%PDF-1.7 <script>alert(1)</script>")).json()
        answer = await client.get(attachment["attachment"]["url"])
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_an_allowed_page_of_another_site_may_send_files(closed_site: Site) -> None:
    page = {"Origin": "https://shop.example"}
    async with (
        closed_site.open(origins=("https://shop.example",)) as site,
        site.widget() as widget,
        site.http(**page) as client,
    ):
        url = await reserve(widget)
        asked = await client.options(url, headers={"Access-Control-Request-Method": "PUT"})
        sent = await client.put(url, content=PICTURE)
    assert asked.status_code == 204
    assert "PUT" in asked.headers["access-control-allow-methods"]
    for answer in (asked, sent):
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "access-control-allow-credentials" not in answer.headers


async def test_a_foreign_page_learns_nothing(site: Site) -> None:
    async with site.http(Origin="https://evil.example") as client:
        asked = await client.options("/webchat/uploads/x")
        answer = await client.get("/webchat/media/x")
    assert asked.status_code == 403
    for response in (asked, answer):
        assert isinstance(response, httpx.Response)
        assert "access-control-allow-origin" not in response.headers
