"""Files that still lie at a provider: brought once, tried again, told when they cannot be had."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import fetching as module
from bot.channel import Fetch
from bot.errors import CustomerError, DeliveryFailed, Unavailable
from bot.fetching import Fetching
from bot.media import MediaStore
from bot.messages import Attachment, AttachmentId, AttachmentKind, ChannelName, ConversationId
from tests.builders import CHANNEL, message
from tests.models.media import picture, screenshot

PNG = picture("image/png", screenshot("Payment declined", "Try again"))
REMOTE = Attachment(AttachmentId("att_aaaaaaaa"), AttachmentKind.FILE, "", 0, "a.png", source="f1")
CONVERSATION = ConversationId("con_1")


class Provider:
    """Gives a file, or fails as it is told to."""

    def __init__(self, *failures: Exception, data: bytes = PNG) -> None:
        self.failures = list(failures)
        self.data = data
        self.asked: list[str] = []

    async def fetch(self, source: str) -> AsyncIterator[bytes]:
        self.asked.append(source)
        yield self.data[:100]
        if self.failures:
            raise self.failures.pop(0)
        yield self.data[100:]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.001)


@pytest.fixture
def media(folder: Path) -> MediaStore:
    return MediaStore(folder / "media")


def fetching(media: MediaStore, fetch: Fetch | None, limit_bytes: int = 10**6) -> Fetching:
    found = Fetching(media, limit_bytes=limit_bytes)
    if fetch:
        found.serve(CHANNEL, fetch)
    return found


async def brought(fetching: Fetching, attachment: Attachment = REMOTE) -> Attachment:
    return await fetching.bring(message(CONVERSATION, "", attachment), attachment)


async def refused(fetching: Fetching) -> str:
    with pytest.raises(CustomerError) as raised:
        await brought(fetching)
    return raised.value.code


async def test_a_file_is_what_it_is_found_to_be(media: MediaStore) -> None:
    found = await brought(fetching(media, Provider().fetch))
    assert (found.kind, found.media_type, found.size_bytes) == ("image", "image/png", len(PNG))
    assert (found.id, found.name, found.source) == (REMOTE.id, "a.png", "")
    assert await media.read(REMOTE.id) == PNG


async def test_it_is_brought_once_though_its_turn_is_done_again(media: MediaStore) -> None:
    provider = Provider()
    first = await brought(fetching(media, provider.fetch))
    assert await brought(fetching(media, provider.fetch)) == first
    assert provider.asked == ["f1"]


async def test_another_customer_does_not_get_it(media: MediaStore) -> None:
    provider = Provider()
    await brought(fetching(media, provider.fetch))
    ben = message(CONVERSATION, "", REMOTE, customer="cus_ben")
    await fetching(media, provider.fetch).bring(ben, REMOTE)
    assert provider.asked == ["f1", "f1"]


async def test_what_lies_in_the_media_store_is_not_asked_for(media: MediaStore) -> None:
    here = Attachment(AttachmentId("att_bbbbbbbb"), AttachmentKind.IMAGE, "image/png", 9)
    assert await brought(fetching(media, None), here) == here


async def test_a_provider_that_fails_is_asked_again(media: MediaStore) -> None:
    provider = Provider(Unavailable("still preparing"), DeliveryFailed("busy"))
    assert (await brought(fetching(media, provider.fetch))).size_bytes == len(PNG)
    assert len(provider.asked) == 3


async def test_one_that_keeps_failing_has_no_file(media: MediaStore) -> None:
    provider = Provider(*[Unavailable("gone")] * 9)
    assert await refused(fetching(media, provider.fetch)) == "media_gone"
    assert len(provider.asked) == 4
    assert await media.find(REMOTE.id, message(CONVERSATION).customer) is None


async def test_one_that_refuses_for_good_is_asked_once(media: MediaStore) -> None:
    provider = Provider(DeliveryFailed("no such file", permanent=True))
    assert await refused(fetching(media, provider.fetch)) == "media_gone"
    assert len(provider.asked) == 1


async def test_what_a_provider_says_to_the_customer_is_told(media: MediaStore) -> None:
    provider = Provider(CustomerError("upload_too_large", limit_mb=20))
    assert await refused(fetching(media, provider.fetch)) == "upload_too_large"
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    ("data", "limit", "code"),
    [
        (PNG, 500, "upload_too_large"),
        (b"", 10**6, "upload_empty"),
        (b"MZ" + bytes(300), 10**6, "upload_type"),
    ],
)
async def test_what_the_desk_cannot_take_is_told(
    media: MediaStore, data: bytes, limit: int, code: str
) -> None:
    assert await refused(fetching(media, Provider(data=data).fetch, limit)) == code


async def test_a_channel_that_is_gone_has_no_files(media: MediaStore) -> None:
    found = Fetching(media, limit_bytes=10**6)
    found.serve(ChannelName("another"), Provider().fetch)
    assert await refused(found) == "media_gone"


async def test_a_media_store_that_is_down_is_not_the_provider_s_fault(
    media: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The turn waits for it, as it does for an upload; the customer is not told of a lost file."""

    async def down(*_: object) -> None:
        raise Unavailable("the media store does not answer")

    monkeypatch.setattr(media, "_write", down)
    with pytest.raises(Unavailable, match="media store"):
        await brought(fetching(media, Provider().fetch))


async def test_a_file_that_never_ends_is_not_waited_for(
    media: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LONGEST_S", 0.05)

    async def endless(source: str) -> AsyncIterator[bytes]:
        yield b"begun"
        await asyncio.Event().wait()

    assert await refused(fetching(media, endless)) == "media_gone"


async def test_where_the_file_lies_is_not_logged(
    media: MediaStore, caplog: pytest.LogCaptureFixture
) -> None:
    await refused(fetching(media, Provider(*[Unavailable("gone")] * 9).fetch))
    assert caplog.records
    assert "'f1'" not in str([vars(record) for record in caplog.records])
