"""HTML and SVG to pictures as customers' screens show them, by Chromium through Playwright.

A page runs no script and reaches no network: every request is answered here, from the files of one
folder or not at all. Playwright is imported when a renderer starts; it is an extra of the package.
"""

import io
import math
import mimetypes
import os
import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit
from xml.parsers.expat import ExpatError, ParserCreate, errors

from PIL import Image

from models.errors import EngineMissing
from models.synthesis.template import TemplateError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright, Route

Kind = Literal["html", "svg"]

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""Names on the PATH, tried in this order."""
INSTALL_PLAYWRIGHT = "pip install 'frontdesk[synth]'"
INSTALL_CHROMIUM = (
    "apt install chromium, or `playwright install chromium`, or set CHROMIUM to the program"
)
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    # Names are not even looked up: a page may ask for connections that are no requests.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
_ORIGIN = "http://template.invalid"
"""Never looked up: its requests are answered by `_Answers`. RFC 2606 keeps the name."""
_PAGES: dict[Kind, tuple[str, str]] = {
    "html": ("/", "text/html; charset=utf-8"),
    "svg": ("/.svg", "image/svg+xml; charset=utf-8"),
}
_LOAD_MS = 15_000
_FILL_THE_VIEW = """
() => {
  const root = document.documentElement
  if (!root.hasAttribute('viewBox')) {
    const [width, height] = [root.width.baseVal.value, root.height.baseVal.value]
    root.setAttribute('viewBox', `0 0 ${width} ${height}`)
  }
  root.setAttribute('width', '100%')
  root.setAttribute('height', '100%')
}
"""
"""A drawing of fixed size is shown as large as the window lets it be."""

PHONES = ((360, 640), (360, 780), (375, 667), (390, 844), (412, 915), (430, 932))
DESKTOPS = ((1024, 768), (1280, 720), (1366, 768), (1440, 900))
"""Windows that are common, width and height in CSS pixels."""
_PHONE_SHARE = 0.65
_DARK_SHARE = 0.35


@dataclass(frozen=True)
class Look:
    """How a screen is set up."""

    width: int
    height: int
    """Of the window, in CSS pixels at a zoom of 1."""
    scale: float = 1.0
    """Pixels of the picture for each of these."""
    dark: bool = False
    """What `prefers-color-scheme` says."""
    zoom: float = 1.0
    """How much larger everything is drawn, as with Ctrl and +."""


def draw_look(rng: random.Random) -> Look:
    """A phone or a desktop, light or dark, as its owner may have set it."""
    phone = rng.random() < _PHONE_SHARE
    width, height = rng.choice(PHONES if phone else DESKTOPS)
    return Look(
        width=width,
        height=height,
        scale=rng.choice((1.5, 2.0, 2.0, 3.0) if phone else (1.0, 1.0, 1.25)),
        dark=rng.random() < _DARK_SHARE,
        zoom=rng.choice((0.9, 1.0, 1.0, 1.0, 1.15, 1.3)),
    )


class ScreenRenderer:
    """One Chromium, for as long as a `with` block lasts. For one thread, which has no event loop
    and no other renderer at the same time: that is Playwright's rule."""

    def __init__(self) -> None:
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    def __enter__(self) -> "ScreenRenderer":
        """Raises `EngineMissing` where Playwright or a browser is missing."""
        try:
            from playwright.sync_api import Error, sync_playwright
        except ImportError as error:
            raise EngineMissing(
                "screens are rendered by Playwright, which is not installed",
                remedy=INSTALL_PLAYWRIGHT,
            ) from error
        program = find_browser()
        self._playwright = sync_playwright().start()
        try:
            self._browser = self._playwright.chromium.launch(
                executable_path=program, args=list(_ARGUMENTS)
            )
        except Error as error:
            self.__exit__(None, None, None)
            problem = f"{program} does not start" if program else "there is no Chromium"
            raise EngineMissing(problem, remedy=INSTALL_CHROMIUM) from error
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        browser, self._browser = self._browser, None
        playwright, self._playwright = self._playwright, None
        try:
            if browser:
                browser.close()
        finally:
            if playwright:
                playwright.stop()

    def render(
        self,
        markup: str,
        look: Look,
        *,
        kind: Kind,
        folder: Path | None = None,
    ) -> Image.Image:
        """What a window shows of a page: an RGB picture of the look's size times its scale.

        `folder`: the only place from which files are loaded, by paths relative to it; None: none.

        Raises `TemplateError` if the page cannot be shown.
        """
        from playwright.sync_api import Error

        assert self._browser, "a renderer is used in a `with` block"
        if kind == "svg":
            _refuse_broken(markup)
        page = _Answers(markup, kind, folder)
        try:
            data = _shot(self._browser, page, look)
        except Error as error:
            reason = error.message.partition("\n")[0]
            raise TemplateError(f"the page cannot be shown: {reason}") from error
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        return picture.crop((0, 0, round(look.width * look.scale), round(look.height * look.scale)))


def find_browser() -> str | None:
    """The program named by `CHROMIUM`, or one on the PATH; None leaves it to Playwright's own.
    Raises `EngineMissing` if `CHROMIUM` names none."""
    named = os.environ.get("CHROMIUM", "")
    if named:
        found = shutil.which(named)
        if not found:
            raise EngineMissing(
                f"CHROMIUM is {named}, and there is no such program", remedy=INSTALL_CHROMIUM
            )
        return found
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def _shot(browser: "Browser", answers: "_Answers", look: Look) -> bytes:
    """A PNG of the window. Raises Playwright's `Error`."""
    # As browsers zoom: a smaller window with larger pixels, so that a page arranges itself.
    context = browser.new_context(
        viewport={
            "width": math.ceil(look.width / look.zoom),
            "height": math.ceil(look.height / look.zoom),
        },
        device_scale_factor=look.scale * look.zoom,
        color_scheme="dark" if look.dark else "light",
        java_script_enabled=False,
        service_workers="block",
    )
    try:
        context.set_default_timeout(_LOAD_MS)
        context.route("**/*", answers.answer)
        page = context.new_page()
        page.goto(answers.address)
        if answers.kind == "svg":
            page.evaluate(_FILL_THE_VIEW)
        return page.screenshot(animations="disabled", caret="hide")
    finally:
        context.close()


class _Answers:
    """What a page gets for its requests: itself, the files of its folder, and nothing else."""

    def __init__(self, markup: str, kind: Kind, folder: Path | None) -> None:
        self.kind = kind
        path, self._type = _PAGES[kind]
        self.address = _ORIGIN + path
        self._markup = markup
        self._folder = folder.resolve() if folder else None

    def answer(self, route: "Route") -> None:
        url = route.request.url
        if url == self.address:
            route.fulfill(body=self._markup, content_type=self._type)
        elif file := self._file(url):
            guessed = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            route.fulfill(body=file.read_bytes(), content_type=guessed)
        elif route.request.is_navigation_request():
            # "No content": the page stays as it is, instead of giving way to the browser's own.
            route.fulfill(status=204)
        else:
            route.abort()

    def _file(self, url: str) -> Path | None:
        """None for what is elsewhere, or not there."""
        if not self._folder or not url.startswith(f"{_ORIGIN}/"):
            return None
        try:
            file = (self._folder / unquote(urlsplit(url).path).lstrip("/")).resolve()
            within = file.is_relative_to(self._folder) and file.is_file()
        except (OSError, ValueError):
            return None  # a name too long, a null character
        return file if within else None


def _refuse_broken(markup: str) -> None:
    """Raises `TemplateError` for what is no SVG: Chromium would show its own page of errors."""
    roots: list[str] = []
    parser = ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda name, _: roots.append(name) if not roots else None
    try:
        parser.Parse(markup.encode("utf-8", "surrogatepass"), True)
    except ExpatError as error:
        raise TemplateError(
            f"line {error.lineno}: this is not XML: {errors.messages[error.code]}"
        ) from error
    if roots != ["http://www.w3.org/2000/svg svg"]:
        raise TemplateError(
            'the drawing must begin with `<svg xmlns="http://www.w3.org/2000/svg">`'
        )
