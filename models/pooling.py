"""How the vectors of a text's tokens become the vector of the text."""

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import EngineMissing

if TYPE_CHECKING:
    from torch import Tensor

_FILE = "1_Pooling/config.json"
_PREFIX, _NUMBER = "pooling_mode_", re.compile("_tokens?$")


class Pooling(StrEnum):
    """Which tokens count, by the names of sentence-transformers."""

    MEAN = "mean"
    """All of them alike (Reimers and Gurevych, https://arxiv.org/abs/1908.10084)."""
    ROOT = "mean_sqrt_len"
    """The same, divided by the root of their number."""
    CLS = "cls"
    """The first, which was trained to stand for the whole."""
    LAST = "lasttoken"
    """The last, which has seen all others: of models that read one way."""
    LATER = "weightedmean"
    """Later ones more (Muennighoff, https://arxiv.org/abs/2202.08904)."""

    def pooled(self, tokens: Any, mask: Any) -> Any:
        """`tokens` (n, k, width) and `mask` (n, k), 1 for a token and then 0 for padding, both
        float arrays of numpy or both tensors, to the same, (n, width)."""
        return (tokens * self._weights(mask)[..., None]).sum(1)

    def of(self, tokens: "Tensor", mask: "Tensor") -> "Tensor":
        """The same of tensors of any type, brought to length 1."""
        from torch.nn import functional

        return functional.normalize(self.pooled(tokens.float(), mask.float()), dim=1)

    def _weights(self, mask: Any) -> Any:
        total = mask.sum(1)[:, None]
        place = mask.cumsum(1) * mask
        if self is Pooling.CLS:
            return mask * (place == 1)
        if self is Pooling.LAST:
            return mask * (place == total)
        if self is Pooling.LATER:
            return place / place.sum(1)[:, None]
        return mask / (total**0.5 if self is Pooling.ROOT else total)


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
        leaves_out = said.get("include_prompt") is False
    except (OSError, ValueError, AttributeError) as error:
        raise EngineMissing(
            f"{file} cannot be read: {error}", remedy="copy the model's folder again, whole"
        ) from error
    if leaves_out:
        raise EngineMissing(
            f"{file} asks for a pooling that leaves out the prompt",
            remedy="choose another text encoder",
        )
    if len(modes) != 1 or modes[0] not in list(Pooling):
        raise EngineMissing(
            f"{file} asks for the pooling {' and '.join(modes) or 'of nothing'}",
            remedy=f"choose a text encoder that pools by one of: {', '.join(Pooling)}",
        )
    return Pooling(modes[0])


def _modes(said: dict[str, object]) -> list[str]:
    """Older files have a switch for each mode, newer ones its name."""
    named = said.get("pooling_mode")
    if named is None:
        named = [name for name, on in said.items() if name.startswith(_PREFIX) and on is True]
    several = named if isinstance(named, list) else [named]
    names = [str(name) for name in several]
    return [_NUMBER.sub("", name.removeprefix(_PREFIX)) for name in names]
