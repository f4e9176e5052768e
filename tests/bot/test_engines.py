"""The registries of engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import engines
from bot.config import Config
from bot.engine_settings import SynthesizerSection
from bot.errors import OperatorError

ALL = [(part, name) for part in engines.PARTS for name in engines.names(part)]


NOT_FOR_DEVELOPMENT = ("coqui",)
"""Engines whose packages are too much for everybody who works on the desk."""


class Gramophone:
    def __init__(self, record: str, speed: float = 78.0, device: str = "brass") -> None:
        self.played = (record, speed, device)


@pytest.fixture
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another distribution is installed, with engines of its own."""
    information = tmp_path / "gramophones-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: gramophones\nVersion: 1.0\n"
    )
    (information / "entry_points.txt").write_text(
        f"""[frontdesk.synthesizers]
gramophone = {__name__}:Gramophone
lost = no_such_package:Engine [brass]
espeak = {__name__}:Gramophone
"""
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    engines._offered.cache_clear()
    yield
    engines._offered.cache_clear()


@pytest.mark.parametrize(("part", "name"), ALL, ids=[name for _, name in ALL])
def test_every_engine_that_is_offered_exists(part: str, name: str) -> None:
    try:
        assert callable(engines.engine(part, name))
    except OperatorError as error:
        if name not in NOT_FOR_DEVELOPMENT:
            raise
        pytest.skip(f"not among what developers install: {error}")


@pytest.mark.usefixtures("others")
class TestEnginesOfOtherDistributions:
    def chosen(self, **section: object) -> SynthesizerSection:
        return SynthesizerSection.model_validate({"engine": "gramophone", **section})

    def test_one_is_found_by_its_name(self) -> None:
        section = self.chosen(options={"record": "Caruso", "speed": 80.0})
        assert engines.maker(section, "cpu")().played == ("Caruso", 80.0, "cpu")

    def test_what_it_needs_must_be_said(self) -> None:
        with pytest.raises(OperatorError, match="needs `record`"):
            engines.maker(self.chosen())

    def test_what_it_does_not_take_is_refused_with_what_it_takes(self) -> None:
        with pytest.raises(OperatorError, match=r"(?s)take `voice`.*`record`, `speed`") as refused:
            engines.maker(self.chosen(voice="Caruso"))
        assert "device" not in str(refused.value)

    def test_one_whose_package_is_missing_says_how_to_install_it(self) -> None:
        with pytest.raises(OperatorError, match="no_such_package") as refused:
            engines.engine(engines.SYNTHESIZERS, "lost")
        assert refused.value.remedy == "install it: `pip install 'gramophones[brass]'`"

    def test_none_takes_the_place_of_the_desks_own(self) -> None:
        assert engines.engine(engines.SYNTHESIZERS, "espeak").__name__ == "Espeak"


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


def test_one_line_names_an_engine_and_its_model() -> None:
    config = Config.model_validate({"name": "Shop", "text_encoder": "transformers:org/model"})
    assert config.text_encoder.arguments == {"model": "org/model"}
    assert (
        Config.model_validate({"name": "Shop", "synthesizer": "espeak"}).synthesizer.arguments == {}
    )
