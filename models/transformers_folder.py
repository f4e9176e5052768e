"""Models as transformers saves them: found in a folder or on the hub, told apart, and loaded.

A model of the hub is fetched once (`models.downloads`) and taken from the cache ever after: the one
that a desk was trained with does not change because its authors have changed theirs.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from models.device import Device, require_memory
from models.downloads import WHICH, Weights, named_weights, pulled
from models.errors import EngineMissing, first_line

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

_CONFIGURATION = ("*.json", "*.txt", "*.model", "*_Dense/*", "README.md")
# Old models have pickled weights only; transformers reads no code from them.
_SAFE, _PICKLED = "model*.safetensors", "pytorch_model*.bin"
_DIGESTED = (
    "*.json",
    "*.safetensors",
    "pytorch_model*.bin",
    "vocab*",
    "merges.txt",
    "*.model",
    "1_Pooling/config.json",
    "*_Dense/*",
)
_READ_BYTES = 1 << 20
_POOLER = "pooler"
_LOADING = Lock()

AGAIN = "copy or download the model again, with its configuration, weights and tokenizer"


def model_folder(model: str) -> Path:
    """The folder of a model: `model` itself, or where the hub's model of that name is kept, fetched
    first if it is not there.

    Raises `EngineMissing` if there is no such folder and no such model can be fetched, or if it is
    not whole.
    """
    folder = pulled(transformers_weights(model))
    if not (folder / "config.json").is_file():
        raise EngineMissing(f"{folder} holds no model: it has no config.json", remedy=WHICH)
    if not any(_is_whole(folder, weights) for weights in (_SAFE, _PICKLED)):
        raise EngineMissing(f"{folder} does not hold all weights of its model", remedy=AGAIN)
    return folder


def transformers_weights(model: str) -> Weights:
    """What is fetched of a model for transformers. Raises `EngineMissing` if there is no such
    folder, and nothing public can have that name."""
    return named_weights(model, (*_CONFIGURATION, f"{_SAFE}|{_PICKLED}"))


def require_kind(model: str, kinds: Sequence[str]) -> None:
    """Raises `EngineMissing` as `model_folder`, and if the model is of none of these architectures,
    by the names of transformers."""
    folder = model_folder(model)
    with loading(folder):
        kind = json.loads((folder / "config.json").read_text("utf-8")).get("model_type")
    if kind not in kinds:
        raise EngineMissing(
            f"{folder} holds a model of the architecture {kind or 'that it does not name'}, "
            f"not {kinds[0]}",
            remedy=f"name one of {kinds[0]}, or choose `engine: transformers`, which takes any",
        )


def digest_of(folder: Path, *others: Path) -> str:
    """SHA-256 of what a model's vectors depend on: weights, configuration, tokenizer; and `others`
    in the folder."""
    seen = hashlib.sha256()
    for path in sorted(
        {path for pattern in _DIGESTED for path in folder.glob(pattern)} | {*others}
    ):
        seen.update(f"{path.relative_to(folder)} {path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            while part := file.read(_READ_BYTES):
                seen.update(part)
    return seen.hexdigest()


class Loaded(NamedTuple):
    """A model, and what of it can be used."""

    model: "PreTrainedModel"
    has_pooler: bool
    """Whether the weights of its pooler, if it has one, were there."""


def load_model(
    folder: Path, kind: str = "AutoModel", *, device: Device, numbers: "torch.dtype"
) -> Loaded:
    """A model to be run, not trained.

    `kind`: a class of transformers. Raises `EngineMissing` if the folder holds none that can be
    loaded, if it would not fit into memory, or if not all of its weights are there: transformers
    would make up the others at random.
    """
    import transformers

    require_memory(_loaded_bytes(folder, numbers), device, folder)
    with loading(folder):
        model, found = getattr(transformers, kind).from_pretrained(
            folder, dtype=numbers, output_loading_info=True, **LOCAL
        )
    lost = sorted(name for name in found["missing_keys"] if _POOLER not in name)
    if lost:
        raise EngineMissing(
            f"the weights in {folder} are not those of a whole {model.config.model_type}: "
            f"{len(lost)} are missing, such as {lost[0]}",
            remedy=AGAIN,
        )
    has_pooler = not any(_POOLER in name for name in found["missing_keys"])
    return Loaded(model.eval().to(device), has_pooler)


def _loaded_bytes(folder: Path, numbers: "torch.dtype") -> int:
    """What the weights take once they are of these numbers."""
    files = list(folder.glob(_SAFE)) or list(folder.glob(_PICKLED))
    with loading(folder):
        config = json.loads((folder / "config.json").read_text("utf-8"))
        stored = str(config.get("dtype") or config.get("torch_dtype") or "float32")
    halves = 2 if stored in ("float16", "bfloat16") else 1
    return sum(file.stat().st_size for file in files) * halves * numbers.itemsize // 4


LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
"""Nothing is fetched, and no code that lies beside a model is run."""


@contextmanager
def loading(folder: Path, done: str = "loaded") -> Iterator[None]:
    """Turns whatever goes wrong while a model is loaded (or what else is `done` with it) into
    `EngineMissing`, and keeps transformers from drawing bars on the terminal. One thread at a time:
    how much transformers tells is a setting of the whole process."""
    from transformers import utils

    logging: Any = utils.logging
    with _LOADING:
        level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            yield
        except Exception as error:
            why = first_line(error) if folder.is_dir() else "there is no such folder"
            problem = f"{folder} cannot be {done}: {why}"
            raise EngineMissing(problem, remedy=AGAIN) from error
        finally:
            logging.set_verbosity(level)
            if bars:
                logging.enable_progress_bar()


def _is_whole(folder: Path, weights: str) -> bool:
    """Whether all files are there that the index of this kind names; a small model has none."""
    parts: set[str] = set()
    for index in folder.glob(f"{weights}.index.json"):
        parts |= set(json.loads(index.read_text("utf-8")).get("weight_map", {}).values())
    return any(folder.glob(weights)) and all((folder / part).is_file() for part in parts)
