"""A project whose encoders are of transformers, from its examples to an explained answer."""

import json
from pathlib import Path

import pytest
import yaml
from PIL import Image, ImageDraw

from tests.bot.cli.conftest import Frontdesk
from tests.models.tiny_models import tiny_clip, tiny_resnet, tiny_text_encoder
from tests.models.understanding.shop import SAYINGS

pytestmark = pytest.mark.timeout(300)

INTENTS = {"refund": "Refunds take five days.", "login": "Use *Forgot password*."}
COLOURS = {"refund": "darkgreen", "login": "navy"}


def _screen(colour: str) -> Image.Image:
    """With shapes alone: what is in it, only the image encoder sees."""
    image = Image.new("RGB", (200, 150), colour)
    ImageDraw.Draw(image).rectangle((30, 30, 170, 60), "white")
    return image


@pytest.fixture
def project(project: Path) -> Path:
    """With models beside its frontdesk.yaml, two intents, and no articles: which of them a random
    encoder finds is chance."""
    for article in (project / "articles").iterdir():
        article.unlink()
    words = [*SAYINGS["refund"], *SAYINGS["login"], "When are you open on weekends ?"]
    tiny_text_encoder(project / "models" / "words", "roberta", words)
    tiny_clip(project / "models" / "clip")
    tiny_resnet(project / "models" / "resnet")
    (project / "intents").mkdir()
    for name, answer in INTENTS.items():
        _screen(COLOURS[name]).save(project / "intents" / f"{name}.png")
        shown = {"image": f"{name}.png"}
        declared = {
            "title": name.title(),
            "answer": answer,
            "examples": [*SAYINGS[name], *[shown | {"text": f"look at {n}"} for n in range(4)]],
        }
        (project / "intents" / f"{name}.yaml").write_text(yaml.safe_dump(declared), "utf-8")
    _configure(project, "clip")
    return project


def _configure(project: Path, image_encoder: str, text_encoder: str = "models/words") -> None:
    file = project / "frontdesk.yaml"
    settings = yaml.safe_load(file.read_text("utf-8")) | {
        "text_encoder": {"engine": "transformers", "model": text_encoder},
        "image_encoder": {"engine": "transformers", "model": f"models/{image_encoder}"},
        "understanding": {"fusion": "linear"},
    }
    file.write_text(yaml.safe_dump(settings), "utf-8")


def test_other_encoders_are_trained_with_served_and_explained(
    frontdesk: Frontdesk, project: Path, tmp_path: Path
) -> None:
    trained = frontdesk("train", "--project", project, "--epochs", "8")
    assert trained.returncode == 0, trained.stderr
    assert "served from now on" in trained.stdout

    picture = tmp_path / "sent.png"
    _screen(COLOURS["refund"]).save(picture)
    words = SAYINGS["refund"][0]
    asked = frontdesk("ask", words, "--image", picture, "--json", "--project", project)
    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout)
    assert "five days" in answer["text"]
    explained = frontdesk("explain", answer["conversation"], "--json", "--project", project)
    trace = json.loads(explained.stdout)
    assert trace["recognised"]["intents"][0]["name"] == "refund"
    assert len(trace["recognised"]["observation"]["image"]) == 24
    assert {share["name"] for share in trace["attribution"]["modalities"]} >= {"text", "image"}

    # Another image encoder: what it sees is not taken for what the version was trained on.
    _configure(project, "resnet")
    judged = frontdesk("eval", project / "intents", "--project", project)
    assert judged.returncode == 2
    assert "trained on pictures as clip/" in judged.stderr

    # Another text encoder: the version is refused.
    other = tiny_text_encoder(tmp_path / "other", "distilbert", SAYINGS["login"])
    _configure(project, "clip", str(other))
    judged = frontdesk("eval", project / "intents", "--project", project)
    assert judged.returncode == 2
    assert "was trained on vectors of roberta/mean/" in judged.stderr
    assert "train it again" in judged.stderr


def test_an_encoder_that_is_not_there_is_told(frontdesk: Frontdesk, project: Path) -> None:
    _configure(project, "clip", "./models/word")
    ended = frontdesk("ingest", "--project", project)
    assert ended.returncode == 2
    assert "✗ there is no folder ./models/word" in ended.stderr
    assert "save_pretrained" in ended.stderr
    checked = frontdesk("doctor", "--project", project)
    assert "✗ text encoder" in checked.stdout
    assert "✓ image encoder" in checked.stdout
