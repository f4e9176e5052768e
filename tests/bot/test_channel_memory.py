"""What channels remember, across restarts and apart from each other."""

from bot.channel_memory import RedisMemory
from bot.messages import ChannelName
from bot.store import Store


async def test_what_was_kept_outlives_the_process_and_is_each_channels_own(store: Store) -> None:
    mail, chat = ChannelName("email"), ChannelName("chat")
    assert await RedisMemory(store).recall(mail, "position") == ""
    await RedisMemory(store).remember(mail, "position", "1:7")
    await RedisMemory(store).remember(mail, "position", "1:8")
    assert await RedisMemory(store).recall(mail, "position") == "1:8"
    assert await RedisMemory(store).recall(mail, "other") == ""
    assert await RedisMemory(store).recall(chat, "position") == ""
