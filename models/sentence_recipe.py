"""What else belongs to a sentence encoder than its transformer, as sentence-transformers writes it.

A folder lists its parts in modules.json: the transformer, how its tokens are pooled, dense layers,
and that vectors are brought to length 1, which the desk does anyway. What is put before a question
and before a passage stands in config_sentence_transformers.json, or is known of a family.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import EngineMissing
from models.pooling import Pooling, pooling_of

Floats = NDArray[np.float32]

_MODULES = "modules.json"
_PROMPTS = "config_sentence_transformers.json"
_KNOWN = ("Transformer", "Pooling", "Normalize", "Dense")
_OF_PASSAGES = ("document", "passage", "corpus")
"""Names of the prompt that goes before what is searched, as sentence-transformers looks for it."""
_INSTRUCT = (
    "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "
)
_FAMILIES = (
    # Wang et al., https://arxiv.org/abs/2402.05672; their folders do not say it.
    (r"(^|[/_-])e5-.*instruct$", _INSTRUCT, ""),
    (r"(^|[/_-])e5-(small|base|large)(-v2)?$", "query: ", "passage: "),
    # Xiao et al., https://arxiv.org/abs/2309.07597; BGE-M3 wants none.
    (
        r"(^|[/_-])bge-(small|base|large)-en(-v1\.5)?$",
        "Represent this sentence for searching relevant passages: ",
        "",
    ),
    (r"(^|[/_-])bge-(small|base|large)-zh(-v1\.5)?$", "为这个句子生成表示以用于检索相关文章：", ""),
)


@dataclass(frozen=True)
class SentenceRecipe:
    """How texts become vectors, but for the transformer itself."""

    pooling: Pooling
    dense: tuple["Dense", ...] = ()
    before_query: str = ""
    before_passage: str = ""
    lower: bool = False
    """Whether texts are brought to lower case."""

    def text(self, text: str, before: str) -> str:
        """A text as the tokenizer takes it."""
        return (before + text).lower() if self.lower else before + text

    def finished(self, pooled: Floats) -> Floats:
        """Vectors behind the pooling, (n, width), to those of the texts, each of length 1."""
        for layer in self.dense:
            pooled = layer(pooled)
        lengths = np.sqrt((pooled * pooled).sum(1, keepdims=True))
        return np.asarray(pooled / np.maximum(lengths, 1e-12), np.float32)

    @property
    def mark(self) -> str:
        """For an encoder's name: how it pools, and what it puts before texts."""
        if not self.before_query and not self.before_passage:
            return str(self.pooling)
        both = f"{self.before_query}\0{self.before_passage}".encode()
        return f"{self.pooling}-{hashlib.sha256(both).hexdigest()[:6]}"


def recipe_of(
    folder: Path, name: str, query_prefix: str | None = None, passage_prefix: str | None = None
) -> SentenceRecipe:
    """What a folder says. `name`: as the operator calls the model, by which its family is known.
    The prefixes go before what the folder or its family says.

    Raises `EngineMissing` if it asks for something that the desk does not do, or cannot be read.
    """
    modules = _read(folder / _MODULES, list)
    kinds = [str(module.get("type", "")).rpartition(".")[2] for module in modules]
    if others := [kind for kind in kinds if kind not in _KNOWN]:
        raise EngineMissing(
            f"{folder} is made of parts that the desk does not know: {', '.join(others)}",
            remedy=f"choose a text encoder made of {', '.join(_KNOWN)} alone",
        )
    paths = [str(module.get("path", "")) for module in modules]
    query, passage = _prefixes(folder, name)
    return SentenceRecipe(
        pooling=pooling_of(folder),
        dense=tuple(
            Dense(folder / path) for kind, path in zip(kinds, paths, strict=True) if kind == "Dense"
        ),
        before_query=query if query_prefix is None else query_prefix,
        before_passage=passage if passage_prefix is None else passage_prefix,
        lower=bool(_read(folder / "sentence_bert_config.json", dict).get("do_lower_case")),
    )


def _prefixes(folder: Path, name: str) -> tuple[str, str]:
    prompts = _read(folder / _PROMPTS, dict).get("prompts") or {}
    query = prompts.get("query") or ""
    passage = next((prompts[key] for key in _OF_PASSAGES if prompts.get(key)), "")
    if query or passage:
        return query, passage
    for pattern, of_query, of_passage in _FAMILIES:
        if re.search(pattern, name.rstrip("/"), re.IGNORECASE):
            return of_query, of_passage
    return "", ""


class Dense:
    """A layer behind the pooling."""

    def __init__(self, folder: Path) -> None:
        """Raises `EngineMissing`."""
        config = _read(folder / "config.json", dict)
        named = str(config.get("activation_function", "Tanh")).rpartition(".")[2]
        plain = config.get("module_input_name", "sentence_embedding") == "sentence_embedding"
        if named not in _ACTIVATIONS or config.get("use_residual") or not plain:
            raise EngineMissing(
                f"{folder} is a layer that the desk does not know: {named}, "
                f"{'with' if config.get('use_residual') else 'without'} residual",
                remedy=f"choose one with one of: {', '.join(_ACTIVATIONS)}",
            )
        weights = _weights(folder)
        self._activation = _ACTIVATIONS[named]
        self._weight = weights["linear.weight"]
        self._bias = weights.get("linear.bias", np.float32(0))

    def __call__(self, rows: Floats) -> Floats:
        return np.asarray(self._activation(rows @ self._weight.T + self._bias), np.float32)


def _gelu(rows: Floats) -> Any:
    return rows * 0.5 * (1 + np.vectorize(math.erf)(rows / math.sqrt(2)))


_ACTIVATIONS: Mapping[str, Callable[[Floats], Any]] = {
    "Identity": lambda rows: rows,
    "Tanh": np.tanh,
    "ReLU": lambda rows: np.maximum(rows, 0),
    "Sigmoid": lambda rows: 1 / (1 + np.exp(-rows)),
    "GELU": _gelu,
}


def _weights(folder: Path) -> Mapping[str, Any]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    safe, pickled = folder / "model.safetensors", folder / "pytorch_model.bin"
    try:
        if safe.is_file():
            return load_file(safe)
        import torch

        found = torch.load(pickled, map_location="cpu", weights_only=True)
        return {name: tensor.float().numpy() for name, tensor in found.items()}
    except (OSError, SafetensorError, RuntimeError, ValueError) as error:
        raise _unreadable(safe if safe.is_file() else pickled, error) from error


def _read(file: Path, kind: type[Any]) -> Any:
    """What a JSON file holds; nothing of its kind where it is not there."""
    if not file.is_file():
        return kind()
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(file, error) from error
    if not isinstance(found, kind):
        raise _unreadable(file, f"it holds no {kind.__name__}")
    return found


def _unreadable(file: Path, why: object) -> EngineMissing:
    return EngineMissing(
        f"{file} cannot be read: {why}", remedy="copy or download the model's folder again, whole"
    )
