"""Answers that a language model words in a customer's language are weighed in it."""

from pathlib import Path

import pytest

from bot.draft import Draft
from bot.history import Past
from bot.knowledge import Knowledge, Query, ingest
from bot.messages import ConversationId, ReplyId
from bot.store import Store
from models.minilm import MiniLM
from tests.bot.assistant.conftest import Desk, understood_as
from tests.builders import CHANNEL

SHOPS = {
    # article, question, a right answer, a wrong sentence after it
    "de": (
        "# Rückgabe\n\nSie können Waren innerhalb von 30 Tagen zurückschicken. Die Rücksendung ist "
        "kostenlos.\n",
        "Wie lange kann ich Waren zurückschicken?",
        "Sie können Waren innerhalb von 30 Tagen kostenlos zurückschicken [1].",
        " Der Umtausch dauert 90 Tage [1].",
    ),
    "es": (
        "# Devoluciones\n\nPuede devolver los productos en un plazo de 30 días. La devolución es "
        "gratuita.\n",
        "¿Cuánto tiempo tengo para devolver los productos?",
        "Puede devolver los productos en un plazo de 30 días [1].",
        " El cambio tarda 90 días [1].",
    ),
    "zh": (
        "# 退货\n\n您可以在30天内退回商品。退货不收取费用。\n",
        "多少天之内可以退回商品？",
        "您可以在30天内退回商品[1]。",
        "换货需要支付90元[1]。",
    ),
    "ar": (
        "# إرجاع المنتجات\n\nيمكنك إرجاع المنتجات خلال 30 يومًا. الإرجاع مجاني.\n",
        "خلال كم يوم يمكن إرجاع المنتجات؟",
        "يمكنك إرجاع المنتجات خلال 30 يوما [1].",
        " يستغرق الاستبدال 90 يوما [1].",
    ),
}


@pytest.mark.parametrize("language", SHOPS)
async def test_what_is_backed_is_sent_and_what_is_not_is_left_out(
    language: str, encoder: MiniLM, store: Store, tmp_path: Path
) -> None:
    article, question, right, wrong = SHOPS[language]
    (tmp_path / "knowledge").mkdir()
    (tmp_path / "knowledge" / "returns.md").write_text(article, "utf-8")
    ingest(tmp_path / "knowledge", tmp_path / "index", encoder)
    knowledge = Knowledge.open(tmp_path / "index", encoder)
    desk = Desk(knowledge, store)
    assistant = desk.hire(right + wrong)
    finding = await knowledge.consult(Query(typed=question, language=language))
    draft = Draft(ConversationId("con_1"), ReplyId("rep_1"), CHANNEL, desk.connector.show)
    understanding = understood_as(question, language=language)
    worded = await assistant.answer(understanding, Past((), {}), finding, draft)
    await knowledge.close()
    assert worded.account.outcome == "answered"
    assert worded.account.left_out == 1
    assert worded.answer
    assert worded.answer.text == right.replace(" [1]", "").replace("[1]", "")
    assert [citation.article for citation in worded.answer.citations] == ["returns"]
