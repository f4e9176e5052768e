"""Text encoders by configuration: pooled, padded and named as they should be, or refused."""

import json
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from models.errors import EngineMissing
from models.transformers_text_encoder import TransformersTextEncoder
from tests.conftest import REPOSITORY
from tests.models.tiny_models import TEXT_KINDS, tiny_clip, tiny_text_encoder

TEXTS = (
    "where is my parcel ?",
    "cancel my order",
    "I want my money back , please , for the headphones that never arrived",
    "hi",
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        kind: tiny_text_encoder(tmp_path_factory.mktemp(kind), kind, TEXTS) for kind in TEXT_KINDS
    }


@pytest.fixture
def folder(folders: dict[str, Path], tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(folders["bert"], tmp_path / "encoder"))


def _token_vectors(folder: Path, text: str) -> torch.Tensor:
    """By transformers alone: (tokens, width)."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    with torch.inference_mode():
        found = model.eval()(**tokenizer(text, return_tensors="pt"))
    return found.last_hidden_state[0]


def _cosine(one: np.ndarray, other: torch.Tensor) -> float:
    return float(one @ other.numpy() / np.linalg.norm(other.numpy()))


@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_a_vector_is_the_mean_of_its_tokens(kind: str, folders: dict[str, Path]) -> None:
    encoder = TransformersTextEncoder(str(folders[kind]))
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dimensions)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(TEXTS, vectors, strict=True):
        assert _cosine(vector, _token_vectors(folders[kind], text).mean(0)) > 0.99999


@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_what_shares_a_batch_does_not_matter(kind: str, folders: dict[str, Path]) -> None:
    encoder = TransformersTextEncoder(str(folders[kind]))
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(encoder.encode(TEXTS), alone, atol=1e-5)
    assert encoder.encode([]).shape == (0, encoder.dimensions)


def test_a_text_too_long_is_cut_off(folders: dict[str, Path]) -> None:
    for kind in TEXT_KINDS:
        encoder = TransformersTextEncoder(str(folders[kind]))
        long, longer = encoder.encode(["order " * 200, "order " * 5_000])
        np.testing.assert_allclose(long, longer, atol=1e-5)
    assert np.isfinite(encoder.encode([""])).all()


def test_threads_get_what_one_gets(folders: dict[str, Path]) -> None:
    encoder = TransformersTextEncoder(str(folders["roberta"]))
    texts = [f"{text} {number}" for number in range(20) for text in TEXTS]
    expected = encoder.encode(texts)
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(encoder.encode, [texts] * 8):
            np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    "said",
    [
        {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False, "include_prompt": True},
        {"pooling_mode": "cls"},
    ],
)
def test_pooling_is_as_the_folder_says(said: dict[str, object], folder: Path) -> None:
    mean = TransformersTextEncoder(str(folder))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(said), "utf-8")
    first = TransformersTextEncoder(str(folder))
    (vector,) = first.encode(["cancel my order"])
    assert _cosine(vector, _token_vectors(folder, "cancel my order")[0]) > 0.99999
    assert first.name != mean.name


def test_a_pooling_that_is_not_known_is_refused(folder: Path) -> None:
    (folder / "1_Pooling").mkdir()
    file = folder / "1_Pooling" / "config.json"
    file.write_text(json.dumps({"pooling_mode_max_tokens": True}), "utf-8")
    with pytest.raises(EngineMissing, match="the pooling max"):
        TransformersTextEncoder(str(folder))
    file.write_text("[", "utf-8")
    with pytest.raises(EngineMissing, match=r"config\.json cannot be read"):
        TransformersTextEncoder(str(folder))


def test_the_name_goes_with_the_weights_not_the_place(folder: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(folder, tmp_path / "moved")
    name = TransformersTextEncoder(str(folder)).name
    assert TransformersTextEncoder(str(moved)).name == name
    model = AutoModel.from_pretrained(moved)
    with torch.no_grad():
        next(model.parameters())[0, 0] += 1
    model.save_pretrained(moved)
    assert TransformersTextEncoder(str(moved)).name != name


def test_a_folder_that_is_not_there_is_told() -> None:
    with pytest.raises(EngineMissing, match=r"there is no folder \./nowhere/encoder") as told:
        TransformersTextEncoder("./nowhere/encoder")
    assert "save_pretrained" in told.value.remedy


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngineMissing, match="holds no model"):
        TransformersTextEncoder(str(tmp_path))


def test_damaged_weights_are_told(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(EngineMissing, match="encoder cannot be loaded"):
        TransformersTextEncoder(str(folder))


def test_weights_that_lack_a_part_are_not_made_up(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}), "utf-8")
    with pytest.raises(EngineMissing, match="not those of a whole bert: 16 are missing"):
        TransformersTextEncoder(str(folder))


def test_a_tokenizer_that_is_missing_or_of_another_model_is_told(
    folder: Path, folders: dict[str, Path], tmp_path: Path
) -> None:
    other = tiny_text_encoder(tmp_path / "other", "bert", [*TEXTS, "one two three four"])
    shutil.copy(other / "tokenizer.json", folder / "tokenizer.json")
    with pytest.raises(EngineMissing, match="is of another model"):
        TransformersTextEncoder(str(folder))
    for file in folder.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(EngineMissing, match=str(folder)):
        TransformersTextEncoder(str(folder))


def test_a_model_for_pictures_is_no_text_encoder(tmp_path: Path) -> None:
    with pytest.raises(
        EngineMissing, match="clip cannot be used as a text encoder, for it is a clip"
    ):
        TransformersTextEncoder(str(tiny_clip(tmp_path / "clip")))


_NAMED = """
import sys
from models.errors import EngineMissing
from models.transformers_text_encoder import TransformersTextEncoder
try:
    print(TransformersTextEncoder("shop/encoder").encode(["hi"]).shape)
except EngineMissing as error:
    sys.exit(str(error))
"""


def _by_name(cache: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _NAMED],
        cwd=REPOSITORY,
        env={**os.environ, "HF_HOME": str(cache), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _keep(folder: Path, cache: Path) -> Path:
    """As if it had been fetched from the hub: where it lies then."""
    kept = cache / "hub" / "models--shop--encoder"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("5" * 40)
    snapshot = kept / "snapshots" / ("5" * 40)
    shutil.copytree(folder, snapshot)
    return snapshot


def test_a_public_name_is_taken_from_the_cache(folder: Path, tmp_path: Path) -> None:
    nothing = _by_name(tmp_path, HF_HUB_OFFLINE="1")
    assert "there is no folder shop/encoder, and HF_HUB_OFFLINE forbids" in nothing.stderr
    _keep(folder, tmp_path)
    found = _by_name(tmp_path, HF_HUB_OFFLINE="1")
    assert found.stdout == "(1, 32)\n", found.stderr


class _Hub(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_error(404)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Quietly."""


def test_the_hub_is_not_asked_again_for_weights_of_another_kind(
    folder: Path, tmp_path: Path
) -> None:
    snapshot = _keep(folder, tmp_path)
    parts = {"weight_map": {"embeddings": "pytorch_model-00001-of-00002.bin"}}
    (snapshot / "pytorch_model.bin.index.json").write_text(json.dumps(parts), "utf-8")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hub) as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        found = _by_name(tmp_path, HF_ENDPOINT=f"http://127.0.0.1:{hub.server_address[1]}")
        hub.shutdown()
    assert found.stdout == "(1, 32)\n", found.stderr
    assert _Hub.asked == []
