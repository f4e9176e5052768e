"""Origins: whose pages may open the chat."""

import pytest

from bot.errors import OperatorError
from connectors.webchat.origins import Origins

HOST = "desk.example:8000"


def allowed(origins: Origins, origin: str | None, host: str = HOST) -> bool:
    return origins.allow({"host": host} | ({} if origin is None else {"origin": origin}))


def test_the_desks_own_pages_may() -> None:
    assert allowed(Origins(), "http://desk.example:8000")
    assert allowed(Origins(), "https://desk.example", host="desk.example")
    assert allowed(Origins(), "https://DESK.example:443", host="desk.example")


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://desk.example:8001",
        "http://desk.example.evil.example:8000",
        "http://desk.example@evil.example:8000",
        "null",
        "",
        "file://",
        "chrome-extension://abc",
        "http://desk.example:port",
        "http://[::1",
    ],
)
def test_foreign_pages_may_not(origin: str) -> None:
    assert not allowed(Origins(), origin)


def test_a_listed_page_may() -> None:
    origins = Origins(["https://shop.example"])
    assert allowed(origins, "https://shop.example")
    assert allowed(origins, "https://shop.example:443")
    assert not allowed(origins, "http://shop.example")
    assert not allowed(origins, "https://www.shop.example")


def test_subdomains_may_where_they_are_listed() -> None:
    origins = Origins(["https://*.shop.example"])
    assert allowed(origins, "https://www.shop.example")
    assert not allowed(origins, "https://shop.example")
    assert not allowed(origins, "https://evilshop.example")


def test_any_page_may_only_where_that_is_written() -> None:
    assert allowed(Origins(["*"]), "https://anything.example")


def test_a_program_names_no_origin() -> None:
    assert allowed(Origins(), None)


@pytest.mark.parametrize(
    "wrong", ["shop.example", "https://shop.example/page", "**", "https://*", "ftp://a.example"]
)
def test_what_is_not_an_origin_stops_the_desk(wrong: str) -> None:
    with pytest.raises(OperatorError, match="not an origin"):
        Origins([wrong])
