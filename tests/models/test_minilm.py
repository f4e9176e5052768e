"""The text encoder: its vectors are the published model's, made once, and cheap to ask for."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models import minilm as module
from models.errors import EngineMissing
from models.minilm import MiniLM

PROBE = """
import sys
from models.minilm import MiniLM
MiniLM().encode(["Where is my parcel?"])
print(sorted({"torch", "transformers", "onnx"} & set(sys.modules)))
"""


def test_vectors_are_unit_length_and_one_per_text(minilm: MiniLM) -> None:
    vectors = minilm.encode(["refund", "", "my card was declined " * 30])
    assert vectors.shape == (3, minilm.dimensions)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_texts_give_no_vectors(minilm: MiniLM) -> None:
    assert minilm.encode([]).shape == (0, minilm.dimensions)


def test_closer_meaning_is_closer_vector(minilm: MiniLM) -> None:
    question, same, other = minilm.encode(
        [
            "How do I get my money back?",
            "I would like a refund for my purchase.",
            "The headphones do not pair with my phone.",
        ]
    )
    assert question @ same > question @ other + 0.2


def test_vector_does_not_depend_on_the_company_in_a_batch(minilm: MiniLM) -> None:
    texts = ["short", "a rather longer question about the delivery of my order to Norway " * 8]
    together = minilm.encode(texts * 4)
    for at, text in enumerate(texts):
        assert np.array_equal(together[at], minilm.encode([text])[0])


def test_a_book_is_cut_to_its_beginning(minilm: MiniLM) -> None:
    beginning = "The warranty covers the battery for two years. " * 60
    ends = minilm.encode([beginning + "Returns are free. " * 100_000, beginning])
    assert ends[0] @ ends[1] > 0.99


def test_int8_graph_follows_the_published_model(minilm: MiniLM, shared_data: Path) -> None:
    torch = pytest.importorskip("torch")
    from transformers import AutoModel, AutoTokenizer

    with (shared_data / "banking77" / "test.csv").open(encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)][::30]
    folder = module.published_folder()
    tokens = AutoTokenizer.from_pretrained(folder)(texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        hidden = AutoModel.from_pretrained(folder)(**tokens).last_hidden_state
        mask = tokens["attention_mask"].unsqueeze(-1)
        pooled = (hidden * mask).sum(1) / mask.sum(1)
        expected = torch.nn.functional.normalize(pooled, dim=1).numpy()
    cosine = (minilm.encode(texts) * expected).sum(axis=1)
    assert cosine.mean() > 0.99
    assert cosine.min() > 0.97


def test_once_made_it_needs_neither_torch_nor_onnx(minilm: MiniLM) -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""


def test_two_processes_at_once_make_one_graph(tmp_path: Path) -> None:
    probes = [
        subprocess.Popen([sys.executable, "-c", PROBE], env={"FRONTDESK_CACHE": str(tmp_path)})
        for _ in range(2)
    ]
    assert [probe.wait(timeout=120) for probe in probes] == [0, 0]
    assert [path.suffix for path in tmp_path.iterdir() if path.suffix != ".lock"] == [".onnx"]


def test_changed_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "model"
    shutil.copytree(module.published_folder(), folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    monkeypatch.setattr(module, "published_folder", lambda: folder)
    monkeypatch.setenv("FRONTDESK_CACHE", str(tmp_path / "cache"))
    with pytest.raises(EngineMissing, match="not the published ones"):
        MiniLM()
    assert not list((tmp_path / "cache").glob("*.onnx"))


def test_the_first_start_fills_no_log(tmp_path: Path) -> None:
    program = "import logging; logging.basicConfig(level=logging.INFO); " + (
        "from models.minilm import MiniLM; MiniLM(); logging.info('made')"
    )
    made = subprocess.run(
        [sys.executable, "-c", program],
        env={"FRONTDESK_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stderr.splitlines() == ["INFO:root:made"]
