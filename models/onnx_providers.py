"""Where an engine of onnxruntime runs."""

import onnxruntime

from models.errors import EngineMissing

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


def onnx_providers(device: str) -> list[str]:
    """Names of onnxruntime's providers for a device of `frontdesk.yaml`. The plain package knows
    processors alone; `onnxruntime-gpu` in its place knows Nvidia's cards.

    Raises `EngineMissing` if the card that is asked for cannot be used.
    """
    has_card = _CUDA in onnxruntime.get_available_providers()
    if device == "cuda" and not has_card:
        raise EngineMissing(
            f"`device: cuda` cannot be used: onnxruntime {onnxruntime.__version__} is the build "
            "for processors",
            remedy="pip uninstall onnxruntime && pip install onnxruntime-gpu, or `device: cpu`",
        )
    return [_CUDA, _CPU] if has_card and device in ("auto", "cuda") else [_CPU]
