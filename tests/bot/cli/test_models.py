"""`frontdesk models`: what is configured, fetched and measured."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.bot.cli.conftest import Frontdesk
from tests.models.hub_server import Hub, serving
from tests.models.tiny_chat import write_chat_model
from tests.models.tiny_models import tiny_clip, tiny_text_encoder


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with serving(Hub()) as hub:
        words = tiny_text_encoder(tmp_path / "words", "bert", ["when do you open ?"])
        (words / "README.md").write_text("---\nlicense: mit\n---\n", "utf-8")
        hub.publish("shop/words", words)
        yield hub


def write(project: Path, **settings: object) -> None:
    file = project / "frontdesk.yaml"
    known = yaml.safe_load(file.read_text("utf-8"))
    file.write_text(yaml.safe_dump(known | settings), "utf-8")


@pytest.fixture
def environment(hub: Hub, tmp_path: Path) -> dict[str, str]:
    return {
        "HF_ENDPOINT": hub.url,
        "FRONTDESK_CACHE": str(tmp_path / "cache"),
        "HF_HOME": "",
        "HF_HUB_CACHE": "",
    }


def test_what_is_configured_is_listed_with_size_licence_and_place(
    frontdesk: Frontdesk, project: Path, hub: Hub, environment: dict[str, str]
) -> None:
    write(project, text_encoder="transformers:shop/words")
    listed = frontdesk("models", "list", "-p", project, **environment)
    assert listed.returncode == 0, listed.stderr
    assert "text_encoder: transformers:shop/words" in listed.stdout
    assert "shop/words, size not known yet, licence: see its own page, not here" in listed.stdout
    assert "small image encoder, 1 MB, Apache-2.0, " in listed.stdout
    assert "`frontdesk models pull` fetches what is missing" in listed.stdout
    doctor = frontdesk("doctor", "-p", project, **environment)
    assert "! text encoder   transformers has no weights here yet: shop/words" in doctor.stdout
    assert hub.asked == [], "neither asks anybody"

    pulled = frontdesk("models", "pull", "-p", project, **environment)
    assert pulled.returncode == 0, pulled.stderr
    assert "✓ text_encoder: transformers:shop/words\n  shop/words, 0 MB, mit, " in pulled.stdout
    listed = frontdesk("models", "list", "-p", project, **environment)
    assert "shop/words, 0 MB, mit, " in listed.stdout
    assert "fetches what is missing" not in listed.stdout


def test_anything_that_is_offered_can_be_pulled_without_a_project(
    frontdesk: Frontdesk, environment: dict[str, str]
) -> None:
    pulled = frontdesk("models", "pull", "text_encoder:transformers:shop/words", **environment)
    assert pulled.returncode == 0, pulled.stderr
    assert "✓ text_encoder: transformers:shop/words" in pulled.stdout
    offline = {**environment, "HF_HUB_OFFLINE": "1"}
    again = frontdesk("models", "pull", "text_encoder:transformers:shop/words", **offline)
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("gramophone", "there is no engine 'gramophone'"),
        ("text_encoder:onnx", "must name a `model`"),
        ("text_encoder:gramophone:x", "must be one of: "),
        ("text_encoder:transformers:shop/nothing", "the model hub has no model of that name"),
    ],
)
def test_what_there_is_not_is_told(
    name: str, told: str, frontdesk: Frontdesk, environment: dict[str, str]
) -> None:
    ended = frontdesk("models", "pull", name, **environment)
    assert ended.returncode == 2
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


def test_engines_are_measured_side_by_side(frontdesk: Frontdesk, tmp_path: Path) -> None:
    clip = tiny_clip(tmp_path / "clip")
    ended = frontdesk("models", "bench", "small", f"image_encoder:clip:{clip}", "image_encoder")
    assert ended.returncode == 0, ended.stderr
    assert "loads in" in ended.stdout
    assert "a screenshot of" in ended.stdout
    assert "→ image_encoder: " in ended.stdout
    broken = frontdesk("models", "bench", "image_encoder:clip:./nowhere")
    assert broken.returncode == 2
    assert "there is no folder ./nowhere" in broken.stderr


def test_the_desk_fetches_before_it_opens(
    frontdesk: Frontdesk, project: Path, hub: Hub, environment: dict[str, str]
) -> None:
    write(project, text_encoder="transformers:shop/words")
    refused = frontdesk("ask", "hello", "-p", project, **environment, HF_HUB_OFFLINE="1")
    assert refused.returncode == 2
    assert "models--shop--words to " in refused.stderr
    assert hub.asked == []
    answered = frontdesk("ask", "hello", "-p", project, **environment)
    assert answered.returncode == 0, answered.stderr
    assert "fetching shop/words" in answered.stderr


def test_a_language_model_in_this_process_is_listed_and_fetched(
    frontdesk: Frontdesk, project: Path, hub: Hub, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "chat").mkdir()
    hub.publish("shop/chat", write_chat_model(tmp_path / "chat", ["You", " may", "."]))
    write(project, assistant="transformers:shop/chat")
    pulled = frontdesk("models", "pull", "assistant", "-p", project, **environment)
    assert pulled.returncode == 0, pulled.stderr
    listed = frontdesk("models", "list", "-p", project, **environment)
    assert listed.returncode == 0, listed.stderr
    for told in (pulled.stdout, listed.stdout):
        assert "assistant: transformers:shop/chat\n  shop/chat, " in told
        assert "models--shop--chat" in told


def test_an_engine_that_cannot_be_does_not_hide_the_others(
    frontdesk: Frontdesk, project: Path, environment: dict[str, str]
) -> None:
    write(project, transcriber="moonshine:tiny-xx")
    listed = frontdesk("models", "list", "-p", project, **environment)
    assert listed.returncode == 2
    assert "✗ there is no Moonshine 'tiny-xx'\n    → `model` is one of tiny-en, " in listed.stdout
    assert "synthesizer: espeak" in listed.stdout
