from pathlib import Path

import torch

from models.understanding.encoder import ROWS_AT_ONCE, TunedEncoder
from models.understanding.settings import Tune
from tests.models.understanding import shop


def test_texts_are_encoded_alike_however_many_come_together(tiny_bert: Path) -> None:
    encoder = TunedEncoder(tiny_bert, Tune.FULL).eval()
    texts = [each.observation.text for each in shop.said()]
    texts.append("where is my order and my refund " * 12)
    assert len(texts) > 2 * ROWS_AT_ONCE
    with torch.no_grad():
        together = encoder.encode(texts)
        alone = torch.cat([encoder.encode([text]) for text in texts])
        encoder.rows_at_once = None
        padded = encoder.encode(texts)
    assert torch.allclose(together, alone, atol=1e-5)
    assert torch.allclose(together, padded, atol=1e-5)


def test_what_is_learned_does_not_depend_on_the_parts(tiny_bert: Path) -> None:
    texts = [each.observation.text for each in shop.said()]
    gradients = []
    for rows in (ROWS_AT_ONCE, None):
        encoder = TunedEncoder(tiny_bert, Tune.FULL).eval()
        encoder.rows_at_once = rows
        encoder.encode(texts)[:, 0].sum().backward()
        gradients.append([w.grad for w in encoder.model.parameters() if w.grad is not None])
    assert gradients[0]
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, atol=1e-4)
