"""Names in the knowledge: what a transcriber cannot know how to spell."""

from bot.knowledge.article import Passage
from bot.knowledge.names import MOST, names_in
from bot.messages import ArticleId

COMMON = frozenset(["monday", "account", "bluetooth", "germany"])


def passage(text: str, number: int = 0, title: str = "Help") -> Passage:
    return Passage(f"a{number}#0", ArticleId(f"a{number}"), title, (), text)


def found(*texts: str) -> tuple[str, ...]:
    passages = [passage(text, number) for number, text in enumerate(texts)]
    return names_in(passages, COMMON.__contains__)


def test_names_are_words_that_only_ever_have_a_capital() -> None:
    assert found(
        "Open the app of Voltaro on Monday. Then choose Account. Deliveries come from Venlo.",
        "Our deliveries are quick. The Deliveries page tells when.",
    ) == ("Venlo", "Voltaro")


def test_a_capital_at_the_beginning_of_a_sentence_says_nothing() -> None:
    assert found("Charging takes long. Unplug it: Restarting helps.\n\n- Resetting, too") == ()


def test_a_capital_inside_a_word_shows_a_name_everywhere() -> None:
    assert found("EcoCharge is slow. Use PayPal.") == ("EcoCharge", "PayPal")


def test_neighbours_belong_to_a_name() -> None:
    assert found("Put on the Voltaro Buds Pro and wait.") == ("Voltaro Buds Pro",)


def test_a_verb_on_a_button_does_not() -> None:
    assert found("Press **Add VoltCare** there.", "It has VoltCare inside.") == ("VoltCare",)


def test_possessives_addresses_and_codes_are_no_names() -> None:
    assert found("Ask Voltaro's staff at Help@Voltaro.example, error NETWORK or E51.") == (
        "Voltaro",
    )


def test_where_nouns_have_capitals_only_unmistakable_names_are_taken() -> None:
    german = (
        "Wenn die Bestellung nicht kommt, melden Sie den Verlust im Konto unter Lieferungen. Nach "
        "der Prüfung durch den Kundendienst erhalten Sie das Geld oder ein neues Gerät mit "
        "VoltCare an die Adresse."
    )
    assert found(german) == ("VoltCare",)


def test_what_more_articles_name_comes_first_and_titles_count_more() -> None:
    texts = [f"We like Madeira and Venlo{'' if n else ' and Zermatt'}." for n in range(3)]
    passages = [passage(text, n, "On Zermatt and us" if n == 0 else "Help")
                for n, text in enumerate(texts)]  # fmt: skip
    assert names_in(passages) == ("Madeira", "Venlo", "Zermatt")
    many = [passage(f"Take the Nam{chr(97 + n // 26)}{chr(97 + n % 26)} thing.", n)
            for n in range(100)]  # fmt: skip
    assert len(names_in(many)) == MOST


def test_the_examples_products_are_found() -> None:
    from pathlib import Path

    from bot.knowledge.documents import read_document
    from bot.knowledge.folder import SourceFile, files_of
    from bot.knowledge.passages import passages_of
    from models.minilm import MiniLM
    from tests.conftest import REPOSITORY

    folder: Path = REPOSITORY / "examples" / "voltaro" / "documents"
    passages = [
        each
        for file in files_of(folder)
        if isinstance(file, SourceFile)
        for article in read_document(file.path, file.data).articles
        for each in passages_of(article)
    ]
    assert set(names_in(passages, MiniLM().familiar)) >= {"VoltCare", "Voltaro", "Volts"}
