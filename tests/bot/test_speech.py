"""Spoken answers in the formats that apps play."""

import pytest

from bot.speech import as_mp3
from models.audio import decode, encode_m4a, encode_ogg_opus
from models.media_type import sniff
from models.synthesizer import Speech
from tests.models.media import tone


@pytest.mark.parametrize("encode", [encode_ogg_opus, encode_m4a])
def test_a_spoken_answer_is_had_as_mp3(encode) -> None:
    data = as_mp3(encode(Speech(tone(2.0), 16_000)))
    assert sniff(data[:4096]) == "audio/mpeg"
    assert len(decode(data, limit_s=60)) / 16_000 == pytest.approx(2.0, abs=0.1)


def test_a_minute_as_mp3_is_within_what_apps_take() -> None:
    assert len(as_mp3(encode_ogg_opus(Speech(tone(60.0), 16_000)))) < 1024**2
