"""Answers the commands with which customers link and unlink their apps, and tells the other side.

How a command is written is in `bot/commands.py`; who is one customer, in `bot/people.py`.
"""

import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from bot.commands import Ask, Command, command_of
from bot.inbox import Received
from bot.messages import ChannelName, Message, Reply, ReplyId, ReplyKind, TurnId
from bot.people import CODE_S, MOST_LINKED, WRONG_CODES_S, Linked, Offer, People
from bot.policy import Decision
from bot.texts import say

Tell = Callable[[Reply], Awaitable[None]]
"""Brings a reply that no turn has made to its conversation, once. Raises `Unavailable`."""

_NAMES = {"whatsapp": "WhatsApp", "sms": "SMS", "line": "LINE", "wechat": "WeChat"}
"""Apps whose names are not simply written with a capital letter."""
_OWN = {"webchat": "app_webchat", "http": "app_http", "terminal": "app_terminal"}


class Asked(msgspec.Struct, frozen=True):
    """A command, and the message that it is."""

    command: Command
    received: Received

    @property
    def turn(self) -> str:
        """Names the message: the same when its turn is done again."""
        return f"{self.received.message.conversation}:{self.received.seq}"


def asked_in(received: Sequence[Received]) -> Asked | None:
    """The last command among the messages of a turn."""
    for item in reversed(received):
        command = command_of(item.message)
        if command:
            return Asked(command, item)
    return None


def without_commands(messages: Sequence[Message]) -> list[Message]:
    """The messages with nothing in place of commands, to be understood by what else they say."""
    return [
        msgspec.structs.replace(message, text="") if command_of(message) else message
        for message in messages
    ]


def app_name(channel: ChannelName, locale: str) -> str:
    """How customers call a channel."""
    own = _OWN.get(channel)
    return say(own, locale) if own else _NAMES.get(channel, channel.capitalize())


class Linking:
    def __init__(self, people: People, tell: Tell) -> None:
        self._people = people
        self._tell = tell

    async def answer(self, asked: Asked, locale: str) -> Decision:
        """Do what was asked for. Safe to repeat. Raises `Unavailable`."""
        match asked.command.ask:
            case Ask.CODE:
                return await self._offer(asked, locale)
            case Ask.LINK:
                return await self._link(asked, locale)
            case Ask.UNLINK:
                return await self._unlink(asked, locale)

    async def _offer(self, asked: Asked, locale: str) -> Decision:
        message = asked.received.message
        if message.shared:
            return _notice("link_shared", locale)
        offer = Offer(message.customer, message.conversation, message.channel, locale)
        code = await self._people.offer(asked.turn, offer)
        return _notice("link_code", locale, token=code, minutes=CODE_S // 60)

    async def _link(self, asked: Asked, locale: str) -> Decision:
        message = asked.received.message
        if not asked.command.code:
            return _notice("link_wrong", locale)
        outcome = await self._people.redeem(asked.turn, message.customer, asked.command.code)
        if isinstance(outcome, Linked):
            if outcome.new:
                await self._tell_other(asked, outcome.offer)
            app = app_name(outcome.offer.channel, locale)
            return _notice("link_done" if outcome.new else "link_already", locale, app=app)
        match outcome.why:
            case "tired":
                return _notice("link_tired", locale, minutes=WRONG_CODES_S // 60)
            case "own":
                return _notice("link_own", locale)
            case "full":
                return _notice("link_full", locale, limit=MOST_LINKED)
            case _:
                return _notice("link_wrong", locale)

    async def _unlink(self, asked: Asked, locale: str) -> Decision:
        others = await self._people.unlink(asked.turn, asked.received.message.customer)
        return _notice("unlink_done" if others else "unlink_nothing", locale)

    async def _tell_other(self, asked: Asked, offer: Offer) -> None:
        """Let whoever was given the code know that it was used, and by which app: it may have been
        coaxed out of them."""
        app = app_name(asked.received.message.channel, offer.locale)
        name = asked.turn.replace(":", "_").removeprefix("con_")
        await self._tell(
            Reply(
                id=ReplyId(f"rep_{offer.conversation.removeprefix('con_')}_link_{name}"),
                channel=offer.channel,
                conversation=offer.conversation,
                customer=offer.customer,
                turn=TurnId(""),
                kind=ReplyKind.NOTICE,
                text=say("link_told", offer.locale, app=app),
                locale=offer.locale,
                created_at=time.time(),
            )
        )


def _notice(code: str, locale: str, **params: str | int | float) -> Decision:
    return Decision(ReplyKind.NOTICE, say(code, locale, **params), why=f"linking: {code}")
