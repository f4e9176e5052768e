"""Names that customers say of themselves, hidden from a model elsewhere and put back."""

import pytest

from bot.assistant.masking import Masking
from bot.history import Past
from bot.messages import ConversationId
from bot.names import names_said
from bot.understanding import understand
from tests.builders import message


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("My name is Ann Miller and I want a refund", ("Ann Miller",)),
        ("my name is ann miller.", ("ann miller",)),
        ("hi, my name is Will", ("Will",)),
        ("My name is Mrs. Jane Doe", ("Jane Doe",)),
        ("Hello, I'm Ann Miller", ("Ann Miller",)),
        ("Ich heiße Anna Schmidt und brauche Hilfe", ("Anna Schmidt",)),
        ("mein Name ist Müller, Bestellung 12", ("Müller",)),
        ("me llamo José García y quiero devolverlo", ("José García",)),
        ("我叫王小明，想退货", ("王小明",)),
        ("我叫王小明想退货", ("王小明",)),
        ("اسمي أحمد علي وأريد إرجاعه", ("أحمد علي", "احمد علي")),
        ("Where is it?\n\nBest regards,\nAnn Miller", ("Ann Miller",)),
        ("Wo ist es?\nMit freundlichen Grüßen\nKlaus-Peter Maier", ("Klaus-Peter Maier",)),
    ],
)
def test_a_name_that_is_said_is_found(text: str, names: tuple[str, ...]) -> None:
    assert names_said(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "my name is wrong on the invoice",
        "My name is not on the list",
        "I'm German.",
        "this is the third time",
        "Mein Name ist falsch geschrieben",
        "thanks\nPlease answer quickly",
        "what is the name of the courier",
        "我的名字写错了",
    ],
)
def test_what_only_resembles_one_is_none(text: str) -> None:
    assert names_said(text) == ()


def test_the_desk_knows_a_name_from_the_channel_and_from_words() -> None:
    typed = message(ConversationId("con_1"), "my name is Ann Miller, where is my parcel?")
    assert understand([typed], {}, Past((), {}), "en").names == ("Ann Miller",)


@pytest.mark.parametrize(
    ("name", "text", "masked"),
    [
        ("王小明", "我是王小明，想退货", "我是{NAME_1}，想退货"),
        ("أحمد", "الطرد لأحمد", "الطرد ل{NAME_1}"),
        (
            "May Baker",
            "May I ask? I am May, may I? baker",
            "{NAME_2} I ask? I am {NAME_2}, may I? {NAME_1}",
        ),
        ("🙂", "🙂 hi", "🙂 hi"),
        (".", "Hi. There.", "Hi. There."),
    ],
)
def test_names_are_hidden_as_their_scripts_write_them(name: str, text: str, masked: str) -> None:
    masking = Masking([name])
    assert masking.mask(text) == masked
    assert masking.restore(masked).casefold() == text.casefold()


def test_a_name_that_was_said_in_an_earlier_call_is_known() -> None:
    past = Past((), {}, calls=("“my name is Anna Schmidt” – open: not answered in the call.",))
    said = understand([message(ConversationId("con_1"), "where is it?")], {}, past, "en")
    assert said.names == ("Anna Schmidt",)
