"""CLIP and SigLIP by name: as transformers has them, and no other architecture."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModel

from models.clip import ClipEncoder, SiglipEncoder
from models.errors import EngineMissing
from tests.models.tiny_models import tiny_clip, tiny_resnet, tiny_siglip

PICTURES = [Image.effect_noise((64, 48), 80).convert("RGB"), Image.new("RGB", (30, 90), "teal")]
KINDS = [(ClipEncoder, tiny_clip), (SiglipEncoder, tiny_siglip)]


@pytest.mark.parametrize(("engine", "make"), KINDS)
def test_pictures_are_those_that_texts_are_compared_with(
    engine: type[ClipEncoder | SiglipEncoder], make: object, tmp_path: Path
) -> None:
    folder = make(tmp_path / "model")
    processor, model = AutoImageProcessor.from_pretrained(folder), AutoModel.from_pretrained(folder)
    with torch.inference_mode():
        found = model.get_image_features(**processor(PICTURES, return_tensors="pt"))
    theirs = torch.nn.functional.normalize(getattr(found, "pooler_output", found), dim=1)
    np.testing.assert_allclose(engine(str(folder)).encode(PICTURES), theirs.numpy(), atol=1e-4)


@pytest.mark.parametrize(("engine", "told"), [(ClipEncoder, "not clip"), (SiglipEncoder, "siglip")])
def test_another_architecture_is_refused(
    engine: type[ClipEncoder | SiglipEncoder], told: str, tmp_path: Path
) -> None:
    with pytest.raises(EngineMissing, match=f"of the architecture resnet, .*{told}") as refused:
        engine(str(tiny_resnet(tmp_path / "model")))
    assert "engine: transformers" in refused.value.remedy


def test_a_public_model_is_wanted_where_none_is_named() -> None:
    assert ClipEncoder.weights().repository == "openai/clip-vit-base-patch32"
    assert SiglipEncoder.weights().repository == "google/siglip-base-patch16-224"
