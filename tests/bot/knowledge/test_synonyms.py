"""Words that customers use for one another, and places that exclude one another."""

from bot.knowledge.synonyms import places, synonyms


def test_words_of_a_group_stand_for_one_another() -> None:
    assert "parcel" in synonyms("where is my package")
    assert "return" in synonyms("can I send it back?")
    assert not synonyms("good morning")


def test_a_part_of_a_place_names_the_place_and_not_its_other_parts() -> None:
    assert places("and to Zürich?") == places("deliveries in Switzerland") != places("Norway")
    assert places("to Sweden") == places("in the European Union")
    assert "denmark" not in synonyms("to Sweden")
    assert not places("to my office")
