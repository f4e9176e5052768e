"""API keys: known by their digests, and nobody is let in without one."""

import pytest

from bot.errors import OperatorError
from connectors.http_api import ApiKeys, digest_of, new_key


def test_a_key_names_its_owner() -> None:
    shop, till = new_key(), new_key()
    keys = ApiKeys({"shop": digest_of(shop), "till": digest_of(till)})
    assert keys.who(f"Bearer {shop}") == "shop"
    assert keys.who(f"bearer {till}") == "till"


@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer x", "Bearer \udcff"])
def test_anything_else_names_nobody(header: str) -> None:
    assert ApiKeys({"shop": digest_of(new_key())}).who(header) is None


def test_without_keys_nobody_is_let_in() -> None:
    assert ApiKeys({}).who(f"Bearer {new_key()}") is None


def test_a_key_in_the_place_of_its_digest_is_noticed() -> None:
    with pytest.raises(OperatorError, match="shop"):
        ApiKeys({"shop": new_key()})
