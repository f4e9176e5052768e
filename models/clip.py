"""Models of pictures and texts by name: CLIP and SigLIP, of which the picture's half is used.

Radford et al., https://arxiv.org/abs/2103.00020; Zhai et al., https://arxiv.org/abs/2303.15343.
"""

from typing import ClassVar

from models.device import Numbers
from models.downloads import Weights
from models.transformers_folder import require_kind, transformers_weights
from models.transformers_image_encoder import TransformersImageEncoder


class ClipEncoder(TransformersImageEncoder):
    """Implements `models.image_encoder.ImageEncoder`."""

    kinds: ClassVar = ("clip", "clip_vision_model", "metaclip_2", "chinese_clip", "altclip")

    def __init__(
        self,
        model: str = "openai/clip-vit-base-patch32",
        device: str = "auto",
        dtype: Numbers = "float32",
    ) -> None:
        """Raises `EngineMissing` as its parent does, and for a model of another architecture."""
        require_kind(model, self.kinds)
        super().__init__(model, device, dtype)

    @staticmethod
    def weights(model: str = "openai/clip-vit-base-patch32") -> Weights:
        """See `models.downloads.Downloading`."""
        return transformers_weights(model)


class SiglipEncoder(TransformersImageEncoder):
    """Implements `models.image_encoder.ImageEncoder`."""

    kinds: ClassVar = ("siglip", "siglip_vision_model", "siglip2", "siglip2_vision_model")

    def __init__(
        self,
        model: str = "google/siglip-base-patch16-224",
        device: str = "auto",
        dtype: Numbers = "float32",
    ) -> None:
        """Raises `EngineMissing` as its parent does, and for a model of another architecture."""
        require_kind(model, self.kinds)
        super().__init__(model, device, dtype)

    @staticmethod
    def weights(model: str = "google/siglip-base-patch16-224") -> Weights:
        """See `models.downloads.Downloading`."""
        return transformers_weights(model)
