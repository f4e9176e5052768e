import pytest
import torch
from torch import Tensor

from models.understanding.features import modalities
from models.understanding.fusion import FUSIONS, Fusion, Late
from models.understanding.network import Network, Shape

WAYS = modalities(text_dimensions=16, image_dimensions=6)
EVERY = pytest.mark.parametrize("name", sorted(FUSIONS))


def _inputs(rows: int = 5) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    torch.manual_seed(0)
    tokens = {way.name: torch.randn(rows, min(way.most, 3), way.width) for way in WAYS}
    present = {name: torch.ones(t.shape[:2], dtype=torch.bool) for name, t in tokens.items()}
    return tokens, present


def _fusion(name: str) -> Fusion:
    """With weights as after some training: those it begins with ignore most modalities."""
    torch.manual_seed(1)
    fusion = FUSIONS[name](WAYS, 16)
    with torch.no_grad():
        for parameter in fusion.parameters():
            parameter += torch.randn_like(parameter) * 0.1
    return fusion.eval()


@EVERY
def test_views_and_gate_have_their_shapes(name: str) -> None:
    fusion = _fusion(name)
    views, gate = fusion(*_inputs())
    assert views.shape == (5, fusion.views, fusion.width)
    assert torch.allclose(gate.sum(1), torch.ones(5))


@EVERY
@pytest.mark.parametrize("missing", ["text", "screen", "image", "prosody", "history"])
def test_what_stands_where_a_modality_is_missing_has_no_influence(name: str, missing: str) -> None:
    fusion = _fusion(name)
    tokens, present = _inputs()
    present[missing][:] = False
    tokens[missing][:] = 0
    before = fusion(tokens, present)
    if missing != "text" and name != "linear":  # there missing tokens are zero by contract
        tokens[missing] = torch.randn_like(tokens[missing])
    after = fusion(tokens, present)
    joined = [(views * gate.unsqueeze(-1)).sum(1) for views, gate in (before, after)]
    assert torch.allclose(*joined, atol=1e-4)


@EVERY
@pytest.mark.parametrize("modality", ["text", "screen", "image", "prosody", "history"])
def test_every_modality_can_be_heard(name: str, modality: str) -> None:
    fusion = _fusion(name)
    tokens, present = _inputs()
    before, gate = fusion(tokens, present)
    tokens[modality] = tokens[modality] + 1
    after, other = fusion(tokens, present)
    assert not torch.allclose(before * gate.unsqueeze(-1), after * other.unsqueeze(-1), atol=1e-4)


@EVERY
def test_nothing_at_all_gives_finite_outputs(name: str) -> None:
    network = Network(WAYS, Shape(name, 4, 16)).eval()
    tokens = {way.name: torch.zeros(2, 1, way.width) for way in WAYS}
    present = {way.name: torch.zeros(2, 1, dtype=torch.bool) for way in WAYS}
    assert all(value.isfinite().all() for value in network(tokens, present))


def test_late_fusion_believes_no_modality_that_is_missing() -> None:
    fusion = _fusion("late")
    assert isinstance(fusion, Late)
    tokens, present = _inputs()
    present["image"][:] = False
    _, gate = fusion(tokens, present)
    assert gate[:, 2].max() < 1e-6


def test_early_fusion_begins_with_the_words_own_vector() -> None:
    tokens, present = _inputs()
    for name in ("concatenation", "attention"):
        views, _ = FUSIONS[name](WAYS, 16).eval()(tokens, present)
        assert torch.allclose(views[:, 0], tokens["text"][:, 0])
