"""What a caller says and types, in order."""

import asyncio

from bot.calls.caller_turns import _MOST_WAITING, CallerTurns
from bot.calls.transport import Call
from bot.messages import ChannelName, CustomerId
from tests.bot.calls.scripted import RATE_HZ, Script, ScriptedEars

CALL = Call(id="call_1", channel=ChannelName("call"), customer=CustomerId("cus_ann"))


async def test_the_end_is_told_however_much_waits() -> None:
    async def paused(*_: object) -> None: ...

    async with asyncio.TaskGroup() as group:
        ears = ScriptedEars(Script())
        turns = CallerTurns(CALL, ears, RATE_HZ, group, partial=print, paused=paused)
        for number in range(2 * _MOST_WAITING):
            for key in f"{number}#":
                turns.press(key, 0.0)
        turns.close()
        told = [await turns.next() for _ in range(_MOST_WAITING + 1)]
    assert told == [*(str(number) for number in range(_MOST_WAITING)), None]
