"""A logged-in customer has a conversation of their own, and nobody else sees it."""

import time

import jwt
import pytest
from playwright.async_api import expect

from tests.connectors.webchat.browser.desk_process import SITE_SECRET, DeskProcess
from tests.connectors.webchat.browser.widget import Widget

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = "How long do I have to return an item?"
SET_IDENTITY = "(host, identity) => host.identity = identity"


def signed(customer: str, *, lasts_s: int = 600) -> str:
    claims = {"sub": customer, "exp": int(time.time()) + lasts_s}
    return jwt.encode(claims, SITE_SECRET, algorithm="HS256")


async def open_as(widget: Widget, desk: DeskProcess, identity: str) -> None:
    """Load the page, log in, and open the chat."""
    await widget.page.goto(desk.url)
    await widget.host.evaluate(SET_IDENTITY, identity)
    await widget.launcher.click()


async def test_conversation_belongs_to_who_is_logged_in(widget: Widget, desk: DeskProcess) -> None:
    await open_as(widget, desk, signed("anna"))
    await widget.say(QUESTION)
    await widget.reply(1)

    await widget.host.evaluate("host => host.removeAttribute('identity')")
    await expect(widget.host.locator(".welcome")).to_be_visible()
    await widget.host.evaluate(SET_IDENTITY, signed("ben"))
    await expect(widget.host.locator(".welcome")).to_be_visible()
    await expect(widget.messages).to_have_count(0)

    await widget.host.evaluate(SET_IDENTITY, signed("anna"))
    await widget.reply(1)


async def test_what_is_typed_after_a_login_is_not_the_visitors(
    widget: Widget, desk: DeskProcess
) -> None:
    await widget.open(desk.url)
    log_in = """(host, identity) => {
        host.identity = identity;
        return Boolean(host.shadowRoot.querySelector("textarea"));
    }"""
    assert not await widget.host.evaluate(log_in, signed("dora")), "the visitor's chat takes words"
    await expect(widget.host.locator(".welcome")).to_be_visible()


async def test_expired_identity_is_asked_for_anew(widget: Widget, desk: DeskProcess) -> None:
    await widget.page.goto(desk.url)
    await widget.host.evaluate(
        """(host, fresh) => host.addEventListener("identity-needed", () => host.identify(fresh))""",
        signed("carla"),
    )
    await widget.host.evaluate(SET_IDENTITY, signed("carla", lasts_s=-600))
    await widget.launcher.click()
    await widget.say(QUESTION)
    await widget.reply(1)


async def test_forged_identity_opens_nothing(widget: Widget, desk: DeskProcess) -> None:
    forged = jwt.encode({"sub": "anna", "exp": int(time.time()) + 600}, "x" * 40, "HS256")
    await open_as(widget, desk, forged)
    await expect(widget.panel).to_have_attribute("data-connection", "refused")
    await expect(widget.messages).to_have_count(0)
