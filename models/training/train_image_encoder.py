"""Trains the embedded image encoder: `python -m models.training.train_image_encoder`.

Contrastive learning as in SimCLR (Chen et al., 2020): two disturbed copies of a picture are to lie
closer together than to every other picture of the batch. The pictures are drawn by `screens.py`.
"""

import argparse
import json
import random
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset

from models.small_image_encoder import DIMENSIONS, SIDE, WEIGHTS, SmallImageEncoder, fit
from models.training.disturbances import disturb
from models.training.screens import draw_screen

_WIDTHS = (24, 48, 96, 160, 256)
_CARD = WEIGHTS.with_suffix(".json")
_TEMPERATURE = 0.08
_HELD_OUT_FROM = 10_000_000
"""Seeds of pictures that training never sees."""
_HELD_OUT = 600


class Net(nn.Module):
    """(n, 3, SIDE, SIDE) → (n, DIMENSIONS), each row of length 1."""

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = [_convolution(3, _WIDTHS[0], stride=2)]
        for narrow, wide in pairwise(_WIDTHS):
            blocks += [_separable(narrow, wide, stride=2), _separable(wide, wide, stride=1)]
        self.blocks = nn.Sequential(*blocks)
        # Where something stands matters as much as that it is there: 2×2 cells, then one vector.
        self.cells = nn.AdaptiveAvgPool2d(2)
        self.head = nn.Linear(_WIDTHS[-1] * 4, DIMENSIONS)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.cells(self.blocks(images)).flatten(1)
        return functional.normalize(self.head(features), dim=1)


def _convolution(narrow: int, wide: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(narrow, wide, 3, stride, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU()
    )


def _separable(narrow: int, wide: int, stride: int) -> nn.Sequential:
    """Depthwise, then pointwise, as in MobileNet (Howard et al., 2017)."""
    return nn.Sequential(
        nn.Conv2d(narrow, narrow, 3, stride, 1, groups=narrow, bias=False),
        nn.BatchNorm2d(narrow),
        nn.ReLU(),
        nn.Conv2d(narrow, wide, 1, bias=False),
        nn.BatchNorm2d(wide),
        nn.ReLU(),
    )


class Batches(IterableDataset[torch.Tensor]):
    """Endless batches of shape (2 × size, 3, SIDE, SIDE): rows n and n + size are a pair."""

    def __init__(self, seed: int, size: int) -> None:
        self._seed, self._size = seed, size

    def __iter__(self) -> Iterator[torch.Tensor]:
        rng = random.Random(self._seed)
        number = 0
        while True:
            pictures = [draw_screen(number + offset) for offset in range(self._size)]
            number += self._size
            copies = [fit(disturb(picture, rng)) for _ in range(2) for picture in pictures]
            yield torch.from_numpy(np.stack(copies))


def loss_of(vectors: torch.Tensor) -> torch.Tensor:
    """NT-Xent over a batch in which rows n and n + size are a pair."""
    likeness = vectors @ vectors.T / _TEMPERATURE
    likeness.fill_diagonal_(float("-inf"))
    size = len(vectors) // 2
    partners = torch.arange(2 * size).roll(size)
    return functional.cross_entropy(likeness, partners)


def train(minutes: float, size: int, seed: int) -> tuple[Net, int]:
    """The trained net and the number of steps that fitted into the time."""
    torch.manual_seed(seed)
    net = Net()
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-4)
    started, steps = time.monotonic(), 0
    drawn = DataLoader(Batches(seed, size), batch_size=None, num_workers=1, prefetch_factor=4)
    for batch in drawn:
        spent = (time.monotonic() - started) / (minutes * 60)
        if spent >= 1:
            break
        for group in optimizer.param_groups:  # warm-up, then a cosine down to nothing
            group["lr"] = 2e-3 * min(1, steps / 20) * (1 + float(np.cos(np.pi * spent))) / 2
        loss = loss_of(net(batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1
        if steps % 20 == 0:
            print(f"{spent:4.0%}  step {steps}  loss {loss.item():.3f}", flush=True)
    return net.eval(), steps


def export(net: Net, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        net,
        (torch.zeros(2, 3, SIDE, SIDE),),
        str(path),
        input_names=["images"],
        output_names=["vectors"],
        dynamic_shapes=({0: torch.export.Dim("n")},),
        external_data=False,
        dynamo=True,
    )


def recall(originals: NDArray[np.float32], copies: NDArray[np.float32]) -> float:
    """Share of copies whose nearest original is their own."""
    nearest = (copies @ originals.T).argmax(axis=1)
    return float((nearest == np.arange(len(copies))).mean())


def grey_pixels(images: list[Image.Image]) -> NDArray[np.float32]:
    """The plain baseline: 16×16 grey pixels, centred, of length 1."""
    rows = np.stack(
        [np.asarray(i.convert("L").resize((16, 16)), np.float32).ravel() for i in images]
    )
    rows -= rows.mean(axis=1, keepdims=True)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    return rows


def difference_hash(images: list[Image.Image]) -> NDArray[np.float32]:
    """64 bits: whether each pixel of 9×8 is darker than its neighbour."""
    rows = np.stack([np.asarray(i.convert("L").resize((9, 8)), np.int16) for i in images])
    bits = (rows[:, :, 1:] > rows[:, :, :-1]).reshape(len(images), -1)
    return np.where(bits, np.float32(0.125), np.float32(-0.125))


def measure(originals: list[Image.Image], seed: int) -> dict[str, float]:
    """Recall@1 of disturbed copies among their originals, of the net and of two baselines."""
    rng = random.Random(seed)
    copies = [disturb(image.convert("RGB"), rng) for image in originals]
    net = SmallImageEncoder()
    return {
        "net": round(recall(net.encode(originals), net.encode(copies)), 4),
        "grey pixels": round(recall(grey_pixels(originals), grey_pixels(copies)), 4),
        "difference hash": round(recall(difference_hash(originals), difference_hash(copies)), 4),
    }


def latency_ms() -> float:
    """Of one 1280×720 picture, fitting included; median of 50."""
    net, image = SmallImageEncoder(), draw_screen(_HELD_OUT_FROM).resize((1280, 720))
    times = []
    for _ in range(50):
        started = time.perf_counter()
        net.encode([image])
        times.append((time.perf_counter() - started) * 1000)
    return round(sorted(times)[25], 2)


def _write(card: dict[str, Any]) -> None:
    _CARD.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--batch", type=int, default=64, help="pictures a step")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--real", type=Path, help="a folder of real pictures to measure on too")
    parser.add_argument("--measure-only", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.measure_only:
        card = json.loads(_CARD.read_text("utf-8"))
    else:
        net, steps = train(arguments.minutes, arguments.batch, arguments.seed)
        export(net, WEIGHTS)
        card = {
            "data": "drawn by models/training/screens.py, disturbed by disturbances.py",
            "seed": arguments.seed,
            "minutes": arguments.minutes,
            "steps": steps,
            "batch": arguments.batch,
        }
        _write(card)
    held_out = [draw_screen(_HELD_OUT_FROM + number) for number in range(_HELD_OUT)]
    card["recall@1 of 600 held-out drawn pictures"] = measure(held_out, seed=2)
    if arguments.real:
        files = sorted(p for p in arguments.real.iterdir() if p.suffix in (".png", ".jpg"))
        pictures = [Image.open(file).convert("RGB") for file in files]
        card[f"recall@1 of {len(pictures)} real pictures"] = measure(pictures, seed=3)
    card["ms for one 1280×720 picture"] = latency_ms()
    card["bytes"] = WEIGHTS.stat().st_size
    _write(card)
    print(json.dumps(card, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
