"""Callers whom nothing can be done for, in virtual time: the call goes on or ends, and leaves
nothing behind."""

import asyncio
import gc

import pytest

from bot.calls.playing import Player
from bot.calls.session import CallSession
from bot.calls.transport import Dropped, EndReason, Resumed
from bot.texts import say
from tests.bot.calls.scripted import Line, Script, ScriptedEars, ScriptedMouth, hold
from tests.virtual_time import run

MUSIC_S = 600.0
UNCLEAR = say("call_unclear", "en")


def music(from_s: float = 2.0, to_s: float = MUSIC_S) -> Script:
    """Sung verses with a breath between them: a voice without words."""
    script = Script()
    while from_s < to_s:
        script.makes(from_s, 20.0)
        from_s += 20.3
    return script


def test_ten_minutes_of_hold_music_are_no_messages_and_the_call_goes_on() -> None:
    """A turn lasts 90 s at most, so that is how often the music is told that it is not clear."""
    script = music().says(MUSIC_S + 30, "are you still there?")
    ears = ScriptedEars(script, problem="audio_unclear")
    call = run(hold(script, ears=ears, until_s=MUSIC_S + 50))
    assert call.talk.told == ["are you still there?"]
    assert "You said are you still there?." in call.said
    unclear = [text for text in call.said if UNCLEAR.startswith(text)]
    assert 1 <= len(unclear) <= MUSIC_S / 90 + 1
    assert call.reason is EndReason.CALLER


def test_music_that_is_no_voice_ends_the_call_as_silence_does() -> None:
    call = run(hold(Script(), until_s=MUSIC_S))
    assert call.reason is EndReason.DESK
    assert call.line.now_s < 60


def test_line_that_fails_at_the_end_is_closed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    async def breaks(line: Line) -> int:
        raise OSError("the line is broken")

    async def hangs_up(line: Line) -> None:
        closed.append("line")

    monkeypatch.setattr(Line, "clear", breaks)
    monkeypatch.setattr(Line, "hang_up", hangs_up)
    with pytest.raises(OSError, match="broken"):
        run(hold(Script(), until_s=2.0))
    assert closed == ["line"]


def test_nothing_is_left_of_bad_calls() -> None:
    """Tasks and the calls' own objects, counted after each of many calls at once."""

    async def callers(count: int) -> None:
        for _ in range(count):
            silent, sings = Script(), music(2.0, 60.0)
            drops = Script().says(2.0, "tell me more.").happens(4.0, Dropped(0))
            returns = Script().happens(3.0, Dropped(0)).happens(5.0, Resumed())
            asks = Script().says(2.0, "where is my order?")
            await asyncio.gather(
                hold(silent, until_s=60),
                hold(sings, until_s=60),
                hold(drops, until_s=60),
                hold(returns, until_s=30),
                hold(asks, ears=ScriptedEars(asks, hangs=True), until_s=30),
                hold(asks, mouth=ScriptedMouth(hangs=True), until_s=30),
                hold(asks, until_s=3.2),  # hangs up in the pause
                hold(asks, written=[(0.3, "One two. ")], answer_s=1.0, until_s=4.0),
            )

    async def counted() -> tuple[int, int]:
        await callers(2)
        await asyncio.sleep(1)  # of virtual time: what was on its way is over
        gc.collect()
        left = [each for each in gc.get_objects() if type(each) in (CallSession, Player)]
        return len(asyncio.all_tasks()), len(left)

    assert run(counted()) == (1, 0)
