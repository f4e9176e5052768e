"""The widget as a test sees it: what a customer can do with it and read in it."""

from pathlib import Path

import axe_playwright_python
from playwright.async_api import Locator, Page, expect

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PATIENCE_MS = 30_000
"""A screenshot or a recording takes a second or two on two busy cores."""


class Widget:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.host = page.locator("frontdesk-chat")
        self.panel = self.host.get_by_role("dialog")
        self.text = self.host.locator("textarea")
        self.launcher = self.host.locator(".launcher")
        self.messages = self.host.locator(".mine")
        self.waiting = self.host.locator(".mine.waiting")
        self.replies = self.host.locator(".theirs:has(time)")
        """The finished ones; what still streams in has no time yet."""
        self.status = self.host.locator(".status")

    async def open(self, url: str, locale: str = "en") -> "Widget":
        """Load a page of the desk and open the chat on it."""
        await self.page.goto(url)
        await self.host.evaluate("(host, locale) => host.setAttribute('locale', locale)", locale)
        await self.launcher.click()
        await expect(self.host.locator(".welcome button").first).to_be_visible()
        return self

    async def say(self, text: str) -> None:
        await self.text.fill(text)
        await self.text.press("Enter")

    async def attach(self, *files: Path) -> None:
        await self.host.locator("input[type=file]").first.set_input_files(list(files))
        await expect(self.host.locator(".tray li")).to_have_count(len(files))

    async def reply(self, number: int = 1) -> Locator:
        """The finished reply of that number, once it is the only newest one."""
        await expect(self.replies).to_have_count(number, timeout=PATIENCE_MS)
        return self.replies.nth(number - 1)

    async def all_sent(self) -> None:
        await expect(self.waiting).to_have_count(0, timeout=PATIENCE_MS)

    async def serious_problems(self) -> list[str]:
        """What axe-core has against the widget as it stands, where it calls it serious."""
        await self.page.add_script_tag(path=AXE)
        run = "async (runOnly) => (await axe.run('frontdesk-chat', { runOnly })).violations"
        return [
            f"{violation['id']}: {node['html']} {node['failureSummary']}"
            for violation in await self.page.evaluate(run, RULES)
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]
