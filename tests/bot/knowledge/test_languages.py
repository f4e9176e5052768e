"""Knowledge in Spanish, Chinese, German and Arabic, with an encoder of many languages.

Its weights are random, so what it finds in meaning is chance; that each script is taken in, split,
encoded and found by its words is not.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from bot.knowledge import Knowledge, Query, ingest
from models.transformers_text_encoder import TransformersTextEncoder
from tests.models.tiny_models import tiny_multilingual

ARTICLES = {
    "es": (
        "# Reembolsos\n\nUn reembolso tarda cinco días hábiles. El dinero vuelve a su tarjeta.\n",
        "# Envíos a Noruega\n\nUn paquete a Noruega tarda seis días. La tienda paga aduana.\n",
    ),
    "zh": (
        "# 退款\n\n退款需要五个工作日。钱会退回到您的银行卡。\n",
        "# 配送到挪威\n\n寄往挪威的包裹需要六天。关税由商店支付。\n",
    ),
    "de": (
        "# Rückerstattungen\n\nEine Rückerstattung dauert fünf Werktage. Das Geld geht auf Ihre "
        "Karte.\n",
        "# Versand nach Norwegen\n\nEin Paket nach Norwegen dauert sechs Tage. Den Zoll zahlt der "
        "Laden.\n",
    ),
    "ar": (
        "# استرداد المبلغ\n\nيستغرق استرداد المبلغ خمسة أيام عمل. تعود الأموال إلى بطاقتك.\n",
        "# الشحن إلى النرويج\n\nيستغرق الطرد إلى النرويج ستة أيام. يدفع المتجر الرسوم الجمركية.\n",
    ),
}
ASKED = {
    "es": ("¿Cuánto tarda un reembolso?", "¿Cuánto tarda un paquete a Noruega?"),
    "zh": ("退款需要几个工作日？", "寄往挪威的包裹需要几天？"),
    "de": ("Wie lange dauert eine Rückerstattung?", "Wie lange dauert ein Paket nach Norwegen?"),
    "ar": ("كم يستغرق استرداد المبلغ؟", "كم يستغرق الطرد إلى النرويج؟"),
}


class Telling(TransformersTextEncoder):
    """Notes which texts were encoded as which."""

    def __init__(self, model: str) -> None:
        super().__init__(model, query_prefix="query: ", passage_prefix="passage: ")
        self.passages: list[str] = []
        self.queries: list[str] = []

    def encode(self, texts: list[str]) -> np.ndarray:
        self.passages += texts
        return super().encode(texts)

    def encode_queries(self, texts: list[str]) -> np.ndarray:
        self.queries += texts
        return super().encode_queries(texts)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Telling:
    texts = [text for both in (ARTICLES, ASKED) for each in both.values() for text in each]
    folder = tmp_path_factory.mktemp("encoder")
    return Telling(str(tiny_multilingual(folder, "xlm-roberta", [*texts, "query: passage: "])))


@pytest.fixture
async def knowledge(tmp_path: Path, encoder: Telling) -> AsyncIterator[Knowledge]:
    folder = tmp_path / "knowledge"
    folder.mkdir()
    for language, texts in ARTICLES.items():
        for number, text in enumerate(texts):
            file = folder / f"{language}-{number}.md"
            file.write_text(text, "utf-8")
    (folder / "asked.csv").write_text("question,answer\nWo ist der Laden?,In Köln.\n", "utf-8")
    report = ingest(folder, tmp_path / "index", encoder)
    assert report.skipped == []
    knowledge = Knowledge.open(tmp_path / "index", encoder)
    yield knowledge
    await knowledge.close()


@pytest.mark.parametrize("language", ARTICLES)
async def test_an_article_is_found_in_its_own_language(language: str, knowledge: Knowledge) -> None:
    for number, question in enumerate(ASKED[language]):
        hits = await knowledge.search(Query(typed=question, language=language), limit=16)
        by_words = max(hits, key=lambda hit: hit.parts["words"])
        assert f"# {by_words.passage.title}" == ARTICLES[language][number].split("\n")[0], question


@pytest.mark.parametrize("language", ARTICLES)
async def test_articles_in_the_customers_language_go_first(
    language: str, knowledge: Knowledge
) -> None:
    """They are told by their words: these articles do not say which language they are in."""
    for question in ASKED[language]:
        hits = await knowledge.search(Query(typed=question, language=language), limit=16)
        assert hits[0].passage.language == language


@pytest.mark.parametrize("language", ARTICLES)
async def test_what_is_quoted_is_whole_sentences_as_they_stand(
    language: str, knowledge: Knowledge
) -> None:
    for text, question in zip(ARTICLES[language], ASKED[language], strict=True):
        body = text.split("\n\n")[1].strip()
        (passage,) = (each for each in knowledge.index.passages if body in each.text)
        answered = await knowledge.quote(
            str(passage.article), Query(typed=question, language=language)
        )
        assert answered
        assert answered.text in body
        assert answered.text.endswith((".", "。"))


async def test_questions_and_passages_are_encoded_apart(
    knowledge: Knowledge, encoder: Telling
) -> None:
    encoder.queries.clear()
    await knowledge.search(Query(typed=ASKED["de"][0]))
    assert any("Rückerstattung" in text for text in encoder.queries)
    assert not any(ASKED["de"][0] in text for text in encoder.passages)
    assert any("Norwegen" in text for text in encoder.passages)


@pytest.mark.parametrize("language", ARTICLES)
def test_pieces_of_words_of_every_script_are_known(language: str, encoder: Telling) -> None:
    vectors = encoder.encode_queries(list(ASKED[language]))
    assert np.isfinite(vectors).all()
    assert float(vectors[0] @ vectors[1]) < 0.9999
