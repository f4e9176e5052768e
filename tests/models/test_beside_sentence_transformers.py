"""Text encoders give the vectors that sentence-transformers gives, whatever a folder is made of."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from transformers import AutoModel

from models.errors import EngineMissing
from models.onnx_text_encoder import OnnxTextEncoder
from models.transformers_text_encoder import TransformersTextEncoder
from tests.models.tiny_models import tiny_multilingual, tiny_text_encoder

sentence_transformers = pytest.importorskip("sentence_transformers")

PASSAGES = (
    "Refunds take five days after we have received the parcel.",
    "Los reembolsos tardan cinco días desde que recibimos el paquete.",
    "退款需要五天时间，从我们收到包裹之日起计算。",
    "Rückerstattungen dauern fünf Tage, sobald das Paket bei uns ist.",
    "يستغرق استرداد المبلغ خمسة أيام بعد استلام الطرد.",
    "",
)
QUESTIONS = ("¿Dónde está mi dinero?", "我的退款在哪里？", "Wo bleibt mein Geld?", "أين أموالي؟")
PROMPTS = {"query": "query: ", "document": "passage: "}
WITHIN = 1e-4


def written(folder: Path, kind: str, pooling: str, *, dense: bool = False, **said: Any) -> Path:
    """A folder as sentence-transformers saves an encoder of random weights."""
    from sentence_transformers import SentenceTransformer, models

    inner = folder.with_name(f"{folder.name}-inner")
    texts = [*PASSAGES, *QUESTIONS, *PROMPTS.values()]
    if kind in ("xlm-roberta", "qwen3"):
        tiny_multilingual(inner, kind, texts)
    else:
        tiny_text_encoder(inner, kind, texts)
    parts: list[Any] = [models.Transformer(str(inner), max_seq_length=60)]
    width = parts[0].get_embedding_dimension()
    parts.append(models.Pooling(width, pooling_mode=pooling))
    if dense:
        torch.manual_seed(7)
        parts.append(models.Dense(width, 20))
    parts.append(models.Normalize())
    SentenceTransformer(modules=parts, device="cpu", **said).save(str(folder))
    return folder


def reference(folder: Path) -> Any:
    return sentence_transformers.SentenceTransformer(str(folder), device="cpu")


def assert_alike(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> None:
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, atol=WITHIN)


CASES = [
    ("bert", "mean", {}),
    ("roberta", "mean_sqrt_len_tokens", {"dense": True}),
    ("xlm-roberta", "cls", {}),
    ("xlm-roberta", "mean", {"prompts": PROMPTS}),
    ("qwen3", "lasttoken", {"prompts": {"query": "Instruct: find\nQuery: "}}),
    ("bert", "weightedmean", {"dense": True, "prompts": PROMPTS}),
]


@pytest.mark.parametrize(("kind", "pooling", "said"), CASES)
def test_questions_and_passages_are_encoded_alike(
    kind: str, pooling: str, said: dict[str, Any], tmp_path: Path
) -> None:
    folder = written(tmp_path / "encoder", kind, pooling, **said)
    ours, theirs = TransformersTextEncoder(str(folder), device="cpu"), reference(folder)
    assert ours.dimensions == theirs.get_embedding_dimension()
    assert_alike(ours.encode(PASSAGES), theirs.encode_document(list(PASSAGES)))
    assert_alike(ours.encode_queries(QUESTIONS), theirs.encode_query(list(QUESTIONS)))


def test_old_dense_layers_are_pickled(tmp_path: Path) -> None:
    folder = written(tmp_path / "encoder", "bert", "mean", dense=True)
    theirs = reference(folder).encode(list(PASSAGES))
    layer = folder / "2_Dense"
    from safetensors.torch import load_file

    torch.save(load_file(layer / "model.safetensors"), layer / "pytorch_model.bin")
    (layer / "model.safetensors").unlink()
    assert_alike(TransformersTextEncoder(str(folder), device="cpu").encode(PASSAGES), theirs)


@pytest.mark.parametrize(
    ("name", "before"),
    [("multilingual-e5-small", ("query: ", "passage: ")), ("bge-m3", ("", ""))],
)
def test_a_family_says_what_goes_before_texts(
    name: str, before: tuple[str, str], tmp_path: Path
) -> None:
    folder = written(tmp_path / name, "xlm-roberta", "mean")
    ours, theirs = TransformersTextEncoder(str(folder), device="cpu"), reference(folder)
    query, passage = before
    assert_alike(ours.encode_queries(QUESTIONS), theirs.encode([query + q for q in QUESTIONS]))
    assert_alike(ours.encode(PASSAGES), theirs.encode([passage + p for p in PASSAGES]))


def test_the_operator_says_what_goes_before_texts(tmp_path: Path) -> None:
    folder = written(tmp_path / "multilingual-e5-small", "xlm-roberta", "mean")
    plain = TransformersTextEncoder(str(folder), query_prefix="", passage_prefix="")
    np.testing.assert_array_equal(plain.encode(QUESTIONS), plain.encode_queries(QUESTIONS))
    named = TransformersTextEncoder(str(folder))
    assert named.name != plain.name, "an index made with other words before texts is another one"


def test_a_part_that_is_not_known_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "encoder", "bert", "mean")
    modules = json.loads((folder / "modules.json").read_text("utf-8"))
    modules.insert(2, {"idx": 2, "name": "2", "path": "2_LSTM", "type": "models.LSTM"})
    (folder / "modules.json").write_text(json.dumps(modules), "utf-8")
    with pytest.raises(EngineMissing, match="parts that the desk does not know: LSTM"):
        TransformersTextEncoder(str(folder))


def test_a_damaged_dense_layer_is_told(tmp_path: Path) -> None:
    folder = written(tmp_path / "encoder", "bert", "mean", dense=True)
    weights = folder / "2_Dense" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:50])
    with pytest.raises(EngineMissing, match=r"2_Dense/model\.safetensors cannot be read"):
        TransformersTextEncoder(str(folder))


class _LastLayer(torch.nn.Module):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.model = AutoModel.from_pretrained(folder, attn_implementation="eager")

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        found = self.model(input_ids=input_ids, attention_mask=attention_mask)
        return found.last_hidden_state


def export(folder: Path) -> Path:
    """The graph where a repository has it, as Optimum writes it."""
    (folder / "onnx").mkdir()
    # With padding in it, so that the mask is not taken for a constant.
    ids = torch.tensor([[0, 9, 8, 7, 2], [0, 9, 2, 1, 1]])
    axes = {0: torch.export.Dim("texts", max=4096), 1: torch.export.Dim("tokens", max=60)}
    torch.onnx.export(
        _LastLayer(folder).eval(),
        (ids, (ids != 1).long()),
        folder / "onnx" / "model.onnx",
        input_names=["input_ids", "attention_mask"],
        output_names=["token_embeddings"],
        dynamic_shapes=(axes, axes),
        dynamo=True,
        verbose=False,
    )
    return folder


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("onnx") / "encoder"
    folder = written(place, "xlm-roberta", "mean", dense=True, prompts=PROMPTS)
    return export(folder)


class TestGraphs:
    def test_one_gives_the_same_vectors(self, graph: Path) -> None:
        ours, theirs = OnnxTextEncoder(str(graph)), reference(graph)
        assert_alike(ours.encode(PASSAGES), theirs.encode_document(list(PASSAGES)))
        assert_alike(ours.encode_queries(QUESTIONS), theirs.encode_query(list(QUESTIONS)))
        assert ours.encode([]).shape == (0, ours.dimensions)
        long = ours.encode(["geld " * 500, "geld " * 5_000])
        np.testing.assert_allclose(long[0], long[1], atol=1e-5)

    def test_one_in_int8_is_chosen_by_its_file(self, graph: Path, tmp_path: Path) -> None:
        from onnxruntime.quantization import quantize_dynamic

        folder = Path(shutil.copytree(graph, tmp_path / "encoder"))
        quantize_dynamic(folder / "onnx" / "model.onnx", folder / "onnx" / "model_quantized.onnx")
        whole = OnnxTextEncoder(str(folder))
        small = OnnxTextEncoder(str(folder), file="onnx/model_quantized.onnx")
        assert small.name != whole.name
        cosines = (small.encode(PASSAGES) * whole.encode(PASSAGES)).sum(1)
        assert cosines.min() > 0.98

    def test_one_in_int4_is_too(self, graph: Path, tmp_path: Path) -> None:
        """As the hub has many, `model_q4.onnx`."""
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        folder = Path(shutil.copytree(graph, tmp_path / "encoder"))
        made = MatMulNBitsQuantizer(
            onnx.load(folder / "onnx" / "model.onnx"), bits=4, block_size=32, is_symmetric=True
        )
        made.process()
        made.model.save_model_to_file(str(folder / "onnx" / "model_q4.onnx"))
        stored = onnx.load(folder / "onnx" / "model_q4.onnx")
        assert "MatMulNBits" in {node.op_type for node in stored.graph.node}
        whole, small = (
            OnnxTextEncoder(str(folder), file=f"onnx/{name}.onnx") for name in ("model", "model_q4")
        )
        cosines = (small.encode(PASSAGES) * whole.encode(PASSAGES)).sum(1)
        assert cosines.min() > 0.95

    @pytest.mark.parametrize(
        ("damage", "told"),
        [
            (lambda folder: (folder / "onnx" / "model.onnx").unlink(), "has no onnx/model.onnx"),
            (lambda folder: (folder / "onnx" / "model.onnx").write_bytes(b"?"), "cannot be used"),
            (lambda folder: (folder / "tokenizer.json").write_text("{"), "cannot be used"),
            (lambda folder: (folder / "config.json").unlink(), r"config\.json"),
        ],
    )
    def test_a_damaged_folder_is_told(
        self, damage: Callable[[Path], None], told: str, graph: Path, tmp_path: Path
    ) -> None:
        folder = Path(shutil.copytree(graph, tmp_path / "encoder"))
        damage(folder)
        with pytest.raises(EngineMissing, match=told):
            OnnxTextEncoder(str(folder))

    def test_a_file_that_is_not_there_is_told_with_those_that_are(self, graph: Path) -> None:
        with pytest.raises(EngineMissing, match=r"has no onnx/model_q4\.onnx") as told:
            OnnxTextEncoder(str(graph), file="onnx/model_q4.onnx")
        assert "onnx/model.onnx" in told.value.remedy


def unlike(rows: NDArray[np.float32]) -> Sequence[float]:
    return [float(rows[a] @ rows[b]) for a in range(len(rows)) for b in range(a)]


def test_texts_of_all_scripts_reach_the_model(tmp_path: Path) -> None:
    """Not as one and the same unknown word."""
    folder = written(tmp_path / "encoder", "xlm-roberta", "mean")
    vectors = TransformersTextEncoder(str(folder), device="cpu").encode(PASSAGES[:5])
    assert max(unlike(vectors)) < 0.999
