"""Words and voice as they are heard, and whether the estimate takes them for an end."""

import time

import pytest

from models import turn_end
from tests.bot.calls.scripted import FALLEN, LEVEL


@pytest.mark.parametrize(
    ("beginning", "whole"),
    [
        ("I would like to", "I would like to return it"),
        ("how do I", "how do I reset my password"),
        ("my card was", "my card was declined"),
        ("do you know when the", "do you know when the parcel will arrive"),
        ("I want to talk to", "I want to talk to a person"),
        ("I never saw a zyx with a", "I never saw a zyx with a qwv"),
    ],
)
def test_a_beginning_is_told_from_a_whole_sentence(beginning: str, whole: str) -> None:
    odds = [turn_end.said_whole(text.lower().split()) for text in (beginning, whole)]
    assert odds[0] < 0 < odds[1] - odds[0] - 1


def test_a_falling_voice_speaks_for_the_end() -> None:
    words = ["i", "have", "not", "received", "my", "card", "yet"]
    fallen, level = (turn_end.probability(words, ".", melody, None) for melody in (FALLEN, LEVEL))
    assert level < fallen


def test_the_sound_of_an_end_is_believed_as_far_as_the_words_allow() -> None:
    words = ["i", "have", "not", "received", "my", "card", "yet"]
    said = [turn_end.probability(words, ".", FALLEN, complete) for complete in (0.01, 0.99)]
    assert said[0] < said[1]
    assert turn_end.probability(["i", "would", "like", "to"], ".", LEVEL, 0.99) < 0.5


def test_it_takes_no_time() -> None:
    words = [
        "can",
        "you",
        "tell",
        "me",
        "what",
        "happened",
        "to",
        "the",
        "parcel",
        "that",
        "i",
        "sent",
    ]
    turn_end.probability(words, "?", LEVEL, None)
    began = time.process_time()
    for _ in range(100):
        turn_end.probability(words, "?", LEVEL, None)
    assert (time.process_time() - began) / 100 < 0.001
