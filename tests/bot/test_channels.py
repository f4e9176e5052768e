"""What has to be there before callers can be sent links."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.channels import _picture_page
from bot.config import load
from bot.errors import OperatorError

SETTINGS = """
name: Shop
calls:
  prefixes: ["+47"]
  picture_link: {channel: twilio, sender: "+4722000000"}
"""


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("", "the desk does not know its address"),
        ("server: {url: https://desk.example}", "by a channel that is not there: twilio"),
    ],
)
def test_a_link_that_could_not_be_sent_or_opened_is_told_at_the_start(
    tmp_path: Path, more: str, complaint: str
) -> None:
    (tmp_path / "frontdesk.yaml").write_text(SETTINGS + more, "utf-8")
    opened: Any = SimpleNamespace(config=load(tmp_path), pictures=object())
    limiter: Any = None
    with pytest.raises(OperatorError, match=complaint):
        _picture_page(opened, limiter, SimpleNamespace(providers=()))


def test_without_the_setting_there_is_no_page(tmp_path: Path) -> None:
    (tmp_path / "frontdesk.yaml").write_text("name: Shop", "utf-8")
    opened: Any = SimpleNamespace(config=load(tmp_path), pictures=None)
    limiter: Any = None
    assert _picture_page(opened, limiter, SimpleNamespace(providers=())) is None
