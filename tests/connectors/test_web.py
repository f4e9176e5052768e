"""The web application: pages, files, health, and what every answer carries."""

from pathlib import Path

import pytest

from bot.errors import Unavailable
from tests.connectors.conftest import Site


async def test_the_desk_says_that_it_lives(site: Site) -> None:
    async with site.http() as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200


async def test_without_its_store_it_is_not_ready(closed_site: Site) -> None:
    async def check() -> None:
        raise Unavailable("Redis does not answer: secret-host:6379")

    async with closed_site.open(check=check) as site, site.http() as client:
        alive, ready = await client.get("/healthz"), await client.get("/readyz")
    assert alive.status_code == 200
    assert ready.status_code == 503
    assert "secret-host" not in ready.text


@pytest.mark.parametrize(
    "path", ["/healthz", "/nothing", "/webchat/nothing.js", "/v1/x", "/docs", "/openapi.json"]
)
async def test_no_answer_names_the_server_or_lets_a_browser_guess(site: Site, path: str) -> None:
    async with site.http() as client:
        answer = await client.get(path)
    assert "server" not in answer.headers
    assert "x-powered-by" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_article_opens_on_a_page_where_nothing_runs(closed_site: Site) -> None:
    async def article(name: str) -> str | None:
        return "<h1>Returns</h1>" if name == "orders/returns" else None

    async with closed_site.open(article=article) as site, site.http() as client:
        page = await client.get("/articles/orders/returns")
        missing = await client.get("/articles/../../etc/passwd")
    assert page.text == "<h1>Returns</h1>"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "script-src" not in page.headers["content-security-policy"]
    assert missing.status_code == 404


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text("<h1>Voltaro</h1>")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


async def test_the_business_has_its_own_pages(closed_site: Site, pages: Path) -> None:
    async with closed_site.open(pages=pages) as site, site.http() as client:
        page = await client.get("/")
        again = await client.get("/", headers={"If-None-Match": page.headers["etag"]})
    assert page.text == "<h1>Voltaro</h1>"
    assert again.status_code == 304


@pytest.mark.parametrize(
    "path", ["/link.txt", "/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt"]
)
async def test_nothing_outside_of_the_folder_is_served(
    closed_site: Site, pages: Path, path: str
) -> None:
    async with closed_site.open(pages=pages) as site, site.http() as client:
        answer = await client.get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text


async def test_the_widget_loads_into_pages_of_other_sites(closed_site: Site) -> None:
    async with (
        closed_site.open(origins=("https://shop.example",)) as site,
        site.http(Origin="https://shop.example") as client,
    ):
        script = await client.get("/webchat/frontdesk-chat.js")
        again = await client.get(
            "/webchat/frontdesk-chat.js", headers={"If-None-Match": script.headers["etag"]}
        )
    assert script.status_code == 200
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cross-origin-resource-policy"] == "cross-origin"
    assert script.headers["access-control-allow-origin"] == "https://shop.example"
    assert again.status_code == 304
