"""Any text encoder with an onnx graph, as sentence-transformers and Optimum write it.

It needs neither torch nor transformers, which is four times less memory; and a repository often
offers graphs in int8 beside the whole one (`onnx/model_quantized.onnx`).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.device import require_memory
from models.downloads import Weights, named_weights, pulled
from models.errors import EngineMissing, first_line
from models.published import open_session
from models.sentence_recipe import recipe_of
from models.token_batches import TokenBatch, TokenBatches
from models.transformers_folder import AGAIN, digest_of
from models.transformers_tokenizer import MOST_TOKENS, said_length

RECIPE = 1
"""Raised when the same files are to give other vectors."""
_GRAPHS = ("onnx/model.onnx", "model.onnx")
"""Where the graph is looked for, in this order."""
_OTHERS = ("*.json", "*.txt", "*.model", "*_Dense/*", "README.md")
_WHOLE = ("sentence_embedding", "embedding")
"""Names of outputs that are pooled already."""


class OnnxTextEncoder:
    """Implements `models.text_encoder.TextEncoder`. A run takes one text, on one core: a graph in
    int8 rounds by the largest number of its whole input, so that a text beside others would get
    another vector."""

    def __init__(
        self,
        model: str,
        file: str = "",
        query_prefix: str | None = None,
        passage_prefix: str | None = None,
    ) -> None:
        """`model`: a folder, or the name of a model on the hub. `file`: which of its graphs, where
        it is not `onnx/model.onnx`. The prefixes: what goes before a question and before a
        passage, where the folder or its family do not say it.

        Raises `EngineMissing` if it is neither, damaged, too large, or no text encoder.
        """
        self.folder = pulled(self.weights(model, file))
        graph = _graph(self.folder, file)
        self._recipe = recipe_of(self.folder, model, query_prefix, passage_prefix)
        require_memory(sum(each.stat().st_size for each in _parts(graph)), "cpu", graph)
        config = _configuration(self.folder)
        try:
            self._session = open_session(graph, threads=1)
            tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        except Exception as error:
            # Both raise whatever their languages have for it.
            raise _unusable(self.folder, error) from error
        self._tokens = TokenBatches(
            tokenizer,
            pad=int(config.get("pad_token_id") or 0),
            max_tokens=_longest_text(self.folder, config),
        )
        self._inputs = [given.name for given in self._session.get_inputs()]
        outputs = [output.name for output in self._session.get_outputs()]
        self._output = next((name for name in _WHOLE if name in outputs), outputs[0])
        digest = digest_of(self.folder, graph)[:12]
        self.name = f"{config.get('model_type', 'onnx')}/{self._recipe.mark}/{digest}/{RECIPE}"
        self.dimensions = 0
        try:
            # A graph for something else loads as well, and fails here.
            self.dimensions = self._encode(["a text"], "").shape[1]
        except Exception as error:
            raise _unusable(graph, error) from error

    @staticmethod
    def weights(model: str, file: str = "") -> Weights:
        """See `models.downloads.Downloading`."""
        # Beside a large graph lie its weights, under its own name and more. Of a choice one must be
        # there, so a single file is named twice.
        graphs = f"{file}*|{file}*" if file else "|".join(f"{graph}*" for graph in _GRAPHS)
        return named_weights(model, (*_OTHERS, graphs))

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encode(texts, self._recipe.before_passage)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encode(texts, self._recipe.before_query)

    def _encode(self, texts: Sequence[str], before: str) -> NDArray[np.float32]:
        rows = [
            self._run(batch)
            for text in texts
            for batch in self._tokens.of([self._recipe.text(text, before)])
        ]
        if not rows:
            return np.zeros((0, self.dimensions), np.float32)
        return self._recipe.finished(np.concatenate(rows))

    def _run(self, batch: TokenBatch) -> NDArray[np.float32]:
        given = {
            "input_ids": batch.ids,
            "attention_mask": batch.mask,
            "token_type_ids": np.zeros_like(batch.ids),
            "position_ids": np.cumsum(batch.mask, axis=1) - 1,
        }
        (found,) = self._session.run([self._output], {name: given[name] for name in self._inputs})
        if found.ndim == 2:
            return np.asarray(found, np.float32)
        pooled = self._recipe.pooling.pooled(
            found.astype(np.float32), batch.mask.astype(np.float32)
        )
        return np.asarray(pooled, np.float32)


def _graph(folder: Path, file: str) -> Path:
    for name in (file,) if file else _GRAPHS:
        if (folder / name).is_file():
            return folder / name
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.onnx"))
    raise EngineMissing(
        f"{folder} has no {file or ' and no '.join(_GRAPHS)}",
        remedy=f"`file` is one of: {', '.join(found)}" if found else "choose a model that has one",
    )


def _parts(graph: Path) -> list[Path]:
    """The graph, and the weights beside it."""
    return [graph, *graph.parent.glob(f"{graph.name}_data*"), *graph.parent.glob("*.onnx.data")]


def _configuration(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _unusable(folder, error) from error
    return found


def _longest_text(folder: Path, config: dict[str, Any]) -> int:
    """Tokens that a text may have."""
    limits = [MOST_TOKENS, *said_length(folder)]
    positions = config.get("max_position_embeddings")
    if isinstance(positions, int):
        # RoBERTa and its kin count positions from behind the one of padding.
        behind = int(config.get("pad_token_id") or 0) + 1
        limits.append(
            positions - behind if "roberta" in config.get("model_type", "") else positions
        )
    return min(limit for limit in limits if limit > 0)


def _unusable(what: Path, error: Exception) -> EngineMissing:
    problem = f"{what} cannot be used as a text encoder: {first_line(error)}"
    return EngineMissing(problem, remedy=AGAIN)
