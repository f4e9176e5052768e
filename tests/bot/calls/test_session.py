"""A call as the caller lives it, in virtual time. First what goes wrong elsewhere."""

import time
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from bot.calls.transport import Call, Dropped, EndReason, Resumed
from bot.errors import Unavailable
from bot.messages import ChannelName, CustomerId, ReplyKind
from bot.texts import say
from models.synthesizer import Speech
from tests.bot.calls.scripted import (
    Answer,
    Line,
    Script,
    ScriptedEars,
    ScriptedMouth,
    echo,
    hold,
    reply,
)
from tests.virtual_time import run

LONG = "One two three four five six. Seven eight nine ten eleven twelve. The end of it."
TROUBLE = say("call_trouble", "en")
GREETED_S = 2.0


def long_answer(text: str) -> Answer:
    return LONG if "tell" in text else echo(text)


# 1. It cuts people off, worst while they read out a number; or it is slow in order not to.


@pytest.mark.parametrize(
    "words",
    [
        "my order number is |1.2| 4 8 2 1 3 7",
        "it is 4 8 2 |1.2| 1 3 7",
        "the name is B R |1.2| A U N",
        "I bought the |1.2| blue kettle last week.",
        "it stopped working because, |1.2| well it fell down.",
        "I would like to |1.2| return it.",
    ],
)
def test_a_pause_inside_does_not_end_the_turn(words: str) -> None:
    call = run(hold(Script().says(GREETED_S, words)))
    assert call.talk.told == [words.replace("|1.2| ", "")]


def test_who_was_asked_for_a_number_may_look_it_up() -> None:
    script = Script().says(GREETED_S, "where is it?").says(8.0, "it's |2.0| 4 8 2 1 3 7")
    call = run(hold(script, answer=lambda text: "What is your order number?"))
    assert call.talk.told == ["where is it?", "it's 4 8 2 1 3 7"]


def test_a_whole_question_is_answered_at_once() -> None:
    call = run(hold(Script().says(GREETED_S, "where is my order?")))
    assert call.timeline.answers[0].total_ms < 450


def test_what_takes_longer_to_hear_than_the_pause_lasts_is_not_lost() -> None:
    script = Script().says(GREETED_S, "where is my order?")
    call = run(hold(script, ears=ScriptedEars(script, seconds=2.5)))
    assert call.talk.told == ["where is my order?"]


# 2. Audio goes on after a barge-in; an interruption before the first audio is lost.


def test_the_desk_falls_silent_for_the_caller() -> None:
    script = Script().says(GREETED_S, "tell me more.").says(6.0, "stop I have another question")
    call = run(hold(script, answer=long_answer))
    assert 6.0 < call.line.clears[0] <= 6.25
    assert call.line.sounding(6.25, 8.0) == 0
    assert call.talk.told[1] == "stop I have another question"
    assert "The end of it." not in call.said


def test_an_interruption_before_the_first_sound_counts() -> None:
    script = Script().says(GREETED_S, "tell me more.").says(3.35, "no wait where is my order?")
    call = run(hold(script, answer=long_answer, answer_s=0.3))
    assert call.talk.told == ["tell me more.", "no wait where is my order?"]
    assert not set(LONG.split(". ")) & set(call.said)
    assert call.talk.corrected == {"rep_1": ""}


# 3. "mhm" or noise interrupts.


@pytest.mark.parametrize("murmur", ["mhm", "okay", "yeah right"])
def test_a_murmur_does_not_interrupt(murmur: str) -> None:
    script = Script().says(GREETED_S, "tell me more.").says(6.0, murmur)
    call = run(hold(script, answer=long_answer))
    assert call.talk.told == ["tell me more."]
    assert call.said[1:] == [*(f"{part}." for part in LONG[:-1].split(". ")), *call.said[4:]]
    assert call.talk.corrected == {}


def test_a_noise_does_not_interrupt() -> None:
    script = Script().says(GREETED_S, "tell me more.").makes(6.0, 0.4)
    call = run(hold(script, answer=long_answer))
    assert "The end of it." in call.said
    assert call.talk.told == ["tell me more."]


def test_a_click_is_not_even_noticed() -> None:
    script = Script().says(GREETED_S, "tell me more.").makes(6.0, 0.06)
    call = run(hold(script, answer=long_answer, until_s=12.0))
    assert [at for at in call.line.clears if at < 12.0] == []


def test_it_goes_on_where_it_was() -> None:
    script = Script().says(GREETED_S, "tell me more.").makes(6.0, 0.3)
    disturbed = run(hold(script, answer=long_answer))
    calm = run(hold(Script().says(GREETED_S, "tell me more."), answer=long_answer))
    heard = [sum(sound for _, sound in call.line.out) * 0.04 for call in (disturbed, calm)]
    assert 0 <= heard[0] - heard[1] < 1.2  # a little is said again, and nothing left out


# 4. The history holds sentences that the caller never heard.


def test_the_history_has_only_what_was_heard() -> None:
    script = Script().says(GREETED_S, "tell me more.").says(6.0, "stop where is my order?")
    call = run(hold(script, answer=long_answer))
    heard = call.talk.corrected["rep_1"]
    assert LONG.startswith(heard)
    assert heard.startswith("One two three four five six.")
    assert len(heard) < len(LONG) - 10


def test_who_hangs_up_has_not_heard_the_rest() -> None:
    call = run(hold(Script().says(GREETED_S, "tell me more."), answer=long_answer, until_s=6.0))
    assert call.talk.corrected["rep_1"].startswith("One two three")
    assert "end" not in call.talk.corrected["rep_1"]


def test_an_answer_that_was_heard_is_left_alone() -> None:
    call = run(hold(Script().says(GREETED_S, "tell me more."), answer=long_answer))
    assert call.talk.corrected == {}


# 6. Memory grows with the call.


def test_half_an_hour_is_no_more_memory_than_a_minute() -> None:
    import tracemalloc

    script = Script()
    for minute in range(30):
        script.says(60.0 * minute + 5, "where is my order?")

    def peak(minutes: int) -> int:
        tracemalloc.start()
        run(hold(script, until_s=60.0 * minutes, answer=lambda text: "Here."))
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return held

    peak(1)
    assert peak(5) - peak(2) < 2_000_000


# 8. Short commands wait for the full time-out.


@pytest.mark.parametrize("word", ["yes", "no", "stop", "help"])
def test_a_short_command_is_answered_soon(word: str) -> None:
    call = run(hold(Script().says(GREETED_S, word)))
    assert call.talk.told == [word]
    assert call.timeline.answers[0].total_ms < 550


# What else a call is


def test_five_minutes_take_no_time_and_always_the_same() -> None:
    script = Script()
    for turn in range(20):
        script.says(5 + 14.0 * turn, f"question {turn} |0.6| about my order?")
    started = time.process_time()  # whatever else the machine is busy with
    first = run(hold(script, until_s=300))
    spent = time.process_time() - started
    second = run(hold(script, until_s=300))
    assert len(first.talk.told) == 20
    assert first.timeline.moves == second.timeline.moves
    assert first.line.out == second.line.out
    assert spent < 1.0


def test_silence_is_asked_about_and_then_the_call_ends() -> None:
    call = run(hold(Script(), until_s=120))
    assert call.reason is EndReason.DESK
    assert call.said[:3] == ["Hello from Shop", "Are you still there?", "Are you still there?"]
    assert call.said[3].startswith("I can't hear you")


def test_who_speaks_again_is_asked_anew() -> None:
    script = Script().says(22.0, "where is my order?")
    call = run(hold(script, until_s=45))
    assert call.said.count("Are you still there?") >= 3
    assert call.reason is EndReason.CALLER


def test_keys_are_one_answer() -> None:
    call = run(hold(Script().presses(GREETED_S, "482137#")))
    assert call.talk.told == ["482137"]


def test_keys_without_an_end_are_taken_after_a_while() -> None:
    call = run(hold(Script().presses(GREETED_S, "2")))
    assert call.talk.told == ["2"]


def test_a_key_interrupts() -> None:
    script = Script().says(GREETED_S, "tell me more.").presses(6.0, "1")
    call = run(hold(script, answer=long_answer))
    assert call.line.sounding(6.1, 7.5) == 0


def test_options_are_offered_by_key() -> None:
    def ask(text: str) -> Answer:
        return reply("Which one?", 1, ReplyKind.CLARIFY, ["My order", "A refund"])

    call = run(hold(Script().says(GREETED_S, "help"), answer=ask))
    assert call.said[1:4] == ["Which one?", "Press 1 for: My order", "Press 2 for: A refund"]


def person(text: str) -> Answer:
    return reply("I connect you with a person.", 1, ReplyKind.PERSON)


def test_who_asks_for_a_person_is_connected() -> None:
    script = Script().says(GREETED_S, "a person please.")
    call = run(hold(script, answer=person, transfer_to="+4712345678"))
    assert call.line.transferred_to == "+4712345678"
    assert call.reason is EndReason.TRANSFERRED
    assert "I connect you with a person." in call.said  # all of it, before


def test_who_has_something_to_do_is_left_alone_for_it() -> None:
    def link(text: str) -> Answer:
        sent = reply("I sent you a link.", 1, ReplyKind.NOTICE)
        return msgspec.structs.replace(sent, waits_s=60.0)

    script = Script().says(GREETED_S, "can I show you?")
    call = run(hold(script, answer=link, until_s=80.0, typed=(50.0, "It says declined.")))
    assert call.said[1:3] == ["I sent you a link.", "It says declined."]
    assert call.said[3] == "Are you still there?"  # eight seconds after that, as ever
    asked = next(line for line in call.timeline.lines if line.text == "Are you still there?")
    assert 58 < asked.from_s < 62


def test_who_cannot_be_connected_is_offered_a_call_back() -> None:
    script = Script().says(GREETED_S, "a person please.").presses(18.0, "1")
    call = run(
        hold(script, answer=person, transfer_to="100", transfers=False, offers="Call you back?")
    )
    assert call.said[2:5] == ["Call you back?", "Press 1 for: Yes", "Press 2 for: No"]
    assert call.talk.told[1] == "1"


def test_outside_office_hours_nobody_is_connected() -> None:
    script = Script().says(GREETED_S, "a person please.")
    call = run(hold(script, answer=person, transfer_to="100", office_open=lambda: False))
    assert call.line.transferred_to == ""
    assert call.reason is EndReason.CALLER


def test_who_is_called_back_is_connected_once_they_have_heard_why() -> None:
    reached: list[str] = []
    outgoing = Call(
        id="call_1", channel=ChannelName("call"), customer=CustomerId("cus_ann"), outgoing=True,
        opening="You asked for a call.", connects=True,
    )  # fmt: skip
    script = Script().says(1.0, "hello?")
    call = run(
        hold(script, call=outgoing, transfer_to="100", reached=lambda: reached.append("yes"))
    )
    assert call.said == ["You asked for a call."]
    assert (call.line.transferred_to, call.reason) == ("100", EndReason.TRANSFERRED)
    assert reached == ["yes"]


def test_a_machine_that_takes_a_call_back_has_not_been_reached() -> None:
    reached: list[str] = []
    outgoing = Call(
        id="call_1", channel=ChannelName("call"), customer=CustomerId("cus_ann"), outgoing=True,
        opening="You asked for a call.", message="We try again.", connects=True,
    )  # fmt: skip
    script = Script().says(0.5, "please leave a message after the tone")
    call = run(
        hold(script, call=outgoing, transfer_to="100", reached=lambda: reached.append("yes"))
    )
    assert call.said == ["We try again."]
    assert (call.line.transferred_to, reached) == ("", [])


def test_a_person_who_cannot_be_reached_does_not_end_the_call() -> None:
    script = Script().says(GREETED_S, "a person please.").says(16.0, "then tell me more.")
    call = run(hold(script, answer=person, transfer_to="100", transfers=False))
    assert "I'm sorry, nobody can take your call at the moment." in call.said
    assert len(call.talk.told) == 2


def test_goodbye_ends_the_call_once_it_is_said_back() -> None:
    script = Script().says(GREETED_S, "goodbye")
    call = run(hold(script, answer=lambda text: "Goodbye and thank you."))
    assert call.reason is EndReason.DESK
    assert call.said[-1] == "Goodbye and thank you."


def test_numbers_are_read_back() -> None:
    call = run(hold(Script().says(GREETED_S, "my number is 482137")))
    assert "I heard 4 8 2, 1 3 7." in call.said


def test_what_is_typed_beside_the_call_is_answered_in_it() -> None:
    call = run(hold(Script(), typed=(4.0, "I see the picture.")))
    assert call.said[:2] == ["Hello from Shop", "I see the picture."]
    assert 4.0 <= call.timeline.lines[1].from_s < 4.4


def test_a_noise_that_ends_is_no_message_and_hides_no_answer() -> None:
    script = Script().says(GREETED_S, "tell me more.").makes(3.3, 0.3)
    call = run(hold(script, answer=long_answer, answer_s=0.3))
    assert call.talk.told == ["tell me more."]
    assert "The end of it." in call.said


# A call that the desk makes


def outgoing() -> Call:
    return Call(
        id="call_2",
        channel=ChannelName("call"),
        customer=CustomerId("cus_ann"),
        outgoing=True,
        opening="Your kettle is ready.",
    )


def test_who_is_called_says_hello_first() -> None:
    script = Script().says(1.0, "hello").says(6.0, "thank you so much")
    call = run(hold(script, call=outgoing()))
    assert call.said[0] == "Your kettle is ready."
    assert call.talk.told == ["thank you so much"]


def test_no_answer_is_begun_to_a_hello_or_a_machine() -> None:
    for first in ("who is it?", "please leave a message after the tone."):
        call = run(hold(Script().says(1.0, first).says(6.0, "thank you so much."), call=outgoing()))
        assert first not in call.talk.prepared


def test_who_hung_up_with_no_word_has_not_been_reached_however_long_they_are_written_down() -> None:
    reached: list[str] = []
    script = Script().makes(0.5, 0.6)
    ears = ScriptedEars(script, seconds=4.0)
    call = run(
        hold(script, ears=ears, call=outgoing(), until_s=1.2, reached=lambda: reached.append("yes"))
    )
    assert (call.reason, call.said, reached) == (EndReason.CALLER, [], [])


def test_who_says_nothing_is_told_all_the_same() -> None:
    call = run(hold(Script(), call=outgoing(), until_s=20))
    assert call.said[0] == "Your kettle is ready."
    begun = next(at for at, sound in call.line.out if sound)
    assert begun < 4


def test_a_machine_gets_the_message_and_no_conversation() -> None:
    words = "please leave a message after the tone."
    call = run(hold(Script().says(0.5, words), call=outgoing()))
    assert call.said == ["Your kettle is ready."]
    assert call.talk.told == []
    assert call.reason is EndReason.DESK


# What breaks


def test_a_transcriber_that_hangs_is_admitted_and_the_call_goes_on() -> None:
    script = Script().says(GREETED_S, "where is my order?").presses(14.0, "1#")
    call = run(hold(script, ears=ScriptedEars(script, hangs=True)))
    assert TROUBLE in call.said
    assert call.talk.told == ["1"]


def test_a_synthesizer_that_hangs_leaves_the_kept_sentence() -> None:
    script = Script().says(10.0, "where is my order?")
    call = run(hold(script, mouth=ScriptedMouth(hangs=True)))
    assert call.said == ["Something is wrong."]
    assert call.talk.told == ["where is my order?"]


def test_a_desk_that_takes_no_messages_is_admitted() -> None:
    def refuse(text: str) -> Answer:
        raise Unavailable("Redis does not answer")

    call = run(hold(Script().says(GREETED_S, "where is my order?"), answer=refuse))
    assert TROUBLE in call.said


def test_an_outage_is_admitted_once_and_the_call_goes_on_after_it() -> None:
    call = run(hold(Script().says(16.0, "where is my order?"), away_s=12.0))
    assert call.said[:3] == ["Hello from Shop", TROUBLE, "Are you still there?"]
    assert call.said.count(TROUBLE) == 1
    assert "You said where is my order?." in call.said


def test_a_slow_answer_is_announced() -> None:
    call = run(hold(Script().says(GREETED_S, "where is my order?"), answer_s=6.0))
    assert call.said[1:3] == ["One moment, please.", "You said where is my order?."]


def test_a_line_that_drops_and_comes_back_goes_on() -> None:
    script = (
        Script().says(GREETED_S, "tell me more.").happens(6.0, Dropped(0)).happens(9.0, Resumed())
    )
    call = run(hold(script, answer=long_answer))
    assert "The end of it." in call.said
    assert call.talk.corrected == {}


def test_an_unknown_language_is_told() -> None:
    script = Script().makes(GREETED_S, 1.5)
    call = run(hold(script, ears=ScriptedEars(script, problem="audio_language")))
    assert "I'm sorry, I do not understand this language yet." in call.said


def test_who_speaks_without_end_is_answered_in_the_end() -> None:
    script = Script().says(GREETED_S, " ".join(f"word{n}" for n in range(390)))
    call = run(hold(script, until_s=140))
    assert len(call.talk.told) >= 1
    assert call.talk.spans[0][1] - call.talk.spans[0][0] <= 91


def test_what_was_sent_waits_for_as_long_as_the_caller_speaks() -> None:
    call = run(hold(Script().says(GREETED_S, " ".join(f"word{n}" for n in range(30)))))
    signs_s = call.talk.signs_s
    (from_s, to_s) = call.talk.spans[0]
    assert signs_s[-1] - signs_s[0] > to_s - from_s > 5
    assert max(later - sooner for sooner, later in pairwise(signs_s)) < 0.1


def test_a_call_has_an_end() -> None:
    call = run(hold(Script().says(50, "hello"), until_s=1e9, longest_s=60.0))
    assert call.reason is EndReason.DESK
    assert call.line.now_s < 62


def test_callers_last_words_are_kept_though_they_hang_up() -> None:
    call = run(hold(Script().says(GREETED_S, "cancel my order please"), until_s=3.3))
    assert call.talk.told == ["cancel my order please"]


def test_captions_of_both_sides() -> None:
    call = run(hold(Script().says(GREETED_S, "where is my order?")))
    final = [(c.by_caller, c.text) for c in call.line.captions if c.final]
    assert (True, "where is my order?") in final
    assert (False, "You said where is my order?.") in final


class HoarseMouth(ScriptedMouth):
    async def speak(self, text: str, locale: str) -> Speech | None:
        return None if "hoarse" in text else await super().speak(text, locale)


async def played_out(line: Line) -> int:
    """What a line answers that is ahead of what it has told: all of it has been heard."""
    line._played += sum(len(piece) for piece in line._queue)
    line._queue.clear()
    return line._played


def test_a_call_ends_well_in_an_answer_that_could_not_be_said_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Line, "clear", played_out)
    for until_s in np.arange(3.0, 7.0, 0.1):
        call = run(
            hold(
                Script().says(GREETED_S, "tell me."),
                answer=lambda text: "I am hoarse today. But this can be heard.",
                mouth=HoarseMouth(),
                until_s=float(until_s),
            )
        )
        assert call.reason is EndReason.CALLER
