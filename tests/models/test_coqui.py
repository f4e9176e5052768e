"""Coqui: a real voice where its packages load; everywhere, that our calls fit its real source."""

import ast
import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import REPOSITORY

WHEEL = "coqui-tts==0.28.0"


@pytest.fixture(scope="module")
def source(pytestconfig: pytest.Config) -> Path:
    """The folder of the package `TTS`: the installed one, or that of its wheel."""
    if found := importlib.util.find_spec("TTS"):
        return Path(next(iter(found.submodule_search_locations or ())))
    kept = Path(pytestconfig.cache.mkdir("coqui"))
    if not any(kept.glob("*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        ended = subprocess.run(
            [*command, "--dest", str(kept), WHEEL], capture_output=True, text=True, check=False
        )
        if ended.returncode:
            pytest.skip(f"{WHEEL} is neither installed nor to be had here")
    wheel = next(kept.glob("*.whl"))
    unpacked = kept / wheel.stem
    if not unpacked.is_dir():
        zipfile.ZipFile(wheel).extractall(unpacked)
    return unpacked / "TTS"


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


OURS = tree(REPOSITORY / "models" / "coqui.py")


def function(module: ast.Module, owner: str, name: str) -> ast.FunctionDef:
    (kind,) = [n for n in module.body if isinstance(n, ast.ClassDef) and n.name == owner]
    (found,) = [n for n in kind.body if isinstance(n, ast.FunctionDef) and n.name == name]
    return found


def parameters(found: ast.FunctionDef) -> set[str]:
    arguments = found.args
    return {each.arg for each in (*arguments.args, *arguments.kwonlyargs)}


def keywords(called: str) -> set[str]:
    """The keywords that our code gives to calls of this name."""
    calls = [node for node in ast.walk(OURS) if isinstance(node, ast.Call)]
    return {
        keyword.arg
        for call in calls
        if ast.unparse(call.func).endswith(called)
        for keyword in call.keywords
        if keyword.arg
    }


def told() -> set[str]:
    """The keys of `arguments`, which are given to `TTS.tts`."""
    said = set()
    for node in ast.walk(OURS):
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "arguments":
            assert isinstance(node.value, ast.Dict)
            said |= {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "arguments":
            assert isinstance(node.slice, ast.Constant)
            said.add(node.slice.value)
    return said


def test_its_interface_takes_what_we_give(source: Path) -> None:
    api = tree(source / "api.py")
    given = keywords("TTS")
    assert {"model_path", "config_path"} <= given
    assert given <= parameters(function(api, "TTS", "__init__"))
    for name in ("is_multi_speaker", "languages", "speakers"):
        assert ast.unparse(function(api, "TTS", name).decorator_list[0]) == "property"


def test_a_sentence_is_asked_for_as_it_wants(source: Path) -> None:
    speak = function(tree(source / "api.py"), "TTS", "tts")
    given = told()
    assert {"language", "speaker", "speed", "voice_dir", "split_sentences"} == given
    assert speak.args.kwarg, "what models take beyond its own goes through"
    further = given - parameters(speak)
    synthesizer = tree(source / "utils" / "synthesizer.py")
    through = ast.unparse(function(synthesizer, "Synthesizer", "tts"))
    assert "kwargs.pop('voice_dir'" in through
    xtts = function(tree(source / "tts" / "models" / "xtts.py"), "Xtts", "inference")
    assert further - {"voice_dir"} <= parameters(xtts)


def test_a_recordings_voice_is_learned_as_it_wants(source: Path) -> None:
    clone = function(tree(source / "utils" / "voices.py"), "CloningMixin", "clone_voice")
    assert keywords("clone_voice") == {"speaker_id", "voice_dir"}
    assert keywords("clone_voice") <= parameters(clone)
    assert clone.args.args[1].arg == "speaker_wav"


def test_the_sound_is_as_we_take_it(source: Path) -> None:
    written = (source / "utils" / "synthesizer.py").read_text("utf-8")
    assert "self.output_sample_rate = " in written
    assert "wavs += [0] * PAD_SILENCE_SAMPLES" in written
    assert "\nPAD_SILENCE_SAMPLES = " in written


def test_a_voice_speaks(tmp_path: Path) -> None:
    try:
        from models.coqui import Coqui
    except ImportError as error:
        pytest.skip(f"coqui-tts does not load here: {error}")
    from tests.models.tiny_coqui import tiny_coqui

    engine = Coqui(str(tiny_coqui(tmp_path)), language="en")
    pieces = list(engine.synthesize("Your parcel is on its way. It comes tomorrow.", "en"))
    assert [piece.text for piece in pieces] == ["Your parcel is on its way.", "It comes tomorrow."]
    assert all(np.abs(piece.samples).max() > 0 for piece in pieces)
