from pathlib import Path

import pytest
import torch

from models.minilm import MiniLM
from models.understanding.compression import prune, student_of
from models.understanding.encoder import TunedEncoder, layers_of
from models.understanding.judging import judge
from models.understanding.predictor import Predictor
from models.understanding.settings import Settings, Smaller, Tune
from models.understanding.training import train
from models.understanding.versions import Versions
from tests.models.understanding import shop
from tests.models.understanding.shop import setup_of


def _weights(encoder: TunedEncoder) -> int:
    return sum(parameter.numel() for parameter in encoder.model.parameters())


def test_pruning_takes_the_weakest_neurons(tiny_bert: Path) -> None:
    encoder = TunedEncoder(tiny_bert, Tune.FULL).eval()
    with torch.no_grad():
        for layer in layers_of(encoder.model):
            layer.intermediate.dense.weight[:32] *= 1e-4
            layer.intermediate.dense.bias[:32] = 0
    before, count = encoder.encode(["cancel my order"]), _weights(encoder)
    prune(encoder, 0.5)
    assert torch.allclose(encoder.encode(["cancel my order"]), before, atol=1e-3)
    assert _weights(encoder) < count


def test_a_student_has_every_second_layer_with_the_last(tiny_bert: Path) -> None:
    encoder = TunedEncoder(tiny_bert, Tune.FULL)
    whole = layers_of(encoder.model)
    student = student_of(encoder)
    kept = layers_of(student.model)
    assert len(kept) == 2
    for mine, his in zip(kept, (whole[0], whole[2]), strict=True):
        weights = (mine.output.dense.weight, his.output.dense.weight)
        assert torch.equal(*weights)
        assert weights[0] is not weights[1]
    assert not student.model.get_input_embeddings().weight.requires_grad


@pytest.mark.parametrize(
    ("smaller", "tune"),
    [
        (Smaller.PRUNED, Tune.FULL),
        (Smaller.DISTILLED, Tune.FULL),
        (Smaller.PRUNED, Tune.LORA),
    ],
)
def test_a_smaller_encoder_is_served_and_still_understands(
    smaller: Smaller, tune: Tune, versions: Versions, minilm: MiniLM, tiny_bert: Path
) -> None:
    settings = Settings(tune=tune, epochs=5, contrast=0.0, encoder_rate=1e-3, smaller=smaller)
    made = train(setup_of(minilm, shop.said(), settings=settings, source=tiny_bert), versions)
    predictor = Predictor(versions.path(made.version), minilm)
    examples = shop.said()
    found = predictor.predict(predictor.encode([each.observation for each in examples]))
    assert judge("", "", predictor.card.intents, examples, found).accuracy > 0.9
