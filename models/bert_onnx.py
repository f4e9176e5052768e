"""Writes a BERT sentence encoder as an ONNX graph, straight from its published weights.

The graph takes token ids and gives normalised sentence vectors, so running it needs onnxruntime
alone; and since it is written here and not traced, making it needs no PyTorch either.
Architecture: Devlin et al., https://arxiv.org/abs/1810.04805; mean pooling over the tokens as in
Reimers and Gurevych, https://arxiv.org/abs/1908.10084.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 20
MASKED = -1e4
"""Added to the attention score of padding, so that its weight becomes 0."""

ONE = np.float32(1)

Weights = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class BertShape:
    """What the weights alone do not tell."""

    layers: int
    heads: int
    norm_epsilon: float


@dataclass
class _Graph:
    """Nodes and constants, collected in the order in which they are computed."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, onnx.TensorProto] = field(default_factory=dict)

    def constant(self, name: str, value: NDArray[Any] | np.float32) -> str:
        self.constants[name] = numpy_helper.from_array(np.array(value, order="C"), name)
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        output = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], output, **attributes))
        return output


def bert_sentence_graph(weights: Weights, shape: BertShape) -> onnx.ModelProto:
    """The whole encoder.

    Inputs `input_ids` and `attention_mask`, int64 (texts, tokens); output `embedding`, float32
    (texts, dimensions), each row of length 1.
    """
    graph = _Graph()
    words = weights["embeddings.word_embeddings.weight"]
    _constants(graph)
    tokens = graph.add("Cast", "attention_mask", to=TensorProto.FLOAT)
    hidden = _embeddings(graph, weights, shape)
    bias = graph.add("Mul", graph.add("Sub", "one", tokens), "masked")
    bias = graph.add("Unsqueeze", bias, "axes_heads_queries")
    for layer in range(shape.layers):
        hidden = _layer(graph, weights, shape, f"encoder.layer.{layer}", hidden, bias)
    pooled = _mean(graph, hidden, tokens)
    length = graph.add("ReduceL2", pooled, "axis_last", keepdims=1)
    graph.nodes.append(helper.make_node("Div", [pooled, length], ["embedding"]))
    return _model(graph, dimensions=words.shape[1])


def _constants(graph: _Graph) -> None:
    graph.constant("one", ONE)
    graph.constant("masked", np.float32(MASKED))
    graph.constant("axes_heads_queries", np.array([1, 2], np.int64))
    graph.constant("axis_last", np.array([-1], np.int64))
    graph.constant("axis_tokens", np.array([1], np.int64))


def _model(graph: _Graph, dimensions: int) -> onnx.ModelProto:
    ids, mask = (
        helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "tokens"])
        for name in ("input_ids", "attention_mask")
    )
    out = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["texts", dimensions])
    body = helper.make_graph(
        graph.nodes, "bert_sentence", [ids, mask], [out], list(graph.constants.values())
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    onnx.checker.check_model(model)
    return onnx.shape_inference.infer_shapes(model)


def _embeddings(graph: _Graph, weights: Weights, shape: BertShape) -> str:
    words = graph.constant("words", weights["embeddings.word_embeddings.weight"])
    # A sentence alone is always of type 0, so that row is added to every position for good.
    positions = graph.constant(
        "positions",
        weights["embeddings.position_embeddings.weight"]
        + weights["embeddings.token_type_embeddings.weight"][0],
    )
    graph.constant("zero_row", np.array([0], np.int64))
    length = graph.add("Shape", "input_ids", start=1, end=2)
    used = graph.add("Slice", positions, "zero_row", length, "zero_row")
    total = graph.add("Add", graph.add("Gather", words, "input_ids"), used)
    return _normalise(graph, weights, shape, "embeddings.LayerNorm", total)


def _layer(
    graph: _Graph, weights: Weights, shape: BertShape, at: str, hidden: str, bias: str
) -> str:
    mixed = _attention(graph, weights, shape, f"{at}.attention.self", hidden, bias)
    mixed = _dense(graph, weights, f"{at}.attention.output.dense", mixed)
    hidden = _normalise(
        graph, weights, shape, f"{at}.attention.output.LayerNorm", graph.add("Add", mixed, hidden)
    )
    wide = _gelu(graph, _dense(graph, weights, f"{at}.intermediate.dense", hidden))
    narrow = _dense(graph, weights, f"{at}.output.dense", wide)
    return _normalise(
        graph, weights, shape, f"{at}.output.LayerNorm", graph.add("Add", narrow, hidden)
    )


def _attention(
    graph: _Graph, weights: Weights, shape: BertShape, at: str, hidden: str, bias: str
) -> str:
    width = weights[f"{at}.query.bias"].shape[0]
    scale = np.float32((width // shape.heads) ** -0.5)
    # The query carries the scale of the scores.
    scales = {"query": scale, "key": ONE, "value": ONE}
    parts = [_dense(graph, weights, f"{at}.{part}", hidden, scales[part]) for part in scales]
    heads = graph.constant("by_head", np.array([0, 0, shape.heads, width // shape.heads], np.int64))
    query, key, value = (graph.add("Reshape", part, heads) for part in parts)
    query = graph.add("Transpose", query, perm=[0, 2, 1, 3])
    key = graph.add("Transpose", key, perm=[0, 2, 3, 1])
    value = graph.add("Transpose", value, perm=[0, 2, 1, 3])
    scores = graph.add("Add", graph.add("MatMul", query, key), bias)
    mixed = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), value)
    mixed = graph.add("Transpose", mixed, perm=[0, 2, 1, 3])
    return graph.add("Reshape", mixed, graph.constant("joined", np.array([0, 0, width], np.int64)))


def _gelu(graph: _Graph, inputs: str) -> str:
    # Spelled out: onnxruntime fuses this form with the bias before it, but not the Gelu operator.
    scaled = graph.add("Div", inputs, graph.constant("root_two", np.float32(2**0.5)))
    weight = graph.add("Add", graph.add("Erf", scaled), "one")
    half = graph.constant("half", np.float32(0.5))
    return graph.add("Mul", graph.add("Mul", inputs, weight), half)


def _dense(graph: _Graph, weights: Weights, at: str, inputs: str, scale: np.float32 = ONE) -> str:
    matrix = graph.constant(f"{at}.weight", weights[f"{at}.weight"].T * scale)
    offset = graph.constant(f"{at}.bias", weights[f"{at}.bias"] * scale)
    return graph.add("Add", graph.add("MatMul", inputs, matrix), offset)


def _normalise(graph: _Graph, weights: Weights, shape: BertShape, at: str, inputs: str) -> str:
    scale = graph.constant(f"{at}.weight", weights[f"{at}.weight"])
    offset = graph.constant(f"{at}.bias", weights[f"{at}.bias"])
    return graph.add(
        "LayerNormalization", inputs, scale, offset, axis=-1, epsilon=shape.norm_epsilon
    )


def _mean(graph: _Graph, hidden: str, tokens: str) -> str:
    weighted = graph.add("Mul", hidden, graph.add("Unsqueeze", tokens, "axis_last"))
    total = graph.add("ReduceSum", weighted, "axis_tokens", keepdims=0)
    return graph.add("Div", total, graph.add("ReduceSum", tokens, "axis_tokens", keepdims=1))
