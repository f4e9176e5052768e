"""How the widget looks to people and to the tools that read it to them."""

import random
import runpy
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Response, expect

from tests.conftest import REPOSITORY
from tests.connectors.webchat.browser.desk_process import DeskProcess
from tests.connectors.webchat.browser.widget import Widget

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = "How long do I have to return an item?"
PHONE: Any = {"width": 390, "height": 780}
DANGEROUS = """
<img src=x onerror="document.title = 'broken in'"> <script>document.title = 'broken in'</script>

[a](javascript:document.title='broken in') [b](JaVaScRiPt:alert(1)) [c](data:text/html,x)
[d](https://fine.example/x) [e](/articles/fine) [f](mailto:desk@fine.example) **bold** `<b>code</b>`

| head | number |
|:--|--:|
| <i>cell</i> | 1 |
"""

PIECES = [
    *(
        "*",
        "**",
        "_",
        "__",
        "`",
        "```\n",
        "~~",
        "\n",
        "\n\n",
        " ",
        "  ",
        "> ",
        "- ",
        "1. ",
        "# ",
        "\\",
    ),
    *(
        "|",
        "|--|",
        "\n|--|--|\n",
        "[",
        "](",
        ")",
        "<",
        ">",
        "&lt;",
        "<script>",
        "<img src=x ",
        "a",
        "b c",
    ),
    *(
        "javascript:alert(1)",
        "JAVA\tSCRIPT:x",
        "data:text/html,",
        "https://a.example",
        "mailto:a@b.c",
    ),
]
KNOWN_ELEMENTS = {
    *("a", "blockquote", "br", "code", "del", "div", "em", "hr", "li", "ol", "p", "pre", "span"),
    *("strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}


@pytest.mark.parametrize(
    ("context", "locale"),
    [
        pytest.param({}, "en", id="light"),
        pytest.param({"color_scheme": "dark"}, "en", id="dark"),
        pytest.param({}, "ar", id="right-to-left"),
        pytest.param({"viewport": PHONE, "has_touch": True, "is_mobile": True}, "en", id="phone"),
    ],
)
async def test_axe_finds_nothing_serious(
    browser: Browser, desk: DeskProcess, screenshot: Path, context: dict[str, Any], locale: str
) -> None:
    page = await browser.new_page(reduced_motion="reduce", permissions=["microphone"], **context)
    try:
        widget = await Widget(page).open(desk.url, locale)
        assert await widget.serious_problems() == []
        await widget.host.locator(".line button:visible").last.click()
        await expect(widget.host.locator(".recorder")).to_be_visible()
        assert await widget.serious_problems() == []
        await page.keyboard.press("Escape")
        await widget.say(QUESTION)
        await widget.reply(1)
        await widget.attach(screenshot)
        await widget.say("What does this mean?")
        await (await widget.reply(2)).get_by_role("button").click()
        await expect(widget.host.locator(".facts table")).to_be_visible()
        assert await widget.serious_problems() == []
        await page.keyboard.press("Escape")
        await page.context.set_offline(True)
        await widget.say("And without a connection?")
        assert await widget.serious_problems() == []
    finally:
        await page.close()


async def test_first_visit_loads_what_the_size_check_counts(
    widget: Widget, desk: DeskProcess
) -> None:
    loaded: set[str] = set()

    def note(response: Response) -> None:
        if "/webchat/" in response.url and response.url.endswith((".js", ".css")):
            loaded.add(response.url.split("/webchat/")[1])

    widget.page.on("response", note)
    await widget.open(desk.url)
    await widget.say(QUESTION)
    await widget.reply(1)
    check = runpy.run_path(str(REPOSITORY / "scripts" / "check-widget"))
    counted = {str(file.relative_to(check["STATIC"])) for file in check["first_visit"]()}
    assert loaded == counted


async def test_dangerous_markdown_becomes_text(widget: Widget, desk: DeskProcess) -> None:
    await widget.page.goto(desk.url)
    shown = await widget.page.evaluate(
        """async (text) => {
          const { markdown } = await import("/webchat/view/markdown.js");
          const place = document.createElement("div");
          place.append(markdown(text, location.origin));
          document.body.append(place);
          return {
            tags: [...new Set([...place.querySelectorAll("*")].map((e) => e.localName))].sort(),
            links: [...place.querySelectorAll("a")].map((a) => [a.text, a.href, a.rel]),
            code: place.querySelector("code").textContent,
            title: document.title,
          };
        }""",
        DANGEROUS,
    )
    assert not {"img", "script", "b", "i"} & set(shown["tags"])
    assert {"table", "strong", "code"} <= set(shown["tags"])
    assert shown["links"] == [
        ["d", "https://fine.example/x", "noopener"],
        ["e", f"{desk.url}/articles/fine", "noopener"],
        ["f", "mailto:desk@fine.example", "noopener"],
    ]
    assert shown["code"] == "<b>code</b>"
    assert shown["title"] != "broken in"


async def test_no_text_becomes_anything_but_known_elements(
    widget: Widget, desk: DeskProcess
) -> None:
    dice = random.Random(7)
    texts = ["".join(dice.choices(PIECES, k=dice.randint(1, 60))) for _ in range(400)]
    await widget.page.goto(desk.url)
    tags, protocols = await widget.page.evaluate(
        """async (texts) => {
          const { markdown } = await import("/webchat/view/markdown.js");
          const tags = new Set();
          const protocols = new Set();
          for (const text of texts) {
            for (const element of markdown(text, location.origin).querySelectorAll("*")) {
              tags.add(element.localName);
              if (element.href) protocols.add(element.protocol);
            }
          }
          return [[...tags], [...protocols]];
        }""",
        texts,
    )
    assert set(tags) <= KNOWN_ELEMENTS
    assert set(protocols) <= {"http:", "https:", "mailto:"}
    assert len(tags) > 10


async def test_keyboard_opens_writes_and_closes(widget: Widget, desk: DeskProcess) -> None:
    await widget.page.goto(desk.url)
    await widget.launcher.focus()
    await widget.page.keyboard.press("Enter")
    await expect(widget.text).to_be_focused()
    await widget.page.keyboard.type(QUESTION)
    await widget.page.keyboard.press("Enter")
    await widget.reply(1)
    await widget.page.keyboard.press("Escape")
    await expect(widget.panel).to_be_hidden()
    await expect(widget.launcher).to_be_focused()


async def test_phone_keeps_the_focus_in_the_chat(browser: Browser, desk: DeskProcess) -> None:
    page = await browser.new_page(viewport=PHONE, has_touch=True)
    try:
        widget = await Widget(page).open(desk.url)
        await expect(widget.panel).to_have_attribute("aria-modal", "true")
        for _ in range(15):
            await page.keyboard.press("Tab")
            inside = "() => document.activeElement.localName === 'frontdesk-chat'"
            assert await page.evaluate(inside)
    finally:
        await page.close()


async def test_reply_to_a_closed_chat_is_counted_and_announced_once_read(
    widget: Widget, desk: DeskProcess
) -> None:
    await widget.open(desk.url)
    await widget.text.fill(QUESTION)
    # Both in one step of the page: the reply must find the chat closed, however quick it is.
    await widget.text.evaluate(
        """element => ["Enter", "Escape"].forEach(key => element.dispatchEvent(
            new KeyboardEvent("keydown", { key, bubbles: true, composed: true })))"""
    )
    await expect(widget.launcher).to_have_accessible_name("Open the chat, unread messages: 1")
    await widget.page.reload()
    await expect(widget.host.locator(".badge")).to_have_text("1")
    await widget.launcher.click()
    await expect(widget.host.locator(".badge")).to_be_empty()


@pytest.mark.parametrize(
    ("locale", "label"),
    [
        ("zh-CN", "打开聊天"),
        ("es", "Abrir el chat"),
        ("de-AT", "Chat öffnen"),
        ("ar", "فتح الدردشة"),
        ("fi", "Open the chat"),
    ],
)
async def test_widget_speaks_the_language_of_its_page(
    widget: Widget, desk: DeskProcess, locale: str, label: str
) -> None:
    await widget.page.goto(desk.url)
    await widget.host.evaluate("(host, locale) => host.setAttribute('locale', locale)", locale)
    await expect(widget.launcher).to_have_accessible_name(label)


async def test_developer_sees_how_an_answer_came_about(widget: Widget, desk: DeskProcess) -> None:
    await widget.open(desk.url)
    await widget.say(QUESTION)
    reply = await widget.reply(1)
    await reply.get_by_role("button", name="How this answer was made").click()
    drawer = widget.host.get_by_role("region", name="How this answer was made")
    await expect(drawer).to_contain_text("milliseconds")
    await expect(drawer).to_contain_text(QUESTION)
    await widget.page.keyboard.press("Escape")
    await expect(drawer).to_have_count(0)
    await expect(widget.panel).to_be_visible()


async def test_newest_answer_comes_into_sight_unless_the_customer_reads_above(
    widget: Widget, desk: DeskProcess
) -> None:
    await widget.open(desk.url)
    for number in range(1, 5):
        await widget.say(QUESTION)
        await expect((await widget.reply(number)).locator("time")).to_be_in_viewport()
    jump = widget.host.get_by_role("button", name="Newest messages")
    await expect(jump).to_be_hidden()

    await widget.host.locator(".log").evaluate("log => log.scrollTop = 0")
    await expect(jump).to_be_visible()
    other = Widget(await widget.page.context.new_page())
    await other.page.goto(desk.url)
    await other.launcher.click()
    await other.say(QUESTION)
    newest = await widget.reply(5)
    await expect(newest).not_to_be_in_viewport()
    await jump.click()
    await expect(newest.locator("time")).to_be_in_viewport()


async def test_picture_of_an_old_conversation_gets_a_new_address(
    widget: Widget, desk: DeskProcess, screenshot: Path
) -> None:
    await widget.page.clock.install()
    await widget.open(desk.url)
    await widget.attach(screenshot)
    await widget.say("What does this mean?")
    await widget.reply(1)
    async with widget.page.expect_websocket() as connected:
        await widget.page.reload()
    socket = await connected.value
    await widget.launcher.click()
    picture = widget.messages.locator("a:has(img)")
    await expect(picture).to_be_visible()
    await widget.page.clock.fast_forward("10:00")
    async with socket.expect_event("framereceived", lambda frame: '"renewed"' in frame):
        await picture.hover()
    async with widget.page.context.expect_page() as opened:
        await picture.click()
    await expect((await opened.value).locator("img")).to_be_visible()
