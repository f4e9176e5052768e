"""Where an engine of torch runs, in which numbers, and whether it fits there."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from models.errors import EngineMissing
from models.memory import available_bytes

if TYPE_CHECKING:
    import torch

Device = Literal["cpu", "cuda", "mps"]
Numbers = Literal["float32", "float16", "bfloat16"]
BYTES: dict[Numbers, int] = {"float32": 4, "float16": 2, "bfloat16": 2}

_SPARE = 1.2
"""A model takes as much more as this while it is loaded and run on one text or picture."""


def torch_device(asked: str = "auto") -> Device:
    """`auto`: a graphics card of Nvidia's or AMD's, else Apple's, else the processor.

    Raises `EngineMissing` if the one that is asked for is not there.
    """
    import torch

    mps = torch.backends.mps.is_available()
    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if mps else "cpu"
    if asked == "cpu" or (asked == "mps" and mps):
        return "cpu" if asked == "cpu" else "mps"
    if asked == "cuda" and torch.cuda.is_available():
        return "cuda"
    if asked not in ("cuda", "mps"):
        raise EngineMissing(
            f"there is no device {asked!r}", remedy="`device:` is auto, cpu, cuda or mps"
        )
    raise EngineMissing(
        f"`device: {asked}` cannot be used: {_why_not(asked)}",
        remedy="set `device: cpu` or leave it out in frontdesk.yaml, or mend that",
    )


def _why_not(asked: str) -> str:
    import torch

    if asked == "mps":
        return "this is no Mac with a graphics processor that PyTorch can use"
    if torch.version.cuda is None and torch.version.hip is None:
        return (
            f"the installed PyTorch {torch.__version__} is built for processors alone; "
            "https://pytorch.org/get-started tells how to install the other one"
        )
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides every card"
    return "no graphics card answers; `nvidia-smi` should list one"


def torch_numbers(asked: str, device: Device) -> "torch.dtype":
    """The type of a model's numbers. `auto`: half precision on a graphics card, whole elsewhere.

    Raises `EngineMissing` for one that there is not.
    """
    import torch

    if asked == "auto":
        if device != "cuda":
            return torch.float32
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if asked not in BYTES:
        raise EngineMissing(
            f"there are no numbers {asked!r}", remedy=f"`dtype` is auto, {', '.join(BYTES)}"
        )
    numbers: torch.dtype = getattr(torch, asked)
    return numbers


def require_memory(size_bytes: int, device: Device, what: str | Path) -> None:
    """Raises `EngineMissing` if weights of this size would not fit, before any is loaded."""
    free = _free_bytes(device)
    needed = round(size_bytes * _SPARE)
    if free is not None and needed > free:
        place = "this machine" if device == "cpu" else "the graphics card"
        raise EngineMissing(
            f"{what} needs {needed / 1e9:.1f} GB of memory, and {place} has "
            f"{free / 1e9:.1f} GB free",
            remedy="choose a smaller model, or one in int8"
            + ("" if device == "cpu" else ", or `device: cpu`"),
        )


def _free_bytes(device: Device) -> int | None:
    if device == "cpu":
        return available_bytes()
    if device == "mps":
        return None  # it shares the processor's, and moves what is not in use
    import torch

    free: int = torch.cuda.mem_get_info()[0]
    return free
