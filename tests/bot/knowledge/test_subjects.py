"""Names that fell in a conversation tell which article is meant."""

import numpy as np

from bot.knowledge.article import Passage
from bot.knowledge.encoding import encoded
from bot.knowledge.index import FORMAT, Manifest
from bot.knowledge.subjects import Subjects
from bot.messages import ArticleId
from models.minilm import MiniLM

TITLES = (
    "Grand Hotel",
    "Hotel Sunrise",
    "Dragoneats - North",
    "Alamo Square",
    "Alamo Square Grill",
)


def _subjects(encoder: MiniLM) -> Subjects:
    passages = [
        Passage(f"a{n}#0", ArticleId(f"a{n}"), title, (), "Breakfast is served at eight.")
        for n, title in enumerate(TITLES)
    ]
    return Subjects(encoded(passages, [], Manifest(FORMAT, encoder.name, {}), encoder)[0])


def _best(subjects: Subjects, *turns: str) -> str:
    weighed = subjects.weigh([(text, 0.85 ** (len(turns) - n)) for n, text in enumerate(turns)])
    return TITLES[int(np.argmax(weighed))]


def test_later_mention_wins(encoder: MiniLM) -> None:
    subjects = _subjects(encoder)
    assert _best(subjects, "i suggest the grand hotel", "or hotel sunrise") == "Hotel Sunrise"


def test_words_heard_apart_and_heads_of_titles_count(encoder: MiniLM) -> None:
    assert _best(_subjects(encoder), "it is called dragon eats") == "Dragoneats - North"


def test_longer_name_explains_a_shorter_one_away(encoder: MiniLM) -> None:
    assert _best(_subjects(encoder), "try the alamo square grill") == "Alamo Square Grill"


def test_nothing_named_weighs_nothing(encoder: MiniLM) -> None:
    assert not _subjects(encoder).weigh([("do they take cards", 1.0)]).any()


def test_a_name_takes_the_place_of_the_one_before(encoder: MiniLM) -> None:
    subjects = _subjects(encoder)
    before = "is there breakfast at Alamo Square"
    assert subjects.without_names(before, "and at Dragoneats?") == "is there breakfast at"
    assert subjects.without_names(before, "and how early?") == before
