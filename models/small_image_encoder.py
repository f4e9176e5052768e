"""The embedded image encoder: a small convolutional net, trained by this project.

It tells whether two pictures show the same screen, however they were cut, photographed or
compressed. `models/training/train_image_encoder.py` made its weights; the figures that it reached
lie beside them.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from models.downloads import Weights
from models.errors import EngineMissing

WEIGHTS = Path(__file__).parent / "weights" / "small_image_encoder.onnx"
SIDE = 128
"""Pixels of the square that a picture is fitted into."""
DIMENSIONS = 128


class SmallImageEncoder:
    """Implements `models.image_encoder.ImageEncoder`."""

    def __init__(self, threads: int = 1) -> None:
        """Raises `EngineMissing` if the weights are not there."""
        try:
            weights = WEIGHTS.read_bytes()
        except OSError as error:
            raise EngineMissing(
                f"the image encoder's weights cannot be read: {error}",
                remedy="pip install --force-reinstall frontdesk",
            ) from error
        self._name = f"small-{hashlib.sha256(weights).hexdigest()[:12]}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            weights, options, providers=["CPUExecutionProvider"]
        )

    @staticmethod
    def weights() -> Weights:
        """See `models.downloads.Downloading`."""
        return Weights("small image encoder", "Apache-2.0", path=WEIGHTS)

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimensions(self) -> int:
        return DIMENSIONS

    def encode(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        if not images:
            return np.zeros((0, DIMENSIONS), np.float32)
        vectors: NDArray[np.float32]
        (vectors,) = self._session.run(None, {"images": np.stack([fit(each) for each in images])})
        return vectors


def fit(image: Image.Image) -> NDArray[np.float32]:
    """A picture as the net takes it: fitted into a grey square, shape (3, SIDE, SIDE), -1 to 1."""
    image = image.convert("RGB")
    scale = SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    square = Image.new("RGB", (SIDE, SIDE), (128, 128, 128))
    resized = image.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
    square.paste(resized, ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    pixels: NDArray[np.float32] = np.asarray(square, np.float32).transpose(2, 0, 1) / 127.5 - 1
    return pixels
