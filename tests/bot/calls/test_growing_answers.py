"""An answer that is spoken while it is written, in virtual time: what is heard, and remembered."""

import pytest

from bot.calls.answering import LONGEST_S, MOST_AHEAD
from bot.calls.transport import EndReason
from bot.texts import say
from models.synthesizer import Speech
from tests.bot.calls.scripted import Answer, PlayedCall, Script, ScriptedMouth, echo, hold
from tests.virtual_time import run

ASKED_S = 2.0
FIRST, SECOND, THIRD = "One two three four. ", "Five six seven eight.\n", "Nine ten eleven twelve."
WHOLE = f"{FIRST}{SECOND}\n{THIRD}"
ANEW = say("call_anew", "en")
TROUBLE = say("call_trouble", "en")
MOMENT = say("call_moment", "en")


def told(text: str) -> Answer:
    return WHOLE if "tell" in text else echo(text)


def asking(words: str = "tell me more.") -> Script:
    return Script().says(ASKED_S, words)


def said(call: PlayedCall) -> list[str]:
    """All that the desk said after its greeting."""
    return [text for text in call.said[1:] if "there?" not in text]


def heard_at(call: PlayedCall, text: str) -> float:
    return next(line.from_s for line in call.timeline.lines if line.text == text)


def test_the_first_sentence_is_heard_while_the_rest_is_written() -> None:
    written = [(0.3, FIRST), (1.0, SECOND)]
    call = run(hold(asking(), answer=told, written=written, answer_s=3.0))
    assert said(call) == [FIRST.strip(), SECOND.strip(), THIRD]
    asked = call.timeline.lines[1]
    assert heard_at(call, FIRST.strip()) - asked.to_s < 0.3 + 0.5
    assert call.timeline.answers[0].total_ms < 800
    assert call.talk.corrected == {}


def test_nothing_is_said_twice_when_all_of_it_was_said_before() -> None:
    written = [(0.3, FIRST), (0.1, SECOND), (0.1, THIRD)]
    call = run(hold(asking(), answer=told, written=written, answer_s=8.0, until_s=24))
    assert said(call) == [FIRST.strip(), SECOND.strip(), THIRD, MOMENT]
    assert call.talk.corrected == {}
    assert "Are you still there?" in call.said  # the desk listens again


def test_a_caller_is_not_asked_whether_they_are_there_while_the_answer_grows() -> None:
    call = run(hold(asking(), answer=told, written=[(0.3, FIRST)], answer_s=15.0, until_s=22))
    assert call.said[1:] == [FIRST.strip(), MOMENT, SECOND.strip(), THIRD]


def test_a_goodbye_waits_for_the_rest() -> None:
    script = Script().says(ASKED_S, "goodbye")
    call = run(
        hold(script, answer=lambda text: WHOLE, written=[(0.3, FIRST)], answer_s=3.0, until_s=60)
    )
    assert said(call)[-1] == THIRD
    assert call.reason is EndReason.DESK


def test_a_withdrawn_answer_is_said_anew_and_both_are_remembered() -> None:
    call = run(
        hold(
            asking(),
            answer=lambda text: "The article says this.",
            written=[(0.3, FIRST)],
            answer_s=1.0,
        )
    )
    assert said(call) == [FIRST.strip(), ANEW, "The article says this."]
    assert call.talk.corrected == {"rep_1": " ".join(said(call))}


def test_of_a_withdrawn_answer_what_was_not_begun_is_left_unsaid() -> None:
    written = [(0.3, FIRST), (0.05, SECOND), (0.05, THIRD), (0.05, "Thirteen fourteen fifteen.")]
    call = run(hold(asking(), answer=lambda text: "The article.", written=written, answer_s=0.05))
    assert "Thirteen fourteen fifteen." not in said(call)
    assert said(call)[-2:] == [ANEW, "The article."]
    assert call.talk.corrected == {"rep_1": " ".join(said(call))}


def test_an_answer_that_is_withdrawn_before_it_was_heard_leaves_nothing() -> None:
    script = asking().makes(3.3, 0.6)  # a noise, over which the sentence is not begun
    call = run(
        hold(script, answer=lambda text: "The article.", written=[(0.4, FIRST)], answer_s=0.2)
    )
    assert said(call) == ["The article."]
    assert call.talk.corrected == {}


def test_an_interruption_ends_what_grows() -> None:
    script = asking().says(5.0, "stop where is my order?")
    written = [(0.3, FIRST), (0.3, SECOND), (4.0, THIRD)]
    call = run(hold(script, answer=told, written=written, answer_s=1.0))
    assert call.talk.told[1] == "stop where is my order?"
    assert THIRD not in said(call)
    assert said(call)[-1] == "You said stop where is my order?."
    heard = call.talk.corrected["rep_1"]
    assert heard == " ".join(said(call)[:-1])
    assert f"{FIRST}{SECOND}".startswith(heard)


def test_who_hangs_up_has_not_heard_what_was_still_to_come() -> None:
    call = run(hold(asking(), answer=told, written=[(0.3, FIRST)], answer_s=9.0, until_s=6.0))
    assert call.talk.corrected == {"rep_1": FIRST.strip()}


def test_what_grows_over_the_callers_words_waits_for_them() -> None:
    script = asking("tell me more. |0.6| where is it?")
    call = run(hold(script, answer=told, written=[(0.5, FIRST), (0.2, SECOND)], answer_s=2.0))
    assert call.talk.told == ["tell me more.", "where is it?"]
    assert said(call) == ["You said where is it?."]
    assert call.talk.corrected == {"rep_1": ""}


def test_a_noise_only_delays_what_grows() -> None:
    script = asking().makes(3.3, 0.3)
    call = run(hold(script, answer=told, written=[(0.2, FIRST), (0.2, SECOND)], answer_s=1.0))
    assert said(call) == [FIRST.strip(), SECOND.strip(), THIRD]
    assert call.talk.corrected == {}


def test_an_answer_that_begins_anew_is_waited_for() -> None:
    """The turn failed in the middle, and is done again: its sentences come from the first on."""
    written = [(0.3, FIRST), (0.3, ""), (0.0, FIRST), (0.3, SECOND)]
    call = run(hold(asking(), answer=told, written=written, answer_s=0.3))
    assert said(call).count(FIRST.strip()) == 1


@pytest.mark.parametrize("written", [[], [(0.3, FIRST)]])
def test_a_desk_that_never_finishes_is_admitted_and_the_call_goes_on(
    written: list[tuple[float, str]],
) -> None:
    script = asking().says(ASKED_S + LONGEST_S + 12, "where is my order?")
    call = run(hold(script, answer=told, written=written, answer_s=500, until_s=70))
    begun = [text.strip() for _, text in written]
    assert said(call)[: len(begun) + 2] == [*begun, MOMENT, TROUBLE]
    assert call.talk.told == ["tell me more.", "where is my order?"]


# The answer is begun in the pause.


def test_the_answer_is_begun_in_the_pause() -> None:
    call = run(hold(asking("where is my order?")))
    assert [text for text in call.talk.prepared if text] == ["where is my order?"]
    assert call.talk.told == ["where is my order?"]


def test_a_caller_who_goes_on_has_it_dropped() -> None:
    call = run(hold(asking("where is it? |0.2| my order I mean?")))
    begun = [text for text in call.talk.prepared if text]
    assert begun == ["where is it?", "where is it? my order I mean?"]
    after = call.talk.prepared.index("where is it?") + 1
    assert call.talk.prepared[after] == ""
    assert call.talk.told == ["where is it? my order I mean?"]


def test_nothing_is_begun_where_more_is_sure_to_come() -> None:
    call = run(hold(asking("my order number is |1.2| 4 8 2 1 3 7")))
    assert "my order number is" not in call.talk.prepared


def test_where_the_voice_alone_says_that_more_comes_most_is_gained() -> None:
    call = run(hold(asking("I would like to know all about it")))
    assert "I would like to know all about it" in call.talk.prepared


def test_who_pauses_again_and_again_costs_three_requests_at_most() -> None:
    asked = ["where is it?", "when is it?", "who has it?", "how is it?", "what is it?"]
    call = run(hold(asking(" |0.2| ".join(asked))))
    assert call.talk.told == [" ".join(asked)]
    assert len([text for text in call.talk.prepared if text]) == MOST_AHEAD


def test_nothing_is_begun_for_a_murmur() -> None:
    script = asking().says(5.0, "mhm")
    call = run(hold(script, answer=lambda text: WHOLE))
    assert "mhm" not in call.talk.prepared


def test_what_was_begun_is_dropped_when_the_call_ends() -> None:
    call = run(hold(asking("where is my order?"), until_s=3.4))
    assert call.talk.prepared[-1] == ""


def test_the_first_sound_is_made_in_the_pause() -> None:
    """By a voice that takes 0.3 s for a sentence, and an answer that is ready when it is asked."""

    def waited_ms(ahead: str) -> float:
        script = asking("tell me 4 8 2 1.")  # a number, which may go on: 0.95 s
        mouth = ScriptedMouth(seconds=0.3)
        call = run(hold(script, answer=told, written=[(0.0, FIRST)], ahead=ahead, mouth=mouth))
        assert said(call) == [FIRST.strip(), SECOND.strip(), THIRD]
        assert mouth.spoken.count(FIRST.strip()) == 1
        return call.timeline.answers[0].total_ms

    assert waited_ms("") - waited_ms(FIRST) >= 250


def test_a_sound_that_was_made_for_nothing_is_not_heard() -> None:
    script = asking("where is it? |0.2| my order I mean?")
    mouth = ScriptedMouth()
    call = run(hold(script, ahead="It is here.", mouth=mouth))
    assert "It is here." in mouth.spoken
    assert said(call) == ["You said where is it? my order I mean?."]


def test_a_slow_voice_is_left_free_for_what_is_said() -> None:
    """A sound that was begun for nothing cannot be broken off, and no other is begun beside it."""
    asked = ["where is it?", "when is it?", "who has it?"]
    mouth = ScriptedMouth(seconds=3.0)
    call = run(hold(asking(" |0.2| ".join(asked)), ahead="It is here.", mouth=mouth))
    assert len([text for text in call.talk.prepared if text]) > 1
    assert mouth.spoken.count("It is here.") == 1


def test_a_sound_that_could_not_be_made_ahead_is_tried_again() -> None:
    class OnceSilent(ScriptedMouth):
        async def speak(self, text: str, locale: str) -> Speech | None:
            speech = await super().speak(text, locale)
            return None if self.spoken.count(text) == 1 and text == FIRST.strip() else speech

    mouth = OnceSilent()
    call = run(hold(asking(), answer=told, written=[(0.0, FIRST)], ahead=FIRST, mouth=mouth))
    assert said(call)[0] == FIRST.strip()
    assert mouth.spoken.count(FIRST.strip()) == 2
