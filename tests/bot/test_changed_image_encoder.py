"""A picture's vector is used only by a version that was trained with the same image encoder."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.recognition import Recogniser
from models.minilm import MiniLM
from models.understanding.settings import Settings
from models.understanding.training import train
from models.understanding.versions import Versions
from tests.models.understanding import shop


async def test_vectors_of_another_image_encoder_are_left_out_and_that_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    minilm, versions = MiniLM(), Versions(tmp_path)
    setup = shop.setup_of(minilm, [*shop.said(), *shop.shown()], settings=Settings(epochs=2))
    versions.serve(train(setup, versions).version)
    now = setup.image_encoder
    recogniser = Recogniser(versions, minilm, ["en"], lambda: now)
    await recogniser.renew()
    seen = replace(shop.shown()[0].observation, image=(0.3,) * 8)

    found = await recogniser.recognise(seen, "en")
    assert found
    assert found.observation == seen
    assert "image" in found.shares

    now = "another"
    for _ in range(2):
        found = await recogniser.recognise(seen, "en")
        assert found
        assert found.observation == replace(seen, image=())
        assert "image" not in found.shares
    assert caplog.messages.count("intents.image_encoder_changed") == 1
    await recogniser.close()
