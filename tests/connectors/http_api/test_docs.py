"""/docs works in a browser that reaches nothing but the desk."""

from urllib.parse import urlsplit

from playwright.async_api import async_playwright, expect

from connectors.http_api.problems import STATUS
from tests.conftest import REPOSITORY
from tests.connectors.conftest import Site


async def test_every_path_is_described(site: Site) -> None:
    async with site.http() as client:
        described = (await client.get("/openapi.json")).json()
    assert set(described["paths"]) == {
        "/v1/messages",
        "/v1/calls",
        "/v1/conversations/{conversation}",
        "/v1/conversations/{conversation}/turns/{turn}",
        "/v1/media",
        "/v1/media/{attachment}",
    }
    for path in described["paths"].values():
        for operation in path.values():
            assert operation["security"], operation["summary"]
            assert "401" in operation["responses"]


async def test_the_page_renders_from_the_desk_alone(site: Site, chromium: str) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page()
        complaints: list[str] = []
        hosts: set[str | None] = set()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        await page.goto(f"{site.url}/docs")
        await expect(page.locator(".opblock")).to_have_count(6)
        await page.locator(".opblock-post").first.click()
        await expect(page.get_by_text("Example Value").first).to_be_visible()
        await browser.close()
    assert complaints == []
    assert hosts == {"127.0.0.1"}


async def test_the_guide_names_every_path_and_every_code(site: Site) -> None:
    guide = (REPOSITORY / "docs" / "http-api.md").read_text("utf-8")
    async with site.http() as client:
        described = (await client.get("/openapi.json")).json()
    for path in described["paths"]:
        assert path in guide or path.partition("{")[0] in guide, path
    for code in STATUS:
        assert f"`{code}`" in guide, code
