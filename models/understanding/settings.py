"""How a model is trained: every choice with its default."""

from dataclasses import dataclass
from enum import StrEnum

from models.errors import ModelError

AUTOMATIC = "auto"


class Tune(StrEnum):
    """How much of the text encoder is trained with the rest."""

    NONE = "none"
    LAST = "last"
    """Its last two layers."""
    FULL = "full"
    """All but the embeddings of words: those hold half of the weights, and few examples touch few
    of them."""
    LORA = "lora"


class Balance(StrEnum):
    """What is done about intents with few examples beside others with many."""

    NONE = "none"
    RESAMPLE = "resample"
    """They are drawn more often."""
    WEIGHT = "weight"
    """Their examples count more."""
    FOCAL = "focal"
    """Examples that are hard count more (Lin et al., 2017)."""


class Smaller(StrEnum):
    """What is done to make a trained text encoder smaller and faster; some accuracy goes."""

    NONE = "none"
    PRUNED = "pruned"
    """Half of the neurons of each layer go."""
    DISTILLED = "distilled"
    """Half of the layers go, and what is left learns to give the vectors of the whole."""


class Precision(StrEnum):
    """In what numbers the encoder is computed while it is trained."""

    AUTO = "auto"
    """`bf16` where the processor has instructions for it, else `fp32`."""
    FP32 = "fp32"
    BF16 = "bf16"


@dataclass(frozen=True)
class Settings:
    """Options of a training."""

    fusion: str = AUTOMATIC
    """`attention`, `concatenation`, `late` or `linear`, see `models.understanding.fusion`; or
    `auto`: attention where examples show pictures, else concatenation."""
    tune: Tune = Tune.NONE
    """How much of the text encoder is trained as well."""
    epochs: int = 0
    """Passes over the examples at most; 0 chooses by how many examples there are."""
    batch: int = 0
    """Examples in a step; 0 chooses: 32 where the text encoder is trained (64 on few
    examples), else 128."""
    rate: float = 5e-4
    """Learning rate of the fusion and the heads (AdamW)."""
    encoder_rate: float = 0.0
    """Learning rate of the text encoder; 0 chooses: 5e-5 on few examples, else 1.5e-4."""
    seed: int = 1
    validation: float = 0.1
    """Share of the examples held out to know when to stop and how sure to be. Then a model is
    trained on all of them."""
    contrast: float = -1.0
    """Weight of the supervised contrastive loss (Khosla et al., 2020), which draws the vectors of
    one intent together; -1 chooses: 1 where the encoder is trained on few examples, else 0."""
    patience: int = 4
    """Epochs without a better validation loss before the training stops."""
    modality_dropout: float = 0.2
    """How likely an example lacks one of its modalities in an epoch."""
    adversarial: float = 0.0
    """Length of the disturbance, by the gradient, of each vector in a second pass (Miyato et al.,
    2017); 0 leaves that pass out."""
    balance: Balance = Balance.WEIGHT
    smaller: Smaller = Smaller.NONE
    shard: bool = False
    """Each process holds a share of the text encoder's weights; for encoders too large for one."""
    precision: Precision = Precision.AUTO
    dropout: bool = True
    """Whether the network's own dropout is on; off where runs are to be compared number by
    number."""

    def __post_init__(self) -> None:
        """Raises `ModelError` for what can be done to a trained text encoder alone."""
        for name, wanted in (
            ("smaller", self.smaller is not Smaller.NONE),
            ("shard", self.shard),
        ):
            if wanted and self.tune is Tune.NONE:
                raise ModelError(
                    f"`{name}` is for a text encoder that is trained as well; `tune` is `none`"
                )
