"""Makes the PDF articles of the example's knowledge from the Markdown in `documents/`.

    python examples/voltaro/make_documents.py

Chromium prints them, so their text can be selected and searched. The made files are kept in the
repository; run this after a change to their source.
"""

import os
from pathlib import Path

from markdown_it import MarkdownIt
from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "documents"
FOLDERS = {
    "battery-shipping": "returns",
    "invoice-explained": "invoices",
    "price-guarantee": "service",
    "voltcare-plan": "warranty",
    "warranty-terms": "warranty",
}
"""Where in `knowledge/` each document belongs."""
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")

STYLE = """
  @page { size: A4; margin: 20mm 20mm 18mm }
  body { font: 10.5pt/1.5 "Liberation Sans", Arial, sans-serif; color: #1b1e2b;
         font-variant-ligatures: none }
  header { display: flex; justify-content: space-between; font-size: 9pt; color: #5a6072;
           border-bottom: 2pt solid #3d3df5; padding-bottom: 3mm; margin-bottom: 7mm }
  header b { color: #3d3df5; font-size: 12pt; letter-spacing: -.02em }
  h1 { font-size: 22pt; line-height: 1.15; margin: 0 0 5mm; letter-spacing: -.02em }
  h2 { font-size: 13pt; margin: 6mm 0 2mm; break-after: avoid }
  table { border-collapse: collapse; width: 100%; margin: 3mm 0; break-inside: avoid }
  th, td { text-align: left; padding: 1.6mm 3mm 1.6mm 0; border-bottom: .4pt solid #c9ccd8 }
  th { color: #5a6072; font-weight: 600 }
"""


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        for name, folder in FOLDERS.items():
            target = HERE / "knowledge" / folder / f"{name}.pdf"
            target.write_bytes(_printed(browser, SOURCES / f"{name}.md"))
            print(f"{target.relative_to(HERE)}: {target.stat().st_size / 1000:.0f} kB")
        browser.close()


def _printed(browser: Browser, source: Path) -> bytes:
    text = source.read_text(encoding="utf-8")
    title = text.splitlines()[0].removeprefix("# ")
    body = MarkdownIt().enable("table").render(text)
    page = browser.new_page()
    page.set_content(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body>"
        f"<header><b>Voltaro</b><span>voltaro.example/help</span></header>{body}</body></html>"
    )
    # A tagged PDF, which screen readers can follow.
    printed = page.pdf(prefer_css_page_size=True, print_background=True, tagged=True)
    page.close()
    return printed


if __name__ == "__main__":
    main()
