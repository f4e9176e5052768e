"""Smart Turn: what it sees is what it was trained on, and it says what is missing."""

from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from transformers import WhisperFeatureExtractor

from models import smart_turn
from models.errors import EngineMissing
from models.published import published_file
from models.smart_turn import PACKAGE, REMEDY, SmartTurn, features
from tests.bot.cli.test_call import saying
from tests.models.media import samples_of

RATE_HZ = 16_000


def tones(seconds: float) -> NDArray[np.float32]:
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return np.asarray(0.3 * np.sin(2 * np.pi * (200 + 40 * at) * at), np.float32)


def small_model(path: Path, frames: int = 800) -> Path:
    """With the shape of the published one; louder sound is likelier an end."""
    seen = helper.make_tensor_value_info("input_features", TensorProto.FLOAT, ["n", 80, frames])
    out = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1])
    mean = helper.make_node("ReduceMean", ["input_features", "axes"], ["mean"], keepdims=0)
    wide = helper.make_node("Unsqueeze", ["mean", "last"], ["wide"])
    chance = helper.make_node("Sigmoid", ["wide"], ["logits"])
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2])
    last = helper.make_tensor("last", TensorProto.INT64, [1], [1])
    graph = helper.make_graph([mean, wide, chance], "small", [seen], [out], [axes, last])
    opsets = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path


@pytest.mark.parametrize("seconds", [0.5, 3.0, 8.0, 11.0])
def test_it_sees_what_whisper_sees(seconds: float) -> None:
    sound = tones(seconds)
    last = sound[-8 * RATE_HZ :]
    padded = np.pad(last, (8 * RATE_HZ - len(last), 0))
    whispers = WhisperFeatureExtractor(chunk_length=8)(
        padded, sampling_rate=RATE_HZ, return_tensors="np", do_normalize=True
    )
    assert np.abs(features(sound) - whispers.input_features[0]).max() < 2e-4


def test_what_lies_longer_back_is_not_heard(tmp_path: Path) -> None:
    turn = SmartTurn(small_model(tmp_path / "model.onnx"))
    sound = tones(12.0)
    assert 0 < turn.complete(sound) < 1
    assert turn.complete(sound) == turn.complete(sound[-8 * RATE_HZ :])
    assert turn.complete(sound) != turn.complete(sound[-4 * RATE_HZ :])


def features_of_pipecat() -> ModuleType:
    """Its file alone: without its dependencies the package cannot be imported."""
    file = published_file(PACKAGE, "audio/turn/smart_turn/_whisper_features.py", remedy=REMEDY)
    spec = spec_from_file_location("features_of_pipecat", file)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineMissing, match="is no Smart Turn"):
        SmartTurn(small_model(tmp_path / "model.onnx", frames=3000))


def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smart_turn, "PACKAGE", "a_package_that_is_not_there")
    with pytest.raises(EngineMissing) as raised:
        SmartTurn()
    assert raised.value.remedy == REMEDY


@pytest.mark.skipif(find_spec(PACKAGE) is None, reason=f"needs `{REMEDY}`")
def test_the_published_model_says_what_it_says_in_pipecat(tmp_path: Path) -> None:
    whole = samples_of(saying("What are your opening hours?", tmp_path / "whole.wav"))
    theirs = features_of_pipecat()
    turn = SmartTurn()
    padded = np.pad(whole[-8 * RATE_HZ :], (max(0, 8 * RATE_HZ - len(whole)), 0))
    (found,) = turn._session.run(
        None, {"input_features": theirs.compute_whisper_log_mel_features(padded)[None]}
    )
    assert turn.complete(whole) == pytest.approx(float(found[0, 0]), abs=1e-3)
