"""The widget's files travel small, are asked for anew, and nothing beside them is served."""

import gzip
import os
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from connectors.webchat.widget_files import WidgetFiles, as_served, gzipped

SOURCE = """// What it is for.

/**
 * @param {string} a
 */
export function twice(a) {
  const b = a; // beside code
  return /\\/\\*/.test(b) ? "//" : `${a}${b}`;
}
/** @type {number} */
export const n = /** @type {number} */ (1);
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    widget = tmp_path / "widget"
    (widget / "view").mkdir(parents=True)
    (widget / "view" / "log.js").write_text(SOURCE)
    (widget / "protocol.d.ts").write_text("export type T = 1;")
    (tmp_path / "secret.js").write_text("1")
    (widget / "link.js").symlink_to(tmp_path / "secret.js")
    return widget


@pytest.fixture
def client(folder: Path) -> httpx.AsyncClient:
    app = Starlette(routes=[Mount("/webchat", WidgetFiles(folder))])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk/webchat/")


def test_comments_alone_on_their_lines_stay_at_home() -> None:
    assert as_served(SOURCE) == (
        "export function twice(a) {\n"
        "const b = a; // beside code\n"
        'return /\\/\\*/.test(b) ? "//" : `${a}${b}`;\n'
        "}\n"
        "export const n = (1);\n"
    )


async def test_module_is_gzipped_and_typed_as_script(client: httpx.AsyncClient) -> None:
    response = await client.get("view/log.js")
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.text == as_served(SOURCE)


async def test_browser_that_takes_no_gzip_gets_none(client: httpx.AsyncClient) -> None:
    response = await client.get("view/log.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in response.headers
    assert response.text == as_served(SOURCE)


async def test_unchanged_file_is_not_sent_again(client: httpx.AsyncClient) -> None:
    etag = (await client.get("view/log.js")).headers["etag"]
    again = await client.get("view/log.js", headers={"if-none-match": etag})
    assert again.status_code == 304
    assert again.content == b""


async def test_changed_file_shows_at_its_next_request(
    client: httpx.AsyncClient, folder: Path
) -> None:
    etag = (await client.get("view/log.js")).headers["etag"]
    file = folder / "view" / "log.js"
    file.write_text("export const changed = 1;\n")
    os.utime(file, ns=(1, 1))
    again = await client.get("view/log.js", headers={"if-none-match": etag})
    assert again.text == "export const changed = 1;\n"


@pytest.mark.parametrize(
    "name", ["../secret.js", "%2e%2e/secret.js", "link.js", "view", "", "protocol.d.ts", "no.js"]
)
async def test_nothing_else_is_served(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(name)).status_code == 404


async def test_files_are_only_read(client: httpx.AsyncClient) -> None:
    assert (await client.put("view/log.js", content=b"x")).status_code == 405


def test_gzip_holds_what_is_served() -> None:
    assert gzip.decompress(gzipped(SOURCE)).decode() == as_served(SOURCE)
