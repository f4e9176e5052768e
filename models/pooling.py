"""How the vectors of a text's tokens become the vector of the text."""

import json
import re
from enum import StrEnum
from pathlib import Path

from torch import Tensor
from torch.nn import functional

from models.errors import EngineMissing

_FILE = "1_Pooling/config.json"
_PREFIX, _NUMBER = "pooling_mode_", re.compile("_tokens?$")


class Pooling(StrEnum):
    """Which tokens count."""

    MEAN = "mean"
    """All of them alike (Reimers and Gurevych, https://arxiv.org/abs/1908.10084)."""
    CLS = "cls"
    """The first, which was trained to stand for the whole."""

    def of(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """`tokens` (n, k, width) and `mask` (n, k) to vectors of length 1, (n, width)."""
        if self is Pooling.CLS:
            return functional.normalize(tokens[:, 0].float(), dim=1)
        there = mask.unsqueeze(-1).float()
        mean = (tokens.float() * there).sum(1) / there.sum(1).clamp(min=1)
        return functional.normalize(mean, dim=1)


def pooling_of(folder: Path) -> Pooling:
    """What a sentence-transformers folder says; the mean where a folder says nothing.

    Raises `EngineMissing` if it says something else, or nothing that can be read.
    """
    file = folder / _FILE
    if not file.is_file():
        return Pooling.MEAN
    try:
        said = json.loads(file.read_text("utf-8"))
        modes = _modes(said)
    except (OSError, ValueError, AttributeError) as error:
        raise EngineMissing(
            f"{file} cannot be read: {error}", remedy="copy the model's folder again, whole"
        ) from error
    if len(modes) != 1 or modes[0] not in list(Pooling):
        raise EngineMissing(
            f"{file} asks for the pooling {' and '.join(modes) or 'of nothing'}",
            remedy=f"choose a text encoder that pools by one of: {', '.join(Pooling)}",
        )
    return Pooling(modes[0])


def _modes(said: dict[str, object]) -> list[str]:
    """Older files have a switch for each mode, newer ones its name."""
    if isinstance(said.get("pooling_mode"), str):
        return [str(said["pooling_mode"])]
    chosen = [name for name, on in said.items() if name.startswith(_PREFIX) and on is True]
    return [_NUMBER.sub("", name.removeprefix(_PREFIX)) for name in chosen]
