"""Where attachments and spoken answers lie: a folder, or any S3-compatible store; never in Redis.

Each medium is two objects under its id: the bytes, and a description (`ID.json`) that is written
last, so that what has a description is whole. Ids are made here and cannot be guessed; names that
customers gave are kept in the description and are never part of a path.
"""

import asyncio
import logging
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import msgspec
import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from bot.errors import CustomerError, OperatorError, Unavailable
from bot.messages import Attachment, AttachmentId, AttachmentKind, CustomerId, new_id
from models.media_type import HEAD_BYTES, kind_of, sniff

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config

log = logging.getLogger(__name__)

_BLOCK_BYTES = 256 * 1024
_ID = re.compile(r"att_[A-Za-z0-9_]{8,64}")
_CONTAINERS = frozenset({"webm", "mp4", "ogg", "3gpp", "quicktime"})
"""They hold sound, or pictures with sound; senders mix the two up, and that is no lie."""
_UNTOLD = frozenset({"", "application/octet-stream", "binary/octet-stream"})


class _Kept(msgspec.Struct, frozen=True):
    """The description."""

    attachment: Attachment
    owner: CustomerId


class MediaStore:
    def __init__(self, place: str | Path, *, options: Mapping[str, str] | None = None) -> None:
        """`place`: a folder, or `s3://bucket/prefix`. `options`: obstore's settings for S3
        (`endpoint`, `region`, `access_key_id`, `secret_access_key`, …); what is missing is read
        from the usual `AWS_…` variables.

        Raises `OperatorError` if it cannot be used.
        """
        self._folder: Path | None = None
        self._store: ObjectStore
        try:
            if "://" in str(place):
                self._store = _remote(str(place), options or {})
            else:
                self._folder = Path(place).expanduser().resolve()
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._store = LocalStore(self._folder)
        except (BaseError, OSError, ValueError) as error:
            raise OperatorError(
                f"Media cannot be kept in {place}: {error}",
                remedy="write `media: FOLDER` or `media: s3://BUCKET/PREFIX` in frontdesk.yaml",
            ) from error

    async def keep(
        self,
        chunks: AsyncIterator[bytes],
        *,
        owner: CustomerId,
        name: str,
        claimed_type: str,
        limit_bytes: int,
        under: AttachmentId | None = None,
    ) -> Attachment:
        """Store what a customer sends, as it comes; `under` an id that it has already, if given.

        Raises `CustomerError` (`upload_too_large`, `upload_empty`, `upload_type`,
        `upload_mismatch`) and keeps nothing then; `Unavailable` if the store does not answer.
        """
        with tempfile.TemporaryFile() as spool:
            head, size_bytes = await _spool(chunks, spool, limit_bytes)
            kind, media_type = recognise(head, claimed_type)
            spool.seek(0)
            attachment = Attachment(
                id=under or AttachmentId(new_id("att")),
                kind=kind,
                media_type=media_type,
                size_bytes=size_bytes,
                name=_shown(name),
            )
            await self._write(attachment, owner, spool)
        return attachment

    async def put(
        self,
        data: bytes,
        *,
        kind: AttachmentKind,
        media_type: str,
        name: str = "",
        duration_s: float | None = None,
        owner: CustomerId = CustomerId(""),
    ) -> Attachment:
        """Store what the desk made itself. Raises `Unavailable`."""
        attachment = Attachment(
            id=AttachmentId(new_id("att")),
            kind=kind,
            media_type=media_type,
            size_bytes=len(data),
            name=_shown(name),
            duration_s=duration_s,
        )
        await self._write(attachment, owner, data)
        return attachment

    async def find(self, attachment: AttachmentId, owner: CustomerId) -> Attachment | None:
        """What this customer owns under that id; None if there is none, whether or not it is
        somebody else's. Raises `Unavailable`."""
        try:
            description = self._pieces(f"{_checked(attachment)}.json")
            kept = msgspec.json.decode(b"".join([p async for p in description]), type=_Kept)
        except KeyError:
            return None
        return kept.attachment if kept.owner == owner else None

    async def read(self, attachment: AttachmentId) -> bytes:
        """All bytes of a medium. Raises `KeyError` and `Unavailable`."""
        return b"".join([piece async for piece in self.open(attachment)])

    async def open(self, attachment: AttachmentId) -> AsyncIterator[bytes]:
        """The bytes, piece by piece. Raises `KeyError` and `Unavailable`."""
        async for piece in self._pieces(_checked(attachment)):
            yield piece

    async def _pieces(self, path: str) -> AsyncIterator[bytes]:
        try:
            found = await obstore.get_async(self._store, path)
            async for piece in found.stream(min_chunk_size=_BLOCK_BYTES):
                yield bytes(piece)
        except FileNotFoundError as error:
            raise KeyError(path) from error
        except (BaseError, OSError) as error:
            raise Unavailable(f"the media store does not answer: {error}") from error

    async def forget(self, attachment: AttachmentId) -> None:
        """Delete a medium, if it is there. Raises `Unavailable`."""
        name = _checked(attachment)
        try:
            # The description first: what is half deleted is not found any more.
            for path in (f"{name}.json", name):
                with suppress(FileNotFoundError):
                    await obstore.delete_async(self._store, path)
        except (BaseError, OSError) as error:
            raise Unavailable(f"the media store does not answer: {error}") from error

    async def sweep(self, older_than_s: float) -> int:
        """Remove what was stored longer ago than this; gives the number of media removed. Raises
        `Unavailable`."""
        before = time.time() - older_than_s
        removed = 0
        try:
            async for batch in obstore.list(self._store):
                old = [str(o["path"]) for o in batch if o["last_modified"].timestamp() < before]
                if old:
                    # Descriptions first: what is half removed is not found any more.
                    await obstore.delete_async(self._store, sorted(old, reverse=True))
                removed += sum(not path.endswith(".json") for path in old)
            await asyncio.to_thread(self._sweep_drafts, before)
        except (BaseError, OSError) as error:
            raise Unavailable(f"the media store does not answer: {error}") from error
        return removed

    async def _write(
        self, attachment: Attachment, owner: CustomerId, data: bytes | BinaryIO
    ) -> None:
        description = msgspec.json.encode(_Kept(attachment, owner))
        try:
            await obstore.put_async(self._store, attachment.id, data)
            await obstore.put_async(self._store, f"{attachment.id}.json", description)
        except (BaseError, OSError) as error:
            with suppress(BaseError, OSError):
                await obstore.delete_async(self._store, attachment.id)
            raise Unavailable(f"the media store does not answer: {error}") from error
        if self._folder is not None:
            await asyncio.to_thread(self._close_to_others, attachment.id)

    def _close_to_others(self, attachment: AttachmentId) -> None:
        assert self._folder
        for name in (attachment, f"{attachment}.json"):
            os.chmod(self._folder / name, 0o600)

    def _sweep_drafts(self, before: float) -> None:
        """Remove what a killed process left half written; obstore names its drafts `ID#NUMBER`."""
        if self._folder is None:
            return
        for draft in self._folder.glob("*#*"):
            with suppress(FileNotFoundError):
                if draft.stat().st_mtime < before:
                    draft.unlink()


def recognise(head: bytes, claimed_type: str) -> tuple[AttachmentKind, str]:
    """What a file is, by its first bytes and, where these leave it open, by the sender's claim.

    Raises `CustomerError`: `upload_type` for what the desk cannot read, `upload_mismatch` for a
    file that is something else than it claims.
    """
    claimed = claimed_type.partition(";")[0].strip().lower()
    family = claimed.partition("/")[0]
    found = sniff(head)
    if found is None:
        lies = family in ("image", "audio", "video") or claimed == "application/pdf"
        raise CustomerError("upload_mismatch" if lies else "upload_type")
    found_family, _, form = found.partition("/")
    mixed_up = form in _CONTAINERS and family in ("audio", "video")
    if claimed not in _UNTOLD and family != found_family and not mixed_up:
        raise CustomerError("upload_mismatch")
    return AttachmentKind(kind_of(found)), found


async def _spool(
    chunks: AsyncIterator[bytes], spool: BinaryIO, limit_bytes: int
) -> tuple[bytes, int]:
    """Write a stream to a file, off the event loop; gives its head and its size."""
    head, block, size_bytes = b"", bytearray(), 0
    async for chunk in chunks:
        size_bytes += len(chunk)
        if size_bytes > limit_bytes:
            raise CustomerError("upload_too_large", limit_mb=limit_bytes / 1024**2)
        if len(head) < HEAD_BYTES:
            head += chunk[: HEAD_BYTES - len(head)]
        block += chunk
        if len(block) >= _BLOCK_BYTES:
            await asyncio.to_thread(spool.write, bytes(block))
            block.clear()
    if size_bytes == 0:
        raise CustomerError("upload_empty")
    await asyncio.to_thread(spool.write, bytes(block))
    return head, size_bytes


def _remote(url: str, options: Mapping[str, str]) -> ObjectStore:
    endpoint = options.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL", "")
    client: ClientConfig = {"timeout": "30s", "connect_timeout": "5s"}
    if endpoint.startswith("http://"):
        client["allow_http"] = True
    return S3Store.from_url(
        url,
        config=cast("S3Config", dict(options)),
        client_options=client,
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=15)},
    )


def _checked(attachment: AttachmentId) -> str:
    """The id, if it is one of ours. Raises `KeyError` for anything else: it is part of a path."""
    if not _ID.fullmatch(attachment):
        raise KeyError(attachment)
    return attachment


def _shown(name: str) -> str:
    """A file name that is safe to show: its last part, without control characters."""
    last = re.split(r"[\\/]", name)[-1]
    return "".join(character for character in last if character.isprintable())[:120]
