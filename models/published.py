"""Models as they come in wheels: where their files are, and how they are run."""

import importlib.util
from pathlib import Path

import onnxruntime

from models.errors import EngineMissing


def published_file(package: str, path: str, *, remedy: str) -> Path:
    """A file in an installed package; `path` is relative to it and may hold one `*`.

    The package is looked up and not imported: only its files are wanted, not its code.

    Raises `EngineMissing` with the `remedy`, if the package or the file is not there.
    """
    spec = importlib.util.find_spec(package)
    found = sorted(Path(spec.origin).parent.glob(path)) if spec and spec.origin else []
    if not found:
        raise EngineMissing(f"{package} is not installed, or has no {path}", remedy=remedy)
    return found[-1]


def open_session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """A model ready to run on the CPU, that keeps neither cores nor memory while it is idle."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle threads that spin would take the cores from the event loop.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Every text, recording and picture has another size: arenas and patterns would be kept for
    # each of them.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
