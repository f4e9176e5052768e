"""Words of each language as the index counts them."""

import pytest

from bot.knowledge.compounds import Compounds
from bot.knowledge.query import Query, Said, lean, points_back, telling_lines, views
from bot.knowledge.spelling import Spelling
from bot.knowledge.synonyms import synonyms
from bot.knowledge.words import surface_words, telling_terms, terms

NOTHING = Spelling({})


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("الإرجاع", "إرجاعه", "ar"),
        ("إلغاء", "الإلغاء", "ar"),
        ("ضمان", "الضمان", "ar"),
        ("بطاقتك", "البطاقة", "ar"),
        ("رُفِضَت", "رفض", "ar"),
        ("نقدًا", "نقدا", "ar"),
        ("استلام", "أستلام", "ar"),
        ("contraseña", "contrasena", "es"),
        ("envíos", "envio", "es"),
        ("Rückgabe", "rueckgabe", "de"),
        ("Adressen", "Adresse", "de"),
    ],
)
def test_forms_of_a_word_are_one(one: str, other: str, language: str) -> None:
    assert terms(one, language) == terms(other, language)


@pytest.mark.parametrize(
    ("text", "language", "telling"),
    [
        ("我的包裹什么时候能到？", "zh", {"包裹"}),
        ("新密码的链接失效了", "zh", {"新密", "密码", "新密码", "链接", "失效"}),
        ("هل أستطيع الدفع عند الاستلام؟", "ar", {"دفع", "استلام"}),
        ("وأريد إرجاعه", "ar", {"ارجاع"}),
        ("¿Cuanto tarda el envio?", "es", {"envi"}),
        ("Wann kommt denn mein Paket an?", "de", {"pak"}),
        ("how do I return my parcels", "en", {"return", "parcel"}),
    ],
)
def test_what_a_question_is_about_is_told_from_how_it_is_asked(
    text: str, language: str, telling: set[str]
) -> None:
    assert telling_terms(text, language) == telling


def test_digits_of_every_script_are_digits() -> None:
    assert surface_words("٣٠ يومًا") == ["30", "يوما"]
    assert surface_words("３０ 天") == ["30", "天"]


def test_a_compound_and_its_parts_find_one_another() -> None:
    compounds = Compounds(["gutschein", "code", "lieferadresse", "rechnung"])
    assert compounds.parted("Wo ist der Gutscheincode?", "de") == "Wo ist der gutschein code?"
    assert compounds.parted("Wo ist der Gutscheincode?", "es") == "Wo ist der Gutscheincode?"
    assert compounds.holding("adresse", "de") == {"lieferadress"}
    assert not compounds.holding("der", "de")


@pytest.mark.parametrize(
    ("said", "meant", "language"),
    [
        ("Kennwort", "passwort", "de"),
        ("anular", "cancelar", "es"),
        ("邮费", "运费", "zh"),
        ("كلمة السر", "باسورد", "ar"),
    ],
)
def test_other_words_for_the_same_are_known(said: str, meant: str, language: str) -> None:
    assert terms(meant, language)[0] in synonyms(said, language)
    assert not synonyms(said, "en")


@pytest.mark.parametrize(
    ("follow_up", "whole", "language"),
    [
        ("Und nach Norwegen?", "Was kostet die Lieferung eines großen Pakets?", "de"),
        ("¿Y a Noruega?", "¿Cuánto cuesta enviar un paquete grande por avión?", "es"),
        ("那挪威呢？", "寄一个大包裹到国外要多少运费和关税？", "zh"),
        ("وإلى النرويج؟", "كم تكلفة شحن طرد كبير بالطائرة خارج البلاد؟", "ar"),
    ],
)
def test_a_turn_that_goes_on_leans_on_the_one_before(
    follow_up: str, whole: str, language: str
) -> None:
    assert lean(follow_up, language) > 0.5 > lean(whole, language)
    assert points_back(follow_up, language)
    history = (Said("customer", whole),)
    seen = views(Query(typed=follow_up, history=history, language=language), NOTHING)
    assert seen.leaning
    assert seen.context.startswith(whole)


def test_without_an_encoder_for_a_language_nothing_is_encoded() -> None:
    asked = Query(typed="多久？", history=(Said("customer", "退款"),), language="zh")
    seen = views(asked, NOTHING, by_meaning=False)
    assert seen.texts == ()
    assert seen.words


def test_trouble_on_a_screen_counts_in_every_language() -> None:
    lines = "Zahlung fehlgeschlagen\nTarjeta caducada\n付款失败\nفشل الدفع\nInicio\n首页"
    weights = dict(telling_lines(lines))
    assert [weights[line] for line in lines.splitlines()] == [1.0, 1.0, 1.0, 1.0, 0.25, 0.25]


def test_a_slip_of_the_keys_is_mended_and_no_more_in_other_languages() -> None:
    spelling = Spelling({"rücksendung": 3, "garantie": 3, "kosten": 2})
    assert spelling.mend("Rüksendung", "de") == "rücksendung"
    assert spelling.mend("kosteten", "de") == "kosteten"
