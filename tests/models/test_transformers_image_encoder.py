"""Image encoders by configuration: CLIP, SigLIP, ResNet; their vectors, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, CLIPModel, ViTConfig, ViTImageProcessor, ViTModel

from models.errors import EngineMissing
from models.transformers_image_encoder import AT_ONCE, TransformersImageEncoder
from tests.models.tiny_models import (
    tiny_clip,
    tiny_clip_vision,
    tiny_resnet,
    tiny_siglip,
    tiny_text_encoder,
)

DIMENSIONS = {tiny_clip: 24, tiny_siglip: 16, tiny_resnet: 20}


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    numbers = np.random.default_rng(3)
    sizes = [(64, 48), (40, 90), (33, 32)] * 7
    return [
        Image.fromarray(numbers.integers(0, 256, (high, wide, 3), np.uint8)) for wide, high in sizes
    ]


@pytest.mark.parametrize("make", DIMENSIONS, ids=lambda make: make.__name__)
def test_one_vector_for_each_picture(
    make: Callable[[Path], Path], tmp_path: Path, pictures: list[Image.Image]
) -> None:
    encoder = TransformersImageEncoder(str(make(tmp_path / "encoder")))
    assert encoder.dimensions == DIMENSIONS[make]
    vectors = encoder.encode(pictures)
    assert len(pictures) > AT_ONCE
    assert vectors.shape == (len(pictures), encoder.dimensions)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alone = np.concatenate([encoder.encode([each]) for each in pictures])
    np.testing.assert_allclose(vectors, alone, atol=1e-5)
    assert (vectors[0] @ vectors[1]) < 0.99999
    assert encoder.encode([]).shape == (0, encoder.dimensions)


@pytest.mark.parametrize("make", DIMENSIONS, ids=lambda make: make.__name__)
def test_any_kind_of_picture_is_taken(make: Callable[[Path], Path], tmp_path: Path) -> None:
    encoder = TransformersImageEncoder(str(make(tmp_path / "encoder")))
    odd = [Image.new(mode, (50, 40)) for mode in ("L", "1", "P", "RGBA", "CMYK")]
    extreme = [Image.new("RGB", size) for size in ((1, 1), (2000, 1), (3, 1500))]
    assert np.isfinite(encoder.encode([*odd, *extreme])).all()


def test_clip_gives_what_it_compares_with_texts(
    tmp_path: Path, pictures: list[Image.Image]
) -> None:
    whole = tiny_clip(tmp_path / "whole")
    model, processor = CLIPModel.from_pretrained(whole), AutoImageProcessor.from_pretrained(whole)
    with torch.inference_mode():
        seen = model.vision_model(**processor(pictures[:1], return_tensors="pt"))
        expected = model.visual_projection(seen.pooler_output)[0].numpy()
    (vector,) = TransformersImageEncoder(str(whole)).encode(pictures[:1])
    np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-5)
    half = TransformersImageEncoder(str(tiny_clip_vision(whole, tmp_path / "half")))
    np.testing.assert_allclose(half.encode(pictures[:1])[0], vector, atol=1e-5)


def test_a_pooler_without_weights_is_not_used(tmp_path: Path, pictures: list[Image.Image]) -> None:
    """Classifiers are published without one; transformers makes a random one up at each start."""
    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=32,
        patch_size=8,
    )
    ViTModel(config, add_pooling_layer=False).save_pretrained(tmp_path)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    first, second = (TransformersImageEncoder(str(tmp_path)) for _ in range(2))
    np.testing.assert_allclose(first.encode(pictures), second.encode(pictures), atol=1e-6)


def test_the_name_goes_with_weights_and_preparation(tmp_path: Path) -> None:
    clip = tiny_clip(tmp_path / "clip")
    name = TransformersImageEncoder(str(clip)).name
    assert TransformersImageEncoder(str(clip)).name == name
    assert TransformersImageEncoder(str(tiny_siglip(tmp_path / "siglip"))).name != name
    file = clip / "preprocessor_config.json"
    file.write_text(file.read_text("utf-8").replace('"resample": 3', '"resample": 2'), "utf-8")
    assert TransformersImageEncoder(str(clip)).name != name


def test_damaged_folders_are_told(tmp_path: Path) -> None:
    clip = tiny_clip(tmp_path / "clip")
    weights = (clip / "model.safetensors").read_bytes()
    (clip / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(EngineMissing, match="clip cannot be loaded"):
        TransformersImageEncoder(str(clip))
    (clip / "model.safetensors").write_bytes(weights)
    (clip / "preprocessor_config.json").unlink()
    with pytest.raises(EngineMissing, match="clip cannot be loaded"):
        TransformersImageEncoder(str(clip))
    with pytest.raises(EngineMissing, match=r"there is no folder \.\./nowhere"):
        TransformersImageEncoder("../nowhere")


def test_a_model_for_texts_is_no_image_encoder(tmp_path: Path) -> None:
    folder = tiny_text_encoder(tmp_path / "words", "bert", ["some words"])
    with pytest.raises(EngineMissing, match="words cannot be loaded"):
        TransformersImageEncoder(str(folder))
