"""The ONNX graph written from weights computes what the original implementation does."""

import numpy as np
import onnxruntime
import pytest

from models.bert_onnx import BertShape, bert_sentence_graph


def test_graph_agrees_with_the_original_on_random_weights() -> None:
    torch = pytest.importorskip("torch")
    from transformers import BertConfig, BertModel

    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=50,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=32,
        max_position_embeddings=16,
        initializer_range=0.5,
    )
    original = BertModel(config, add_pooling_layer=False).eval()
    ids = torch.randint(1, 50, (3, 11))
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    mask[2, 1:] = 0
    with torch.inference_mode():
        hidden = original(input_ids=ids, attention_mask=mask).last_hidden_state
        weight = mask.unsqueeze(-1)
        expected = torch.nn.functional.normalize((hidden * weight).sum(1) / weight.sum(1), dim=1)

    weights = {name: value.numpy() for name, value in original.state_dict().items()}
    shape = BertShape(layers=2, heads=3, norm_epsilon=config.layer_norm_eps)
    graph = bert_sentence_graph(weights, shape).SerializeToString()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
