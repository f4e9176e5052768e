"""A trained text encoder as a graph: whichever kind it is of, it answers as torch does."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from models.pooling import Pooling
from models.sentence_encoder import SentenceEncoder
from models.transformers_text_encoder import TransformersTextEncoder
from models.understanding.encoder import TunedEncoder
from models.understanding.export import export_encoder
from models.understanding.judging import judge
from models.understanding.predictor import Predictor
from models.understanding.settings import Settings, Tune
from models.understanding.training import train
from models.understanding.versions import Versions
from tests.models.tiny_models import TEXT_KINDS, tiny_text_encoder
from tests.models.understanding import shop

TEXTS = ["cancel", *(each.observation.text for each in shop.said()), "order " * 100]


@pytest.fixture(scope="module", params=TEXT_KINDS)
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_text_encoder(tmp_path_factory.mktemp("encoder"), request.param, TEXTS)


def _by_torch(encoder: TunedEncoder) -> np.ndarray:
    with torch.inference_mode():
        return np.stack([encoder.eval().encode([text])[0].numpy() for text in TEXTS])


def _served(folder: Path, width: int) -> SentenceEncoder:
    return SentenceEncoder(folder / "encoder.onnx", folder / "tokenizer.json", dimensions=width)


def test_the_graph_answers_as_torch_does(source: Path, tmp_path: Path) -> None:
    """Text by text, as it is served."""
    encoder = TunedEncoder(source, Tune.FULL)
    expected = _by_torch(encoder)
    export_encoder(encoder, tmp_path, int8=False)
    found = _served(tmp_path, encoder.width).encode(TEXTS)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    whole = (tmp_path / "encoder.onnx").stat().st_size
    export_encoder(encoder, tmp_path, int8=True)
    small = _served(tmp_path, encoder.width).encode(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(small, axis=1), 1, atol=1e-3)
    assert (small * expected).sum(1).min() > 0.99
    assert (tmp_path / "encoder.onnx").stat().st_size < whole
    kinds = {node.op_type for node in onnx.load(str(tmp_path / "encoder.onnx")).graph.node}
    assert "MatMulInteger" in kinds


def test_the_first_token_stands_for_the_text_where_the_model_wants_it(
    tiny_bert: Path, tmp_path: Path
) -> None:
    encoder = TunedEncoder(tiny_bert, Tune.NONE)
    encoder.pooling = Pooling.CLS
    export_encoder(encoder, tmp_path, int8=False)
    found = _served(tmp_path, encoder.width).encode(TEXTS)
    np.testing.assert_allclose(found, _by_torch(encoder), atol=1e-4)


def test_lora_is_folded_in(tmp_path: Path) -> None:
    source = tiny_text_encoder(tmp_path / "source", "roberta", TEXTS)
    encoder = TunedEncoder(source, Tune.LORA)
    with torch.no_grad():
        for name, weight in encoder.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.1)
    expected = _by_torch(encoder)
    assert np.abs(expected - TransformersTextEncoder(str(source)).encode(TEXTS)).max() > 1e-3
    export_encoder(encoder, tmp_path, int8=False)
    found = _served(tmp_path, encoder.width).encode(TEXTS)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_an_encoder_of_another_kind_is_trained_and_served(
    versions: Versions, tmp_path: Path
) -> None:
    source = tiny_text_encoder(tmp_path / "source", "xlm-roberta", TEXTS)
    shared = TransformersTextEncoder(str(source))
    settings = Settings(tune=Tune.FULL, epochs=8, contrast=0.0, encoder_rate=1e-3)
    examples = shop.said()
    made = train(shop.setup_of(shared, examples, settings=settings, source=shared.folder), versions)
    predictor = Predictor(versions.path(made.version), shared)
    found = predictor.predict(predictor.encode([each.observation for each in examples]))
    assert judge("", "", predictor.card.intents, examples, found).accuracy > 0.9
