"""Pictures to vectors: the protocol. The default is `models.small_image_encoder`."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image


class ImageEncoder(Protocol):
    """Maps pictures into a space where a smaller angle means that they look more alike."""

    @property
    def name(self) -> str:
        """Changes whenever the vectors would."""

    @property
    def dimensions(self) -> int:
        """Length of each vector."""

    def encode(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """One vector per picture: shape (len(images), dimensions), each of length 1.

        May be called from several threads. Blocks.
        """
