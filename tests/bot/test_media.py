"""Media: kept whole or not at all, on a disk and in a store that speaks S3."""

import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from moto.server import ThreadedMotoServer

from bot.errors import CustomerError, OperatorError, Unavailable
from bot.media import MediaStore, recognise
from bot.messages import Attachment, AttachmentId, AttachmentKind, CustomerId

ANN, BOB = CustomerId("cus_ann"), CustomerId("cus_bob")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
LIMIT = 1_000_000


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of a server that speaks S3, with a bucket `media`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    httpx.put(f"http://{host}:{port}/media", trust_env=False).raise_for_status()
    yield f"http://{host}:{port}"
    server.stop()


def in_s3(endpoint: str) -> MediaStore:
    options = {
        "endpoint": endpoint,
        "region": "us-east-1",
        "access_key_id": "test",
        "secret_access_key": "test",
    }
    return MediaStore("s3://media/desk", options=options)


@pytest.fixture(params=["folder", "s3"])
def media(request: pytest.FixtureRequest, tmp_path: Path) -> MediaStore:
    if request.param == "folder":
        return MediaStore(tmp_path / "media")
    return in_s3(request.getfixturevalue("s3"))


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def keep(media: MediaStore, *parts: bytes, claimed: str = "image/png") -> Attachment:
    return await media.keep(
        pieces(*parts), owner=ANN, name="shot.png", claimed_type=claimed, limit_bytes=LIMIT
    )


async def stored(media: MediaStore) -> int:
    """How many media there are; they are gone afterwards."""
    return await media.sweep(-3600)


async def test_an_upload_is_read_again(media: MediaStore) -> None:
    attachment = await keep(media, PNG[:5], PNG[5:], b"x" * 600_000)
    assert attachment.kind is AttachmentKind.IMAGE
    assert attachment.size_bytes == len(PNG) + 600_000
    assert await media.read(attachment.id) == PNG + b"x" * 600_000


async def test_a_large_upload_comes_back_in_pieces(media: MediaStore) -> None:
    data = PNG + b"y" * 7_000_000
    attachment = await media.keep(
        pieces(data), owner=ANN, name="", claimed_type="image/png", limit_bytes=10_000_000
    )
    sizes = [len(piece) async for piece in media.open(attachment.id)]
    assert sum(sizes) == len(data)
    assert max(sizes) < len(data)


async def test_only_its_owner_finds_an_upload(media: MediaStore) -> None:
    attachment = await keep(media, PNG)
    assert await media.find(attachment.id, ANN) == attachment
    assert await media.find(attachment.id, BOB) is None


async def test_what_the_desk_makes_is_kept_too(media: MediaStore) -> None:
    spoken = await media.put(
        b"OggS", kind=AttachmentKind.AUDIO, media_type="audio/ogg; codecs=opus", duration_s=1.5
    )
    assert await media.read(spoken.id) == b"OggS"
    assert spoken.duration_s == 1.5
    assert await media.find(spoken.id, ANN) is None


@pytest.mark.parametrize(
    ("parts", "claimed", "code"),
    [
        ((), "image/png", "upload_empty"),
        ((b"", b""), "image/png", "upload_empty"),
        ((PNG, bytes(LIMIT)), "image/png", "upload_too_large"),
        ((b"MZ\x90\x00" + bytes(100),), "image/png", "upload_mismatch"),
        ((b"<html><script>",), "image/png", "upload_mismatch"),
        ((b"MZ\x90\x00" + bytes(100),), "application/x-msdownload", "upload_type"),
        ((PNG,), "audio/ogg", "upload_mismatch"),
        ((PNG,), "application/pdf", "upload_mismatch"),
    ],
)
async def test_what_is_refused_leaves_nothing_behind(
    media: MediaStore, parts: tuple[bytes, ...], claimed: str, code: str
) -> None:
    await stored(media)
    with pytest.raises(CustomerError) as refused:
        await keep(media, *parts, claimed=claimed)
    assert refused.value.code == code
    assert await stored(media) == 0


async def test_an_upload_that_breaks_off_leaves_nothing_behind(media: MediaStore) -> None:
    await stored(media)

    async def broken() -> AsyncIterator[bytes]:
        yield PNG
        raise CustomerError("upload_interrupted")

    with pytest.raises(CustomerError):
        await media.keep(broken(), owner=ANN, name="", claimed_type="image/png", limit_bytes=LIMIT)
    assert await stored(media) == 0


async def test_the_rest_of_an_oversize_upload_is_not_taken(media: MediaStore) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        yield PNG
        while True:
            taken += 1
            yield bytes(100_000)

    with pytest.raises(CustomerError):
        await media.keep(endless(), owner=ANN, name="", claimed_type="image/png", limit_bytes=LIMIT)
    assert taken == 10


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "att_x/../../y", "", "att_", "secret", "att_aaaaaaaaaa.json"]
)
async def test_an_id_is_never_a_path(media: MediaStore, name: str) -> None:
    with pytest.raises(KeyError):
        await media.read(AttachmentId(name))
    assert await media.find(AttachmentId(name), ANN) is None


async def test_what_is_not_there_is_a_key_error(media: MediaStore) -> None:
    with pytest.raises(KeyError):
        await media.read(AttachmentId("att_nothing_here_"))


async def test_old_media_are_swept_and_new_ones_stay(media: MediaStore) -> None:
    await stored(media)
    attachment = await keep(media, PNG)
    assert await media.sweep(3600) == 0
    assert await media.read(attachment.id) == PNG
    assert await media.sweep(-3600) == 1
    assert await media.find(attachment.id, ANN) is None


async def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    media = MediaStore(tmp_path / "media")
    attachment = await keep(media, PNG)
    files = list((tmp_path / "media").iterdir())
    assert {file.name for file in files} == {attachment.id, f"{attachment.id}.json"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "media").stat().st_mode) == 0o700


async def test_half_written_files_are_swept(tmp_path: Path) -> None:
    media = MediaStore(tmp_path)
    (tmp_path / "att_aaaaaaaaaaaa#1").write_bytes(b"half")
    await media.sweep(-3600)
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_that_cannot_be_swept_is_unavailable(tmp_path: Path) -> None:
    media = MediaStore(tmp_path)
    (tmp_path / "att_aaaaaaaaaaaa#1").mkdir()  # is not deleted as a file is
    with pytest.raises(Unavailable):
        await media.sweep(-3600)


async def test_a_store_that_is_away_is_unavailable(unused_tcp_port: int) -> None:
    media = in_s3(f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(Unavailable):
        await media.put(b"x", kind=AttachmentKind.FILE, media_type="application/pdf")


def test_a_place_that_cannot_be_is_told_to_the_operator(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file" / "media", "nothing://x"):
        with pytest.raises(OperatorError, match="media"):
            MediaStore(place)


@pytest.mark.parametrize(
    ("head", "claimed", "kind"),
    [
        (PNG, "", AttachmentKind.IMAGE),
        (PNG, "application/octet-stream", AttachmentKind.IMAGE),
        (b"\xff\xd8\xff\xe0", "image/png", AttachmentKind.IMAGE),
        (b"%PDF-1.7", "application/pdf", AttachmentKind.FILE),
        (b"\x1aE\xdf\xa3\x00webm\x00A_OPUS", "video/webm", AttachmentKind.AUDIO),
        (b"OggS\x00OpusHead", "audio/ogg; codecs=opus", AttachmentKind.AUDIO),
    ],
)
def test_the_bytes_decide_what_a_file_is(head: bytes, claimed: str, kind: AttachmentKind) -> None:
    assert recognise(head, claimed)[0] is kind


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../a.png", "a.png"),
        ("C:\\pictures\\b.png", "b.png"),
        ("c\x00\u202egnp.exe", "cgnp.exe"),
        ("d" * 500, "d" * 120),
    ],
)
async def test_a_file_name_is_made_fit_to_show(tmp_path: Path, given: str, shown: str) -> None:
    attachment = await MediaStore(tmp_path).keep(
        pieces(PNG), owner=ANN, name=given, claimed_type="image/png", limit_bytes=LIMIT
    )
    assert attachment.name == shown
