"""From a provider's events to the desk: who somebody is, and who reads along."""

import time

import jwt
import pytest

from bot.channel_settings import TelegramSection
from bot.messages import AnswerAs, ChannelName, CustomerId
from connectors.customer_ids import customer_id
from connectors.messaging.events import Chat, Said
from connectors.messaging.intake import Intake
from tests.connectors.conftest import SITE_SECRET, Site
from tests.connectors.messaging.site import ChannelSite

ADDRESS = {"chat": "77"}


def intake(site: Site | ChannelSite, channel: str = "whatsapp") -> Intake:
    return Intake(site.desk, ChannelName(channel), "1", text_chars=8_000, attachments=10)


@pytest.mark.parametrize(
    ("chat", "shared"),
    [
        (Chat("77", ADDRESS), False),
        (Chat("77", ADDRESS, place="a group"), True),
        (Chat("77", ADDRESS, place="a thread of e-mails", private=True), False),
        (Chat("77", ADDRESS, private=False), True),
    ],
)
async def test_where_others_may_read_along_is_told(
    channels: ChannelSite, chat: Chat, shared: bool
) -> None:
    apps = {"telegram": ("connectors.telegram", TelegramSection(token="1:a"))}
    async with channels.open(apps, answers=False) as site:
        here = intake(site)
        await here.take(Said(chat, "1", "hello"))
        [entry] = await site.desk.entries(here.conversation(chat))
    assert entry.item.shared is shared


async def test_a_number_that_site_and_app_have_verified_makes_one_customer(site: Site) -> None:
    claims = {
        "sub": "4711",
        "exp": int(time.time()) + 600,
        "phone_number": "+47 12 34 56 78",
        "phone_number_verified": True,
    }
    visitor = customer_id("site", "shop", "4711")
    async with site.widget(identity=jwt.encode(claims, SITE_SECRET, "HS256")) as widget:
        await widget.say("m1", answer_as=AnswerAs.TEXT)
    phone, here = Chat("4712345678", ADDRESS, verified="tel:+4712345678"), intake(site)
    await here.take(Said(phone, "1", "hello"))
    stranger = Chat("4787654321", ADDRESS, verified="tel:+4787654321")
    await here.take(Said(stranger, "2", "hello"))
    assert await of(site, visitor) == {visitor, here.customer(phone)}
    assert await of(site, here.customer(stranger)) == {here.customer(stranger)}


async def of(site: Site, customer: CustomerId) -> set[CustomerId]:
    return set(await site.desk._people.of(customer))
