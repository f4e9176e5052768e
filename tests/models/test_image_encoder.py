import random
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from models.small_image_encoder import WEIGHTS, SmallImageEncoder
from models.training.disturbances import disturb
from models.training.screens import draw_screen

_UNSEEN = 20_000_000
"""Seeds of pictures that neither the training nor its measurement has drawn."""


@pytest.fixture(scope="module")
def encoder() -> SmallImageEncoder:
    return SmallImageEncoder()


def test_each_picture_gets_a_vector_of_length_one(encoder: SmallImageEncoder) -> None:
    pictures = [
        draw_screen(_UNSEEN),
        Image.new("L", (1, 1)),
        Image.new("RGBA", (3000, 20), (1, 2, 3, 4)),
    ]
    vectors = encoder.encode(pictures)
    assert vectors.shape == (3, encoder.dimensions)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert encoder.encode([]).shape == (0, encoder.dimensions)


def test_a_picture_alone_is_seen_as_it_is_among_others(encoder: SmallImageEncoder) -> None:
    pictures = [draw_screen(_UNSEEN + number) for number in range(3)]
    alone = np.concatenate([encoder.encode([picture]) for picture in pictures])
    np.testing.assert_allclose(encoder.encode(pictures), alone, atol=1e-4)


def test_a_photographed_screen_is_nearest_to_itself(encoder: SmallImageEncoder) -> None:
    rng = random.Random(5)
    screens = [draw_screen(_UNSEEN + number) for number in range(40)]
    photographs = [disturb(screen, rng) for screen in screens]
    nearest = (encoder.encode(photographs) @ encoder.encode(screens).T).argmax(axis=1)
    assert (nearest == np.arange(40)).mean() >= 0.85


def test_the_weights_are_small() -> None:
    assert WEIGHTS.stat().st_size <= 4 * 1024 * 1024


def test_looking_needs_no_torch() -> None:
    script = (
        "import sys; from PIL import Image; from models.small_image_encoder import"
        " SmallImageEncoder; SmallImageEncoder().encode([Image.new('RGB', (9, 9))]);"
        " sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
