"""The terminal as a channel: one customer, who sits at this machine."""

import asyncio
import getpass
import mimetypes
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from bot.channel import Desk, Progress
from bot.errors import OperatorError, Unavailable
from bot.messages import (
    AnswerAs,
    Attachment,
    ChannelName,
    ConversationId,
    Entry,
    Message,
    MessageId,
    Reply,
    new_id,
)
from connectors.customer_ids import customer_id

CHANNEL = ChannelName("terminal")
LONGEST_ANSWER_S = 120.0
_BLOCK_BYTES = 256 * 1024


class Terminal:
    """`bot.channel.Connector` for the terminal. Replies are waited for, so nothing is delivered."""

    channel = CHANNEL

    def __init__(
        self,
        desk: Desk,
        *,
        locale: str,
        upload_bytes: int,
        show: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        """`locale`: BCP 47 tag of the customer. `show` is told that an answer is being made."""
        self._desk = desk
        self._locale = locale
        self._upload_bytes = upload_bytes
        self._show = show
        self._customer = customer_id(CHANNEL, socket.gethostname(), getpass.getuser())
        self._conversation: ConversationId | None = None

    async def deliver(self, reply: Reply, seq: int) -> None:
        """Nothing to do: `ask` waits for the reply in the log."""

    def show(self, progress: Progress) -> None:
        if progress.conversation == self._conversation:
            self._show(progress)

    async def ask(
        self, text: str, files: Sequence[Path] = (), answer_as: AnswerAs = AnswerAs.AUTO
    ) -> Entry:
        """Send a message with files beside it, and wait for the reply.

        Raises `CustomerError` for what the desk does not take, `OperatorError` for a file that
        cannot be read, and `Unavailable`.
        """
        opened = await self._desk.open_conversation(CHANNEL, self._customer, self._conversation)
        self._conversation = opened.id
        attachments = [await self._keep(file) for file in files]
        receipt = await self._desk.accept(
            Message(
                id=MessageId(new_id("m")),
                channel=CHANNEL,
                conversation=opened.id,
                customer=self._customer,
                text=text,
                attachments=tuple(attachments),
                locale=self._locale,
                answer_as=answer_as,
                sent_at=time.time(),
            )
        )
        entry = await self._desk.next_reply(opened.id, receipt.seq, LONGEST_ANSWER_S)
        if entry is None:
            raise Unavailable(f"no answer came in {LONGEST_ANSWER_S:.0f} s")
        return entry

    async def _keep(self, file: Path) -> Attachment:
        claimed, _ = mimetypes.guess_type(file.name)
        return await self._desk.keep_media(
            _pieces(file),
            owner=self._customer,
            name=file.name,
            claimed_type=claimed or "",
            limit_bytes=self._upload_bytes,
        )


async def _pieces(file: Path) -> AsyncIterator[bytes]:
    try:
        with await asyncio.to_thread(file.open, "rb") as opened:
            while block := await asyncio.to_thread(opened.read, _BLOCK_BYTES):
                yield block
    except OSError as error:
        raise OperatorError(f"{file} cannot be read: {error.strerror}") from error
