"""Screens in a real Chromium: what is shown, how, and what a template must not do."""

import random
import socketserver
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import EngineMissing
from models.ppocr import PaddleTextReader
from models.synthesis.screens import Look, ScreenRenderer, draw_look, find_browser
from models.synthesis.sending import as_sent, draw_way
from models.synthesis.template import TemplateError
from models.text_reader import lines_of

PAGE = """<!doctype html><meta charset="utf-8"><style>
body { margin: 20px; background: #fff; color: #111; font: 18px sans-serif }
@media (prefers-color-scheme: dark) { body { background: #101020; color: #eee } }
</style><h1>Payment declined</h1><p>Your bank says: code 51</p><p>Order A-10293</p>"""
DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="200">'
    '<rect width="200" height="200" fill="#0000ff"/>{}</svg>'
)
RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


class Counting(socketserver.ThreadingTCPServer):
    """Answers everything with a red picture, and counts who connects."""

    daemon_threads = True
    connections = 0

    def verify_request(self, request: object, client_address: object) -> bool:
        self.connections += 1
        return True


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<body style='background:#f00'>")

    def log_message(self, *_: object) -> None:
        """Quietly."""


@pytest.fixture
def network() -> Iterator[Counting]:
    with Counting(("127.0.0.1", 0), _Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def shown(renderer: ScreenRenderer, markup: str, folder: Path | None = None) -> Image.Image:
    return renderer.render(markup, Look(300, 200), kind="html", folder=folder)


def brightness(image: Image.Image) -> float:
    return float(np.asarray(image.convert("L")).mean())


def test_the_words_of_a_screen_are_read(renderer: ScreenRenderer, ppocr: PaddleTextReader) -> None:
    image = renderer.render(PAGE, Look(500, 400, scale=2), kind="html")
    assert image.mode == "RGB"
    assert image.size == (1000, 800)
    read = lines_of(ppocr.read(image)).splitlines()
    assert read == ["Payment declined", "Your bank says: code 51", "Order A-10293"]


@pytest.mark.parametrize("zoom", [0.9, 1.0, 1.15, 1.3])
@pytest.mark.parametrize(("width", "scale"), [(390, 2.0), (1366, 1.25)])
def test_a_picture_has_the_size_of_the_window(
    renderer: ScreenRenderer, width: int, scale: float, zoom: float
) -> None:
    image = renderer.render(PAGE, Look(width, 300, scale=scale, zoom=zoom), kind="html")
    assert image.size == (round(width * scale), round(300 * scale))
    # To its last column and row it is the page, not what is left of a crop.
    assert image.getpixel((image.width - 1, image.height - 1)) == WHITE


def test_dark_and_zoom_change_the_picture(renderer: ScreenRenderer) -> None:
    look = Look(500, 300)
    plain = renderer.render(PAGE, look, kind="html")
    dark = renderer.render(PAGE, replace(look, dark=True), kind="html")
    large = renderer.render(PAGE, replace(look, zoom=1.5), kind="html")
    assert brightness(plain) > 200 > 60 > brightness(dark)

    def ink(image: Image.Image) -> int:
        return int((np.asarray(image.convert("L")) < 128).sum())

    assert 1.7 < ink(large) / ink(plain) < 2.8


def test_no_script_runs(renderer: ScreenRenderer) -> None:
    red = "document.documentElement.style.background='#f00'"
    image = shown(
        renderer,
        f'<body onload="{red}"><script>{red}</script><img src=\'x:\' onerror="{red}">'
        f'<iframe srcdoc="<script>parent.{red}</script>"></iframe>',
    )
    assert image.getpixel((299, 199)) == WHITE
    script = f"<script>{red.replace('background', 'display').replace('#f00', 'none')}</script>"
    drawing = renderer.render(DRAWING.format(script), Look(200, 200), kind="svg")
    assert drawing.getpixel((100, 100)) == BLUE


def test_nothing_is_loaded_from_a_network(renderer: ScreenRenderer, network: Counting) -> None:
    address = f"http://127.0.0.1:{network.server_address[1]}"
    with urllib.request.urlopen(address) as reached:
        assert b"#f00" in reached.read()
    assert network.connections == 1
    image = shown(
        renderer,
        f"""<link rel="preconnect" href="{address}"><link rel="dns-prefetch" href="{address}">
        <link rel="stylesheet" href="{address}/a.css"><link rel="prefetch" href="{address}/b">
        <meta http-equiv="refresh" content="0; url={address}">
        <style>@import "{address}/c.css"; @font-face {{ font-family: x; src: url({address}/d) }}
        p {{ font-family: x; background: url({address}/e) }}</style>
        <p>words</p><img src="{address}/f.png"><object data="{address}/g"></object>
        <iframe src="{address}/h" style="width:100%;height:100%"></iframe>""",
    )
    assert RED not in {colour for _, colour in image.getcolors(1 << 20)}
    assert network.connections == 1


def test_files_are_loaded_from_the_folder_and_from_nowhere_else(
    renderer: ScreenRenderer, tmp_path: Path
) -> None:
    folder = tmp_path / "screens"
    (folder / "pictures").mkdir(parents=True)
    Image.new("RGB", (40, 40), "blue").save(folder / "pictures" / "a b.png")
    Image.new("RGB", (40, 40), "red").save(tmp_path / "secret.png")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "look.css").write_text("body { background: #00ff00; margin: 0 }")
    page = """<link rel="stylesheet" href="look.css"><img src="pictures/a%20b.png">
    <img src="../secret.png"><img src="/%2e%2e/secret.png"><img src="/..%2fsecret.png">"""
    page += f'<img src="link.png"><img src="{(tmp_path / "secret.png").as_uri()}">'
    page += f'<img src="/{tmp_path}/secret.png"><iframe src="file://{tmp_path}"></iframe>'
    colours = {colour for _, colour in shown(renderer, page, folder).getcolors(1 << 20)}
    assert BLUE in colours
    assert (0, 255, 0) in colours
    assert RED not in colours
    without = {colour for _, colour in shown(renderer, page).getcolors(1 << 20)}
    assert not {BLUE, RED, (0, 255, 0)} & without


def test_a_drawing_fills_the_window(renderer: ScreenRenderer) -> None:
    image = renderer.render(DRAWING.format(""), Look(400, 600), kind="svg")
    assert image.size == (400, 600)
    assert image.getpixel((200, 300)) == image.getpixel((3, 110)) == BLUE
    assert image.getpixel((200, 50)) == image.getpixel((200, 550)) == WHITE


@pytest.mark.parametrize(
    ("drawing", "expected"),
    [
        (DRAWING.format("\n&nbsp;"), "line 2: this is not XML: undefined entity"),
        ("<svg", "line 1: this is not XML"),
        ("<svg/>", "must begin with"),
        ("", "this is not XML: no element found"),
    ],
)
def test_a_broken_drawing_is_refused(renderer: ScreenRenderer, drawing: str, expected: str) -> None:
    with pytest.raises(TemplateError) as caught:
        renderer.render(drawing, Look(100, 100), kind="svg")
    assert expected in str(caught.value)


def test_a_browser_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    with pytest.raises(EngineMissing) as caught:
        find_browser()
    assert "CHROMIUM is /nowhere/chromium" in str(caught.value)
    assert "apt install chromium" in caught.value.remedy


def test_looks_are_drawn_by_seed_and_vary() -> None:
    looks = [draw_look(random.Random(seed)) for seed in range(60)]
    assert looks == [draw_look(random.Random(seed)) for seed in range(60)]
    assert {look.dark for look in looks} == {True, False}
    assert {look.width < 500 for look in looks} == {True, False}
    assert len({look.zoom for look in looks}) > 3
    assert all(isinstance(look, Look) and look.scale >= 1 for look in looks)


def test_what_is_sent_is_small_enough_and_of_its_kind() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (900, 1200, 3), np.uint8)
    flat = Image.new("RGB", (1200, 900), "white")
    for image in (Image.fromarray(noise), flat):
        for way, suffixes in {
            "kept": {".png", ".jpg"},
            "photographed": {".jpg"},
            "jpeg": {".jpg"},
            "webp": {".webp"},
        }.items():
            data, suffix = as_sent(image, way, random.Random(1), 60_000)
            assert len(data) <= 60_000
            assert suffix in suffixes
    assert as_sent(flat, "kept", random.Random(1), 60_000)[1] == ".png"
    ways = [draw_way(random.Random(seed)) for seed in range(200)]
    assert 70 < ways.count("kept") < 130
    assert {"photographed", "jpeg", "webp"} < set(ways)
