"""The weights of engines: what they are, where they lie, and how they come there.

An engine says what it needs as `Weights`. Everything lies in one cache (`models.cache`): what comes
from the Hugging Face Hub in the layout of its own client, so that every library finds it, the rest
under `files`. A download goes on where it broke off and is believed by its checksum; a proxy
(`HTTPS_PROXY`) and a mirror (`HF_ENDPOINT`) are taken from the environment.
"""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol

from yaml import YAMLError

from models.cache import cache_folder, hub_folder
from models.errors import EngineMissing, first_line
from models.verified_file import fetched

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo, RepoSibling

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
"""Called with what is fetched, how many bytes of it are there, and of how many."""

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?")
_AGAIN = "try again, which goes on where this stopped"
WHICH = "`model` is a folder that `save_pretrained` wrote, or the name of a public model"


@dataclass(frozen=True)
class WebFile:
    """One file that anybody may fetch."""

    url: str
    checksum: str
    """SHA-256, or what else `models.verified_file.fetched` takes."""
    size_bytes: int = 0
    """0 where it is not known."""
    path: str = ""
    """Where it lies among the others; empty: the last part of its address."""

    @property
    def place(self) -> str:
        return self.path or self.url.rpartition("/")[2]


@dataclass(frozen=True)
class Weights:
    """What an engine loads. Of `path`, `repository` and `files` one says where they are."""

    name: str
    """As an operator knows it: `faster-whisper:small`, `intfloat/multilingual-e5-small`."""
    licence: str = ""
    """SPDX identifier; empty where only the model's own page tells."""
    size_bytes: int = 0
    """About how much there is to fetch; 0 where it is not known."""
    path: Path | None = None
    """They are there already: in a package, or where the operator has put them."""
    repository: str = ""
    """On the Hugging Face Hub: `openai/clip-vit-base-patch32`."""
    revision: str = "main"
    patterns: tuple[str, ...] = ("*",)
    """Files of the repository that are wanted. Of `a|b` the files like `b` are, where there are
    none like `a`, and one of them there must be."""
    files: tuple[WebFile, ...] = ()


class Downloading(Protocol):
    """What the class of an engine has, if its weights come by themselves in no package."""

    @staticmethod
    def weights() -> Weights | Sequence[Weights] | None:
        """What an engine made with these arguments loads: of those of its constructor, the ones
        that decide it, by the same names. Nothing in it where a package brings all.

        Raises `EngineMissing` for a model that cannot be. Loads and fetches nothing.
        """


def named_weights(
    model: str, patterns: tuple[str, ...], *, licence: str = "", size_bytes: int = 0
) -> Weights:
    """Those of a model that an operator names: a folder, or a repository of the hub.

    Raises `EngineMissing` if there is no such folder, and no repository could have such a name.
    """
    path = Path(model).expanduser()
    if path.exists():
        return Weights(model, licence, path=path.resolve())
    if not HUB_NAME.fullmatch(model):
        raise EngineMissing(f"there is no folder {model}", remedy=WHICH)
    return Weights(model, licence, size_bytes, repository=model, patterns=patterns)


def located(weights: Weights) -> Path | None:
    """The folder (of `path` what it says) where all of it lies; None if some is still to be
    fetched. Asks nobody."""
    if weights.path is not None:
        return weights.path if weights.path.exists() else None
    if weights.repository:
        return _kept(weights)
    folder = _files_folder(weights)
    return folder if all((folder / file.place).is_file() for file in weights.files) else None


def pulled(weights: Weights, progress: Progress = lambda name, done, of: None) -> Path:
    """The same, fetched first where it is not there.

    Raises `EngineMissing`, which says what to copy where, if it cannot be fetched.
    """
    if found := located(weights):
        return found
    if weights.path is not None:
        raise EngineMissing(f"there is no {weights.path}", remedy="copy it there again")
    log.info("weights.fetching", extra={"weights": weights.name})
    with _told(weights):
        return _from_hub(weights, progress) if weights.repository else _from_web(weights, progress)


def licence_of(weights: Weights) -> str:
    """What the engine says, or else the model's own page that came with it."""
    folder = None if weights.licence else located(weights)
    page = folder / "README.md" if folder else None
    if page is None or not page.is_file():
        return weights.licence
    from huggingface_hub import ModelCard

    try:
        card = ModelCard(page.read_text("utf-8"), ignore_metadata_errors=True)
    except (OSError, ValueError, YAMLError) as error:
        log.warning("weights.no_licence", extra={"reason": str(error)})
        return ""
    return str(card.data.get("license") or "")


def bytes_of(path: Path) -> int:
    """How much lies there; a file that several names lead to counts once."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(file.stat().st_size for file in {file.resolve() for file in files})


def _files_folder(weights: Weights) -> Path:
    return cache_folder() / "files" / re.sub(r"[^\w.-]+", "--", weights.name)


def _from_web(weights: Weights, progress: Progress) -> Path:
    from huggingface_hub.constants import is_offline_mode
    from huggingface_hub.errors import OfflineModeIsEnabled

    if is_offline_mode():
        raise OfflineModeIsEnabled("HF_HUB_OFFLINE is set")
    folder = _files_folder(weights)
    tell = _adding(weights.name, sum(file.size_bytes for file in weights.files), progress)
    for file in weights.files:
        fetched(
            file.url,
            folder / file.place,
            checksum=file.checksum,
            size_bytes=file.size_bytes or None,
            tell=tell,
        )
    return folder


def _kept(weights: Weights) -> Path | None:
    """What an earlier start has left of a repository; None if not all of it."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    def look(patterns: list[str]) -> Path:
        found = snapshot_download(
            weights.repository,
            revision=weights.revision,
            cache_dir=hub_folder(),
            allow_patterns=patterns,
            local_files_only=True,
        )
        return Path(found)

    try:
        folder = look([])
        there = [str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()]
        wanted = _wanted(weights, there)
        # Where the hub's client has fetched it, it knows what else belongs to it.
        return look(wanted) if wanted else None
    except LocalEntryNotFoundError:
        return None


def _wanted(weights: Weights, names: Sequence[str]) -> list[str]:
    """The patterns, with one of each choice taken; empty if a choice cannot be made."""
    taken = []
    for pattern in weights.patterns:
        choices = pattern.split("|")
        fitting = [each for each in choices if any(fnmatch(name, each) for name in names)]
        if len(choices) > 1 and not fitting:
            return []
        taken.append(fitting[0] if fitting else choices[0])
    return taken


def _from_hub(weights: Weights, progress: Progress) -> Path:
    """The blobs first, for the hub's client neither resumes nor verifies; then it finds them there
    and lays them out."""
    from huggingface_hub import HfApi, hf_hub_url, snapshot_download
    from huggingface_hub.file_download import repo_folder_name
    from huggingface_hub.utils import build_hf_headers

    info = HfApi().model_info(weights.repository, revision=weights.revision, files_metadata=True)
    files = {file.rfilename: file for file in info.siblings or ()}
    patterns = _wanted(weights, list(files))
    if not patterns:
        _refuse(weights, files)
    names = [name for name in files if any(fnmatch(name, pattern) for pattern in patterns)]
    folder = hub_folder() / repo_folder_name(repo_id=weights.repository, repo_type="model")
    tell = _adding(weights.name, sum(files[name].size or 0 for name in names), progress)
    headers = build_hf_headers()
    for name in names:
        checksum = _checksum(files[name])
        fetched(
            hf_hub_url(weights.repository, name, revision=_commit(info)),
            folder / "blobs" / checksum,
            checksum=checksum,
            size_bytes=files[name].size,
            headers=headers,
            tell=tell,
        )
    with _without_bars():
        found = snapshot_download(
            weights.repository,
            revision=weights.revision,
            cache_dir=hub_folder(),
            allow_patterns=patterns,
        )
    return Path(found)


def _commit(info: "ModelInfo") -> str:
    if not info.sha:
        raise ValueError("the server names no revision")
    return info.sha


def _checksum(file: "RepoSibling") -> str:
    """By which the hub's client knows a file, too."""
    known = file.lfs.sha256 if file.lfs else file.blob_id
    if not known:
        raise ValueError(f"the server has no checksum of {file.rfilename}")
    return known


def _refuse(weights: Weights, files: "dict[str, RepoSibling]") -> NoReturn:
    choices = [pattern.replace("|", " or ") for pattern in weights.patterns if "|" in pattern]
    raise EngineMissing(
        f"{weights.repository} on the model hub has no {' and no '.join(choices)}; it has "
        f"{', '.join(sorted(files)[:8]) or 'no files'}",
        remedy="choose a model that was published for this engine",
    )


def _adding(name: str, total: int, progress: Progress) -> Callable[[int], None]:
    done = 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        progress(name, done, max(total, done))

    return tell


@contextmanager
def _without_bars() -> Iterator[None]:
    """The hub's client draws none for the moment."""
    from huggingface_hub import utils

    disabled = utils.are_progress_bars_disabled()
    utils.disable_progress_bars()
    try:
        yield
    finally:
        if not disabled:
            utils.enable_progress_bars()


@contextmanager
def _told(weights: Weights) -> Iterator[None]:
    """What may go wrong on the way, in a sentence."""
    from httpx2 import HTTPError
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    what = weights.repository or weights.name
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise EngineMissing(
            f"{_not_here(weights)}, and HF_HUB_OFFLINE forbids to fetch it",
            remedy=_by_hand(weights),
        ) from error
    except GatedRepoError as error:
        raise EngineMissing(
            f"the authors of {what} give it only to those who accept their terms",
            remedy=f"accept them at https://huggingface.co/{what}, and set HF_TOKEN to your token",
        ) from error
    except RepositoryNotFoundError as error:
        raise EngineMissing(
            f"{_not_here(weights)}, and the model hub has no model of that name, or hides it",
            remedy=f"{WHICH}; for a private one set HF_TOKEN",
        ) from error
    except RevisionNotFoundError as error:
        raise EngineMissing(
            f"{what} on the model hub has no revision {weights.revision}",
            remedy="name one that is listed under its files",
        ) from error
    except HfHubHTTPError as error:
        raise _answered(weights, error.response.status_code) from error
    except (HTTPError, OSError, ValueError) as error:
        raise EngineMissing(
            f"{_not_here(weights)}, and it could not be fetched: {first_line(error)}",
            remedy=f"{_AGAIN}, or {_by_hand(weights)}",
        ) from error


def _answered(weights: Weights, status: int) -> EngineMissing:
    what = weights.repository or weights.name
    if status in (401, 403):
        problem = f"the server does not let you have {what} (HTTP {status})"
        return EngineMissing(problem, remedy="is HF_TOKEN right, and may it read this model?")
    if status == 404:
        return EngineMissing(
            f"{_not_here(weights)}, and nothing of that name where it should be (HTTP 404)",
            remedy=WHICH,
        )
    return EngineMissing(
        f"the server that has the weights of {weights.name} answered with HTTP {status}",
        remedy=f"{_AGAIN}, or {_by_hand(weights)}",
    )


def _not_here(weights: Weights) -> str:
    # What an operator has misspelt may have been meant for a folder.
    here = weights.repository == weights.name
    return f"there is no folder {weights.name}" if here else f"{weights.name} is not here"


def _by_hand(weights: Weights) -> str:
    """Where what is copied from another machine is looked for."""
    from huggingface_hub.file_download import repo_folder_name

    pull = (
        "run `frontdesk models pull` for the same project on a machine with a connection, and copy"
    )
    if weights.repository:
        folder = hub_folder() / repo_folder_name(repo_id=weights.repository, repo_type="model")
        return f"{pull} its folder {folder.name} to {folder}; or name a folder as `model`"
    return f"{pull} its folder {_files_folder(weights).name} to {_files_folder(weights)}"
