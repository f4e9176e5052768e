"""What a training starts from: examples, encoders, and the settings with what is left to choose."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models.text_encoder import TextEncoder
from models.understanding.observation import Example
from models.understanding.settings import AUTOMATIC, Settings, Tune

FEW = 2_000
"""Examples below which a trained encoder learns better gently, in larger batches, and with
the help of `contrast`."""
_FROZEN_BATCH, _TUNED_BATCH, _FEW_BATCH = 128, 32, 64
_TUNED_RATE, _FEW_RATE = 1.5e-4, 5e-5
_FROZEN_STEPS, _TUNED_STEPS = 1_200, 300
_FROZEN_EPOCHS, _TUNED_EPOCHS = (12, 60), (5, 12)


@dataclass(frozen=True)
class Setup:
    """What a training starts from."""

    examples: tuple[Example, ...]
    titles: Mapping[str, Sequence[str]]
    """Every intent → other names for it, as a customer might read or say them."""
    general: tuple[Example, ...]
    """Examples of manner, and of what is out of scope anywhere; they belong to no business."""
    text_encoder: TextEncoder
    text_source: Path
    """Its weights as transformers loads them, for training it further."""
    image_encoder: str
    image_dimensions: int
    settings: Settings
    held_out: tuple[Example, ...] = ()
    """Examples to stop, calibrate and judge by, where there are some of their own; else a share
    of `examples`."""
    warnings: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Of all that a training depends on: the same training goes on after a kill, another does
        not take its checkpoints."""
        seen = hashlib.sha256()
        for example in (*self.examples, *self.general, *self.held_out):
            seen.update(repr(example).encode())
        titles = {name: tuple(texts) for name, texts in sorted(self.titles.items())}
        seen.update(repr((titles, self.text_encoder.name, self.image_encoder)).encode())
        seen.update(repr(self.settings).encode())
        return seen.hexdigest()


def settled(settings: Settings, examples: Sequence[Example]) -> Settings:
    """The settings with what was left to be chosen."""
    count = len(examples)
    seen = any(each.observation.lines or each.observation.image for each in examples)
    fusion = settings.fusion
    if fusion == AUTOMATIC:
        fusion = "attention" if seen else "concatenation"
    tuned = settings.tune is not Tune.NONE
    few = tuned and count < FEW
    usual = (_FEW_BATCH if few else _TUNED_BATCH) if tuned else _FROZEN_BATCH
    batch = settings.batch or usual
    steps, (least, most) = (
        (_TUNED_STEPS, _TUNED_EPOCHS) if tuned else (_FROZEN_STEPS, _FROZEN_EPOCHS)
    )
    return replace(
        settings,
        fusion=fusion,
        batch=batch,
        epochs=settings.epochs or int(np.clip(steps * batch // max(count, 1), least, most)),
        encoder_rate=settings.encoder_rate or (_FEW_RATE if few else _TUNED_RATE),
        contrast=settings.contrast if settings.contrast >= 0 else float(few),
    )
