"""`frontdesk call-backs`: who waits to be called, and who does no more."""

import asyncio
import subprocess
import time
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.call_backs.book import Book, CallBack
from bot.messages import ChannelName, ConversationId, CustomerId
from bot.store import Store
from tests.bot.cli.conftest import Frontdesk


async def test_the_operator_sees_and_cancels_one(
    frontdesk: Frontdesk, project: Path, redis_url: str, store: Store
) -> None:
    async def run(*words: str) -> subprocess.CompletedProcess[str]:
        given = ("call-backs", *words, "-p", str(project))
        return await asyncio.to_thread(frontdesk, *given, FRONTDESK_REDIS=redis_url, COLUMNS="200")

    with (project / "frontdesk.yaml").open("a", encoding="utf-8") as settings:
        settings.write("calls: {timezone: Asia/Kathmandu}\n")  # where customers were told the time
    at = datetime.now(ZoneInfo("Asia/Kathmandu")) + timedelta(hours=1)
    book = Book(store, 3600)
    await book.keep(
        CallBack(
            id="cb_1",
            number="+4722334455",
            customer=CustomerId("cus_ann"),
            conversation=ConversationId("con_1"),
            channel=ChannelName("call"),
            locale="en",
            at=at.timestamp(),
            booked_at=time.time(),
        )
    )
    listed = (await run()).stdout
    assert "Arranged: 1" in listed
    assert f"cb_1 │ {at:%d %b %H:%M}" in listed
    assert "+4722334455" not in listed
    assert "+4722334455" in (await run("--numbers")).stdout
    assert "cb_1 is cancelled" in (await run("cancel", "cb_1")).stdout
    assert await book.waiting() == []
    assert "cancelled: by the operator" in (await run()).stdout
    again = await run("cancel", "cb_1")
    assert again.returncode == 2
    assert "no call-back that waits is called 'cb_1'" in again.stderr
