"""The engines, each loaded once for all tests."""

import pytest

from models.minilm import MiniLM
from models.moonshine import MoonshineTranscriber
from models.ppocr import PaddleTextReader


@pytest.fixture(scope="session")
def minilm() -> MiniLM:
    return MiniLM()


@pytest.fixture(scope="session")
def moonshine() -> MoonshineTranscriber:
    return MoonshineTranscriber()


@pytest.fixture(scope="session")
def ppocr() -> PaddleTextReader:
    return PaddleTextReader()
