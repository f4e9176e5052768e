"""What happened in a training, for its report."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Epoch:
    """One pass over the examples."""

    number: int
    """From 1."""
    loss: float
    validation_loss: float
    """nan where nothing was held out."""
    validation_accuracy: float
    """Of the intents, 0 to 1; nan where nothing was held out."""
    seconds: float
    task_losses: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingRun:
    """A training from its first to its last epoch."""

    version: str
    started_at: float
    """Epoch seconds."""
    seconds: float
    seed: int
    settings: dict[str, str]
    epochs: tuple[Epoch, ...]
    stopped_early: bool
    best_epoch: int
    examples: int
    intents: int
    by_modality: dict[str, int]
    """Modality → examples that have it."""
    warnings: tuple[str, ...] = ()
