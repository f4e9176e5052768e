"""`frontdesk keys`."""

import re

import yaml

from connectors.http_api import ApiKeys
from tests.bot.cli.conftest import Frontdesk


def test_the_digest_that_is_printed_lets_the_key_in(frontdesk: Frontdesk) -> None:
    said = frontdesk("keys", "crm").stdout
    found = re.search(r"fd_\S+", said)
    assert found
    lines = yaml.safe_load(said[said.index("channels:") :])
    keys = ApiKeys(lines["channels"]["http"]["keys"])
    assert keys.who(f"Bearer {found[0]}") == "crm"


def test_every_key_is_new(frontdesk: Frontdesk) -> None:
    assert frontdesk("keys", "crm").stdout != frontdesk("keys", "crm").stdout


def test_a_name_that_is_no_yaml_key_is_refused(frontdesk: Frontdesk) -> None:
    assert frontdesk("keys", "a: b").returncode == 2
