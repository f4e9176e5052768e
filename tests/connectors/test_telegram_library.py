"""The stand-in for Telegram, spoken to by python-telegram-bot: what that library sends and
understands is the protocol, whatever we think of it."""

from collections.abc import AsyncIterator
from io import BytesIO

import pytest
import telegram
from telegram.request import HTTPXRequest

from connectors.telegram_events import parse
from tests.connectors.messaging.samples import voice_note
from tests.connectors.messaging.telegram_api import (
    ANN,
    PRIVATE,
    SECRET,
    TOKEN,
    BotApi,
    refusal,
    update,
)


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    api = BotApi()
    async with api.serving():
        yield api


@pytest.fixture
async def bot(api: BotApi) -> AsyncIterator[telegram.Bot]:
    plain = HTTPXRequest(httpx_kwargs={"trust_env": False})
    bot = telegram.Bot(
        TOKEN,
        base_url=f"{api.url}/bot",
        base_file_url=f"{api.url}/file/bot",
        request=plain,
        get_updates_request=HTTPXRequest(httpx_kwargs={"trust_env": False}),
    )
    async with bot:
        yield bot


async def test_it_knows_its_bot(bot: telegram.Bot) -> None:
    assert (await bot.get_me()).username == "shop_bot"


async def test_it_takes_a_text_with_buttons(api: BotApi, bot: telegram.Bot) -> None:
    keyboard = telegram.ReplyKeyboardMarkup([["yes"], ["no"]], one_time_keyboard=True)
    sent = await bot.send_message(77, "<b>Hi</b>", parse_mode="HTML", reply_markup=keyboard)
    assert (sent.text, sent.chat.id, sent.from_user and sent.from_user.is_bot) == (
        "<b>Hi</b>",
        77,
        True,
    )
    changed = await bot.edit_message_text("Bye", chat_id=77, message_id=sent.message_id)
    assert isinstance(changed, telegram.Message)
    assert api.texts() == ["Bye"]


async def test_it_takes_a_recording(api: BotApi, bot: telegram.Bot) -> None:
    sent = await bot.send_voice(77, BytesIO(voice_note()), filename="answer.ogg", duration=2)
    assert sent.voice
    assert sent.voice.file_size == len(voice_note())
    [call] = api.made(api.method("sendVoice"))
    assert call.form["voice"] == ("answer.ogg", voice_note())


async def test_it_gives_a_file(api: BotApi, bot: telegram.Bot) -> None:
    api.keep("v1", voice_note())
    file = await bot.get_file("v1")
    assert bytes(await file.download_as_bytearray()) == voice_note()


async def test_it_gives_updates_until_they_are_confirmed(api: BotApi, bot: telegram.Bot) -> None:
    api.updates = [update(1, text="hi"), update(2, text="there")]
    first = await bot.get_updates(timeout=0)
    again = await bot.get_updates(offset=first[0].update_id, timeout=0)
    rest = await bot.get_updates(offset=first[0].update_id + 1, timeout=0)
    assert [each.message and each.message.text for each in first] == ["hi", "there"]
    assert again == first
    assert [each.message and each.message.text for each in rest] == ["there"]


async def test_it_keeps_where_webhooks_go(bot: telegram.Bot) -> None:
    assert await bot.set_webhook("https://desk.example/channels/telegram", secret_token=SECRET)
    assert (await bot.get_webhook_info()).url == "https://desk.example/channels/telegram"
    assert await bot.delete_webhook()
    assert (await bot.get_webhook_info()).url == ""


@pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")
async def test_it_refuses_as_telegram_does(api: BotApi, bot: telegram.Bot) -> None:
    api.fail(api.method("sendMessage"), refusal(429, "Too Many Requests", retry_after=7))
    api.fail(api.method("sendMessage"), refusal(403, "Forbidden: bot was blocked by the user"))
    with pytest.raises(telegram.error.RetryAfter):
        await bot.send_message(77, "hi")
    with pytest.raises(telegram.error.Forbidden):
        await bot.send_message(77, "hi")


def test_what_the_library_writes_is_read() -> None:
    """An update as the library's own types write it, parsed by the channel."""
    sender = telegram.User.de_json(ANN, None)
    chat = telegram.Chat.de_json(PRIVATE, None)
    written = telegram.Update.de_json(update(1, text="Where is it?"), None)
    assert written.message
    assert (written.message.from_user, written.message.chat) == (sender, chat)
    as_telegram = written.to_dict()
    # The library writes flags that are not set as false; Telegram leaves them out.
    message = {name: value for name, value in as_telegram["message"].items() if value is not False}
    [event] = parse(as_telegram | {"message": message})
    assert event == parse(update(1, text="Where is it?"))[0]
