"""The whole desk in a customer's language: what is typed and said in it is answered in it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.languages import questions, write_shop
from bot.history import Past
from bot.intents import IntentBook
from bot.knowledge import Answered, Competing, Knowledge, Query, ingest
from bot.language import language_of
from bot.media import MediaStore
from bot.messages import Attachment, AttachmentId, AttachmentKind, ConversationId, ReplyKind
from bot.perception import Perceived, Perception
from bot.policy import DeskPolicy
from bot.speakable import speakable
from bot.store import Store
from bot.texts import languages, say
from bot.understanding import understand
from bot.wishes import Social, social, wants_person, wants_text, wants_voice
from models.espeak import Espeak
from models.faster_whisper import FasterWhisper
from models.minilm import MiniLM
from models.ppocr import PaddleTextReader
from models.small_image_encoder import SmallImageEncoder
from tests.builders import RecordingConnector, build_desk, message, new_conversation, running
from tests.models.media import recording
from tests.models.tiny_whispers import for_ctranslate2, speaking_whisper

SHOPS = ("ar", "de", "es", "zh")
ASKED = {
    # In words of their own: a question, what the article says, another that no article answers,
    # the wish for a person.
    "ar": (
        "هل المتجر مفتوح يوم السبت؟",
        "من 9 صباحًا حتى 6 مساءً",
        "كيف أطبخ المقلوبة؟",
        "أريد التحدث مع موظف",
    ),
    "de": (
        "Habt ihr am Samstag offen?",
        "samstags bis 14 Uhr",
        "Wie backe ich einen Apfelkuchen?",
        "Ich möchte mit einem Menschen sprechen",
    ),
    "es": (
        "¿Abren los sábados?",
        "los sábados hasta las 14 h",
        "¿A qué partido debería votar?",
        "Quiero hablar con una persona",
    ),
    "zh": ("周六营业吗？", "周六营业到14点", "红烧肉怎么做？", "我要人工客服"),
}
PERSON = {"ar": "اتصل بنا", "de": "Rufen Sie an", "es": "Llámenos", "zh": "请致电"}


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Language → what is known of its shop; all have been ingested."""
    root, encoder = tmp_path_factory.mktemp("shops"), MiniLM()
    found: dict[str, Any] = {}
    for language in SHOPS:
        folder = root / language / "knowledge"
        folder.mkdir(parents=True)
        found[language] = write_shop(language, folder)
        ingest(folder, root / language / "index", encoder)
        found[language]["index"] = root / language / "index"
    return found


@pytest.fixture
async def policy(shops: dict[str, Any], language: str, folder: Path) -> AsyncIterator[DeskPolicy]:
    knowledge = Knowledge.open(shops[language]["index"], MiniLM())
    (folder / "intents").mkdir()
    yield DeskPolicy(knowledge, IntentBook(folder / "intents"), "Eck", {}, PERSON)
    await knowledge.close()


@pytest.mark.parametrize("language", SHOPS)
async def test_a_customer_is_answered_in_their_language(
    language: str, policy: DeskPolicy, shops: dict[str, Any], store: Store, folder: Path
) -> None:
    """The desk's own language is English, and no channel tells the customer's."""
    desk, connector = build_desk(store, folder, policy), RecordingConnector()
    desk.connect(connector)
    question, quoted, other, person = ASKED[language]
    follow_up = shops[language]["follow_up"]
    turns = (question, other, person, follow_up["before"], follow_up["asked"])
    async with running(desk):
        conversation = await new_conversation(desk)
        for number, text in enumerate(turns, 1):
            await desk.accept(message(conversation, text))
            await connector.replies(number)
    answer, unknown, reached, opened, went_on = await connector.replies(len(turns))
    assert {reply.locale for reply in (answer, unknown, reached, opened, went_on)} == {language}
    assert answer.kind is ReplyKind.ANSWER
    assert quoted in " ".join(answer.text.split())
    assert unknown.text == say("answer_unknown", language)
    # What an article says about reaching somebody goes before the desk's own words.
    assert reached.text == PERSON[language] or "021-12345678" in reached.text
    assert [c.article for c in went_on.citations] == [follow_up["cited"]]


@pytest.mark.parametrize("language", SHOPS)
async def test_words_alone_answer_or_ask_back_and_do_not_mislead(
    language: str, shops: dict[str, Any]
) -> None:
    """Held-out questions, with an encoder that knows English alone. docs/languages.md has the
    figures that these are the floors of."""
    asked, outside = questions(shops[language], held_out=True)
    knowledge = Knowledge.open(shops[language]["index"], MiniLM())
    answered, helped = 0, 0
    for name, question in asked:
        finding = await knowledge.consult(Query(typed=question, language=language))
        if isinstance(finding, Answered):
            assert finding.citations[0].article == name, question
            answered, helped = answered + 1, helped + 1
        elif isinstance(finding, Competing):
            helped += name in [option.article for option in finding.options]
    for question in outside:
        finding = await knowledge.consult(Query(typed=question, language=language))
        assert not isinstance(finding, Answered), question
    await knowledge.close()
    assert answered >= 0.4 * len(asked)
    assert helped >= 0.7 * len(asked)


@pytest.mark.parametrize("language", SHOPS)
async def test_what_is_said_in_a_language_is_answered_aloud_in_it(
    language: str, policy: DeskPolicy, store: Store, folder: Path
) -> None:
    """Whisper's weights are made so that it says the question, whatever it hears."""
    question, quoted, *_ = ASKED[language]
    place = for_ctranslate2(speaking_whisper([(0.0, f" {question}", 2.0)], language), folder / "w")
    media = MediaStore(str(folder / "media"))
    perception = Perception(
        transcriber=lambda: FasterWhisper(str(place), device="cpu"),
        text_reader=PaddleTextReader,
        image_encoder=SmallImageEncoder,
        media=media,
    )
    desk, connector = build_desk(store, folder, policy, perception=perception), RecordingConnector()
    desk.connect(connector)
    said = np.concatenate([s.samples for s in Espeak().synthesize(question, language)])
    note = await media.put(
        recording("audio/ogg", said), kind=AttachmentKind.AUDIO, media_type="audio/ogg"
    )
    async with running(desk):
        await desk.accept(message(await new_conversation(desk), "", note))
        (reply,) = await connector.replies(1)
    assert list(reply.transcripts.values()) == [question]
    assert reply.locale == language
    assert quoted in " ".join(reply.text.split())
    ogg, _ = reply.speech
    assert ogg.duration_s
    assert ogg.duration_s > 3
    # Nothing is left to a voice that might count in another language.
    assert not re.search(r"\d", speakable(reply.text, language))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Wann kommt mein Paket an?", "de"),
        ("gracias", "es"),
        ("给我讲个笑话", "zh"),
        ("أين طردي", "ar"),
        ("where is it", "en"),
        ("MacBook Pro", ""),
        ("E-104", ""),
        ("Anna Müller", ""),
        ("gdzie jest moja paczka", "pl"),
    ],
)
def test_few_words_tell_one_of_the_desks_languages(text: str, language: str) -> None:
    assert language_of(text, "", languages()) == language


def test_a_language_that_was_heard_counts_where_the_words_tell_nothing() -> None:
    note = Attachment(AttachmentId("att_1"), AttachmentKind.AUDIO, "audio/ogg", 1)
    heard = {note.id: Perceived(note.id, note.kind, said="Otto", language="de")}
    asked = message(ConversationId("con_1"), "", note)
    assert understand([asked], heard, Past((), {}), "en").language == "de"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("¡Muchas gracias por su ayuda!", Social.THANKS),
        ("谢谢！再见。", Social.GOODBYE),
        ("您好！", Social.GREETING),
        ("أهلاً بكم", Social.GREETING),
        ("اهلا", Social.GREETING),
        ("شكراً جزيلاً", Social.THANKS),
        ("Guten Tag zusammen", Social.GREETING),
        ("Vielen Dank für Ihre Hilfe!", Social.THANKS),
        ("谢谢，什么时候到？", None),
    ],
)
def test_courtesies_are_known_in_every_language(text: str, kind: Social | None) -> None:
    assert social(text) is kind


def test_how_and_by_whom_to_be_answered_is_known_in_every_language() -> None:
    for text in ("Can I talk to a real person?", *(asked[3] for asked in ASKED.values())):
        assert wants_person(text), text
    assert not wants_person("Is the person at the door your driver?")
    assert all(map(wants_voice, ("用语音回答", "أجب بالصوت", "responda con audio")))
    assert all(map(wants_text, ("bitte schriftlich", "por escrito", "文字回复", "نص فقط")))
