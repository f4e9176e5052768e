"""Any image encoder that transformers can load, by configuration: CLIP, SigLIP, ResNet, and others.

Of a model for pictures and texts, the picture's half is used; its vectors are those that such a
model compares with texts (Radford et al., https://arxiv.org/abs/2103.00020). Others give what they
sum a picture up in: their pooled output, or the mean of its parts.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.device import Numbers, torch_device, torch_numbers
from models.downloads import Weights
from models.one_core import one_core
from models.placed_model import PlacedModel, device_of
from models.transformers_folder import (
    LOCAL,
    digest_of,
    load_model,
    loading,
    model_folder,
    transformers_weights,
)

if TYPE_CHECKING:
    import torch

RECIPE = 1
"""Raised when the same files are to give other vectors."""
AT_ONCE = 16
"""Pictures in one run; bounds its memory."""
NARROWEST = 8
"""A picture so many times longer than wide is widened with grey: processors bring the short side
to the model's size, and the long one would grow without bounds."""
_PROJECTED = "CLIPVisionModelWithProjection"


class TransformersImageEncoder:
    """Implements `models.image_encoder.ImageEncoder`. A run takes one core, or the GPU."""

    def __init__(self, model: str, device: str = "auto", dtype: Numbers = "float32") -> None:
        """`model`: a folder, or the name of a model on the hub.

        Raises `EngineMissing` if it is neither, damaged, too large, or no image encoder.
        """
        from transformers import AutoConfig, AutoImageProcessor

        folder = model_folder(model)
        processors: Any = AutoImageProcessor
        with loading(folder):
            config = AutoConfig.from_pretrained(folder, **LOCAL)
            self._processor = processors.from_pretrained(folder, **LOCAL)
        projected = _PROJECTED in (config.architectures or ())
        where = torch_device(device)
        loaded = load_model(
            folder,
            _PROJECTED if projected else "AutoModel",
            device=where,
            numbers=torch_numbers(dtype, where),
        )
        whole: Any = loaded.model
        self._has_pooler = loaded.has_pooler
        if hasattr(whole, "get_image_features") and hasattr(whole, "text_model"):
            del whole.text_model  # half of the memory, and never run
        self._model: PlacedModel[Any] = PlacedModel(whole, "image_encoder")
        self._name = f"{config.model_type}/{digest_of(folder)[:12]}/{RECIPE}"
        with loading(folder, f"used as an image encoder, for it is a {config.model_type}"):
            # A model for something else loads as well, and fails here.
            first = self._run([Image.new("RGB", (64, 48), "grey")])
        self._dimensions: int = first.shape[1]

    @staticmethod
    def weights(model: str) -> Weights:
        """See `models.downloads.Downloading`."""
        return transformers_weights(model)

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimensions(self) -> int:
        return self._dimensions

    def encode(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        vectors = np.empty((len(images), self._dimensions), np.float32)
        for at in range(0, len(images), AT_ONCE):
            vectors[at : at + AT_ONCE] = self._run(images[at : at + AT_ONCE])
        return vectors

    def _run(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        return np.stack(self._model.run(self._vectors, images))

    def _vectors(self, model: Any, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        import torch
        from torch.nn import functional

        seen = self._processor([_not_narrow(each) for each in images], return_tensors="pt")
        seen = seen.to(device_of(model), model.dtype)
        with one_core(), torch.inference_mode():
            if hasattr(model, "get_image_features"):
                found = model.get_image_features(**seen)
            else:
                found = model(**seen)
            vectors = functional.normalize(self._summed_up(found).float(), dim=1)
        rows: NDArray[np.float32] = vectors.cpu().numpy()
        return rows

    def _summed_up(self, found: Any) -> "torch.Tensor":
        """What a model gives for each picture, (n, dimensions)."""
        import torch

        if isinstance(found, torch.Tensor):
            return found.flatten(1)
        projected: torch.Tensor | None = getattr(found, "image_embeds", None)
        if projected is not None:
            return projected
        pooled: torch.Tensor | None = getattr(found, "pooler_output", None)
        if pooled is not None and self._has_pooler:
            return pooled.flatten(1)
        parts: torch.Tensor = found.last_hidden_state
        # Tokens (n, k, width), or what convolutions leave, (n, width, height, width).
        return parts.mean(1) if parts.dim() == 3 else parts.flatten(2).mean(2)


def _not_narrow(image: Image.Image) -> Image.Image:
    image = image.convert("RGB")
    least = max(image.size) // NARROWEST
    if min(image.size) >= least:
        return image
    size = (max(image.width, least), max(image.height, least))
    widened = Image.new("RGB", size, (128, 128, 128))
    widened.paste(image, ((size[0] - image.width) // 2, (size[1] - image.height) // 2))
    return widened
