"""The registries of engines."""

from collections.abc import Mapping

import pytest

from bot import engines
from bot.config import Config
from bot.errors import OperatorError

ALL = [
    (registry, name)
    for registry in (
        engines.TRANSCRIBERS,
        engines.TEXT_READERS,
        engines.IMAGE_ENCODERS,
        engines.TEXT_ENCODERS,
        engines.SYNTHESIZERS,
    )
    for name in registry
]


@pytest.mark.parametrize(("registry", "name"), ALL, ids=[name for _, name in ALL])
def test_every_engine_that_is_offered_exists(registry: Mapping[str, str], name: str) -> None:
    assert callable(engines.engine(registry, name))


def test_an_engine_is_made_as_its_section_says() -> None:
    config = Config.model_validate({"name": "Shop", "synthesizer": {"words_per_minute": 300}})
    hurried, usual = (
        engines.maker(config.synthesizer)(),
        engines.maker(Config(name="x").synthesizer)(),
    )
    lengths = [
        sum(len(part.samples) for part in each.synthesize("Your parcel is on its way.", "en"))
        for each in (hurried, usual)
    ]
    assert lengths[0] < 0.8 * lengths[1]


def test_an_unknown_engine_is_refused_with_those_there_are() -> None:
    with pytest.raises(OperatorError, match="moonshine"):
        engines.engine(engines.TRANSCRIBERS, "gramophone")


def test_an_engine_without_its_package_says_what_is_missing() -> None:
    with pytest.raises(OperatorError, match="no_such_package"):
        engines.engine({"lost": "no_such_package:Engine"}, "lost")
