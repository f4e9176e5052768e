"""The engines, each loaded once for all tests."""

import pytest

from models.minilm import MiniLM


@pytest.fixture(scope="session")
def minilm() -> MiniLM:
    return MiniLM()
