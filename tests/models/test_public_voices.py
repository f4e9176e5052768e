"""Voices by their public names: fetched from a hub before anybody speaks, and then without one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.models.hub_server import Hub, serving
from tests.models.tiny_voices import tiny_kokoro, tiny_piper, tiny_vits

_ENGINES = """
import sys
from models.downloads import pulled
from models.errors import EngineMissing
from models.kokoro import PUBLIC, KokoroSynthesizer
from models.piper import Piper
from models.vits import Vits

ENGINES = [
    (Piper, ["en_US-hum-low", "de_DE-sing-low"]),
    (KokoroSynthesizer, PUBLIC),
    (Vits, ["shop/mms-tts-eng", "shop/mms-tts-deu"]),
]
"""
_PULL = f"""{_ENGINES}
for engine, model in ENGINES:
    found = engine.weights(model)
    for weights in found if isinstance(found, list) else [found]:
        pulled(weights)
"""
_SPEAK = f"""{_ENGINES}
for engine, model in ENGINES:
    made = engine(model)
    print(sorted(voice.name for voice in made.voices()), len(list(made.synthesize("Hi.", "en"))))
"""


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    piper = tmp_path / "piper"
    tiny_piper(piper / "en" / "en_US" / "hum" / "low", "en_US-hum-low")
    tiny_piper(piper / "en" / "en_US" / "other" / "low", "en_US-other-low")
    tiny_piper(piper / "de" / "de_DE" / "sing" / "low", "de_DE-sing-low", espeak_voice="de")
    tiny_kokoro(tmp_path / "kokoro", ("af_heart", "ef_dora"), of_the_hub=True)
    hub = Hub()
    hub.publish("rhasspy/piper-voices", piper)
    hub.publish("onnx-community/Kokoro-82M-v1.0-ONNX", tmp_path / "kokoro")
    for language in ("eng", "deu"):
        hub.publish(f"shop/mms-tts-{language}", tiny_vits(tmp_path / language, language))
    return hub


def run(script: str, tmp_path: Path, **environment: str) -> str:
    """In a process of its own, for what its environment says is read at its start."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        env={**kept, "FRONTDESK_CACHE": str(tmp_path / "cache"), "NO_PROXY": "127.0.0.1"}
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_what_was_fetched_speaks_without_a_connection(hub: Hub, tmp_path: Path) -> None:
    with serving(hub):
        run(_PULL, tmp_path, HF_ENDPOINT=hub.url)
    assert not hub.fetched("en_US-other-low.onnx"), "nobody asked for it"
    assert run(_SPEAK, tmp_path, HF_HUB_OFFLINE="1").splitlines() == [
        "['de_DE-sing-low', 'en_US-hum-low'] 1",
        "['af_heart', 'ef_dora'] 1",
        "['mms-tts-deu', 'mms-tts-eng'] 1",
    ]
