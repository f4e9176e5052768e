"""Voices of a few kilobytes that hum at random, in the formats of the engines that speak them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP
from transformers import VitsConfig, VitsModel, VitsTokenizer

HOP = 256
"""Samples for each phoneme at the usual pace."""
LETTERS = " abcdefghijklmnopqrstuvwxyzäöüß'"


def tiny_piper(
    folder: Path,
    name: str = "en_US-hum-low",
    *,
    sample_rate_hz: int = 16_000,
    speakers: tuple[str, ...] = (),
    espeak_voice: str = "en-us",
    seed: int = 5,
) -> Path:
    """A voice of Piper without noise: the same text sounds the same each time."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.onnx"
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, "phonemes"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    if speakers:
        inputs.append(helper.make_tensor_value_info("sid", TensorProto.INT64, [1]))
    nodes, constants = _humming("input", seed)
    constants["one"] = np.array(1, np.int64)
    nodes = [
        # scales: noise, length, noise of the lengths.
        helper.make_node("Gather", ["scales", "one"], ["length_scale"], axis=0),
        helper.make_node("Mul", ["hop", "length_scale"], ["stretched"]),
        *nodes,
    ]
    if speakers:
        constants["pitches"] = np.linspace(0.2, 1.0, len(speakers), dtype=np.float32)
        nodes += [
            helper.make_node("Gather", ["pitches", "sid"], ["pitch"], axis=0),
            helper.make_node("Mul", ["hum", "pitch"], ["person"]),
            helper.make_node("Sin", ["person"], ["waves"]),
        ]
    else:
        nodes.append(helper.make_node("Sin", ["hum"], ["waves"]))
    constants["sound"] = np.array([1, 1, -1], np.int64)
    nodes.append(helper.make_node("Reshape", ["waves", "sound"], ["output"]))
    _write(path, nodes, inputs, constants, "output", [1, 1, "time"])
    Path(f"{path}.json").write_text(
        json.dumps(
            {
                "audio": {"sample_rate": sample_rate_hz, "quality": "low"},
                "espeak": {"voice": espeak_voice},
                "inference": {"noise_scale": 0, "length_scale": 1, "noise_w": 0},
                "phoneme_type": "espeak",
                "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
                "num_symbols": 256,
                "num_speakers": max(1, len(speakers)),
                "speaker_id_map": {speaker: at for at, speaker in enumerate(speakers)},
                "language": {"code": name.partition("-")[0]},
                "dataset": name.split("-")[1],
            }
        )
    )
    return path


def tiny_kokoro(
    folder: Path,
    voices: tuple[str, ...] = ("af_heart", "am_adam", "bf_emma", "ef_dora", "zf_xiaobei"),
    *,
    of_the_hub: bool = False,
) -> Path:
    """A model of Kokoro with its voices, in kokoro-onnx's layout or in that of the hub."""
    graph = folder / "onnx" / "model.onnx" if of_the_hub else folder / "kokoro-v1.0.onnx"
    graph.parent.mkdir(parents=True, exist_ok=True)
    tokens = "input_ids" if of_the_hub else "tokens"
    inputs = [
        helper.make_tensor_value_info(tokens, TensorProto.INT64, [1, "phonemes"]),
        helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, 256]),
        helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
    ]
    nodes, constants = _humming(tokens, seed=7)
    constants["whole"] = np.array([], np.int64)
    constants["flat"] = np.array([-1], np.int64)
    constants["loud"] = np.array(20, np.float32)
    nodes = [
        helper.make_node("Div", ["hop", "speed"], ["paced"]),
        helper.make_node("Reshape", ["paced", "whole"], ["stretched"]),
        *nodes,
        helper.make_node("ReduceMean", ["style"], ["person"], keepdims=0),
        helper.make_node("Mul", ["person", "loud"], ["pitch"]),
        helper.make_node("Mul", ["hum", "pitch"], ["hummed"]),
        helper.make_node("Sin", ["hummed"], ["waves"]),
        helper.make_node("Reshape", ["waves", "flat"], ["audio"]),
    ]
    _write(graph, nodes, inputs, constants, "audio", ["time"])
    numbers = np.random.default_rng(11)
    styles = {name: numbers.normal(0, 0.5, (510, 1, 256)).astype(np.float32) for name in voices}
    if of_the_hub:
        (folder / "voices").mkdir(exist_ok=True)
        for name, style in styles.items():
            style.tofile(folder / "voices" / f"{name}.bin")
    else:
        with (folder / "voices-v1.0.bin").open("wb") as file:
            np.savez(file, **styles)
    return graph


def tiny_vits(
    folder: Path,
    language: str = "eng",
    *,
    speakers: int = 1,
    letters: str = LETTERS,
    is_uroman: bool = False,
    seed: int = 5,
) -> Path:
    """A VITS as MMS has it, for the letters given; without noise."""
    torch.manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {letter: at for at, letter in enumerate(["<pad>", *letters, "<unk>"])}
    written = folder / "written.json"
    written.write_text(json.dumps(vocabulary), "utf-8")
    VitsTokenizer(
        str(written), language=language, phonemize=False, is_uroman=is_uroman
    ).save_pretrained(folder)
    written.unlink()
    config = VitsConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        ffn_dim=16,
        flow_size=16,
        spectrogram_bins=33,
        upsample_initial_channel=16,
        upsample_rates=[8, 8],
        upsample_kernel_sizes=[16, 16],
        resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1, 3]],
        prior_encoder_num_flows=1,
        prior_encoder_num_wavenet_layers=1,
        posterior_encoder_num_wavenet_layers=1,
        duration_predictor_filter_channels=16,
        duration_predictor_num_flows=1,
        depth_separable_num_layers=1,
        num_speakers=speakers,
        speaker_embedding_size=8 if speakers > 1 else 0,
        use_stochastic_duration_prediction=False,
        noise_scale=0.0,
        noise_scale_duration=0.0,
        sampling_rate=16_000,
    )
    model = VitsModel(config)
    with torch.no_grad():
        # About eight frames a letter, so that there is something to be sped up.
        model.duration_predictor.proj.bias.fill_(2.0)
    model.save_pretrained(folder)
    return folder


def _humming(tokens: str, seed: int) -> tuple[list[Any], dict[str, Any]]:
    """Nodes that give each phoneme of `tokens` (1, n) `stretched` samples of its own wave, random
    but the same each time: `hum` (1, time)."""
    table = np.random.default_rng(seed).uniform(-3, 3, 256).astype(np.float32)
    constants = {
        "hop": np.array(HOP, np.float32),
        "table": table,
        "axis": np.array([1], np.int64),
        "zero": np.array(0, np.float32),
        "step": np.array(1, np.float32),
        "first": np.array(0, np.int64),
        "slow": np.array(0.05, np.float32),
    }
    nodes = [
        helper.make_node("Shape", [tokens], ["shape"]),
        helper.make_node("Gather", ["shape", "axis"], ["count_"], axis=0),
        helper.make_node("Squeeze", ["count_"], ["count"]),
        helper.make_node("Cast", ["count"], ["length"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["length", "stretched"], ["time"]),
        helper.make_node("Floor", ["time"], ["until"]),
        helper.make_node("Range", ["zero", "until", "step"], ["moment"]),
        helper.make_node("Div", ["moment", "stretched"], ["at"]),
        helper.make_node("Cast", ["at"], ["which"], to=TensorProto.INT64),
        helper.make_node("Gather", [tokens, "first"], ["row"], axis=0),
        helper.make_node("Gather", ["row", "which"], ["phoneme"], axis=0),
        helper.make_node("Gather", ["table", "phoneme"], ["tone"], axis=0),
        helper.make_node("Mul", ["moment", "slow"], ["turning"]),
        helper.make_node("Mul", ["tone", "turning"], ["hum"]),
    ]
    return nodes, constants


def _write(
    path: Path,
    nodes: list[Any],
    inputs: list[Any],
    constants: dict[str, Any],
    output: str,
    shape: list[int | str],
) -> None:
    graph = helper.make_graph(
        nodes,
        "tiny",
        inputs,
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
