"""Where engines run: what is there, what is not, and whether a model fits."""

from pathlib import Path

import pytest
import torch

from models import device
from models.errors import EngineMissing
from models.transformers_text_encoder import TransformersTextEncoder
from tests.models.tiny_models import tiny_text_encoder

NO_CARD = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a graphics card here")


@NO_CARD
def test_what_is_not_there_is_told_with_the_reason() -> None:
    with pytest.raises(EngineMissing, match="`device: cuda` cannot be used: ") as told:
        device.torch_device("cuda")
    assert "device: cpu" in told.value.remedy
    with pytest.raises(EngineMissing, match="no Mac"):
        device.torch_device("mps")


@NO_CARD
def test_the_processor_is_taken_where_there_is_nothing_else() -> None:
    assert device.torch_device("auto") == device.torch_device("cpu") == "cpu"
    assert device.torch_numbers("auto", "cpu") is torch.float32


def test_a_card_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    assert device.torch_device("auto") == device.torch_device("cuda") == "cuda"
    assert device.torch_device("cpu") == "cpu"
    assert device.torch_numbers("auto", "cuda") is torch.float16
    assert device.torch_numbers("bfloat16", "cuda") is torch.bfloat16


def test_what_there_is_not_is_told_with_what_there_is() -> None:
    with pytest.raises(EngineMissing, match="no device 'tpu'") as told:
        device.torch_device("tpu")
    assert "auto, cpu, cuda or mps" in told.value.remedy
    with pytest.raises(EngineMissing, match="no numbers 'int3'"):
        device.torch_numbers("int3", "cpu")


def test_too_little_memory_is_told_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_text_encoder(tmp_path / "encoder", "bert", ["a text"])
    size = (folder / "model.safetensors").stat().st_size
    monkeypatch.setattr(device, "available_bytes", lambda: size)
    with pytest.raises(
        EngineMissing, match=r"encoder needs .* GB of memory, and this machine"
    ) as no:
        TransformersTextEncoder(str(folder), device="cpu")
    assert "smaller model" in no.value.remedy
    monkeypatch.setattr(device, "available_bytes", lambda: size * 2)
    assert TransformersTextEncoder(str(folder), device="cpu").dimensions == 32
    half = TransformersTextEncoder(str(folder), device="cpu", dtype="bfloat16")
    whole = TransformersTextEncoder(str(folder), device="cpu")
    assert float((half.encode(["a text"]) * whole.encode(["a text"])).sum()) > 0.999


def test_half_the_numbers_take_half_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_text_encoder(tmp_path / "encoder", "bert", ["a text"])
    size = (folder / "model.safetensors").stat().st_size
    monkeypatch.setattr(device, "available_bytes", lambda: round(size * 0.7))
    assert TransformersTextEncoder(str(folder), device="cpu", dtype="bfloat16").dimensions == 32
