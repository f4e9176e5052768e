"""What is trained: the network with the text encoder before it, and how rows of a dataset go in."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.understanding.dataset import Dataset
from models.understanding.encoder import TunedEncoder
from models.understanding.network import Network, Outputs

_EVALUATED_AT_ONCE = 256


class Model(nn.Module):
    """The network, and the text encoder before it where that is trained as well."""

    def __init__(self, network: Network, encoder: TunedEncoder | None) -> None:
        super().__init__()
        self.network = network
        self.encoder = encoder

    def forward(
        self,
        tokens: dict[str, Tensor],
        present: dict[str, Tensor],
        words: dict[str, Tensor] | None = None,
        disturbance: Tensor | None = None,
    ) -> tuple[Outputs, Tensor, Tensor]:
        """The outputs, the texts' vectors that they came from (n, 1, width), and the tasks' log
        variances: what is used of a model must come out of it, for its processes to agree."""
        text = tokens["text"]
        if self.encoder is not None and words is not None:
            encoded: Tensor = self.encoder(**words).unsqueeze(1)
            text = encoded * present["text"].unsqueeze(-1)
        elif self.training and not text.requires_grad:
            text = text.requires_grad_()
        shifted = text if disturbance is None else text + disturbance
        out = self.network({**tokens, "text": shifted}, present)
        return out, text, self.network.log_variance.clone()


def inputs_of(
    model: Model,
    data: Dataset,
    rows: NDArray[np.int64],
    keep: dict[str, NDArray[np.bool_]] | None,
    device: torch.device,
) -> dict[str, Any]:
    """What `Model.forward` takes for these rows. `keep`: see `dataset.kept`."""
    batch = data.features.batch(rows, keep)
    tokens = {name: torch.from_numpy(values).to(device) for name, values in batch.tokens.items()}
    present = {name: torch.from_numpy(there).to(device) for name, there in batch.present.items()}
    found: dict[str, Any] = {"tokens": tokens, "present": present}
    if model.encoder is not None:
        words = model.encoder.tokens([data.texts[row] for row in rows])
        found["words"] = {name: value.to(device) for name, value in words.items()}
    return found


@torch.no_grad()
def run(model: Model, data: Dataset, device: torch.device | None = None) -> Outputs:
    """The outputs for all rows, without dropout, in their order."""
    device = device or torch.device("cpu")
    model.eval()
    lengths = np.array([len(text) for text in data.texts])
    order = np.argsort(lengths, kind="stable")
    parts = []
    for at in range(0, len(order), _EVALUATED_AT_ONCE):
        inputs = inputs_of(model, data, order[at : at + _EVALUATED_AT_ONCE], None, device)
        out, _, _ = model(**inputs)
        parts.append([value.float().cpu() for value in out])
    back = torch.from_numpy(np.argsort(order))
    return Outputs(*(torch.cat(column)[back] for column in zip(*parts, strict=True)))
