import os
import resource
import shutil
import signal
from pathlib import Path

import pytest

from models.errors import ModelError
from models.minilm import MiniLM
from models.understanding.predictor import Predictor
from models.understanding.versions import KEPT, Versions


def _written(versions: Versions, like: Versions, name: str) -> str:
    """A version that is a copy of another."""
    source = like.path(like.current or "")
    with versions.writing(name) as folder:
        for file in source.iterdir():
            os.link(file, folder / file.name)
    return name


def test_what_was_served_before_can_be_served_again(
    versions: Versions, shop_versions: Versions
) -> None:
    for name in ("1", "2", "3"):
        versions.serve(_written(versions, shop_versions, name))
    assert versions.current == "3"
    assert [versions.roll_back(), versions.roll_back()] == ["2", "1"]
    assert versions.current == "1"
    with pytest.raises(ModelError, match="no earlier version"):
        versions.roll_back()
    assert versions.names() == ["1", "2", "3"]


def test_nothing_is_served_before_something_is_trained(versions: Versions) -> None:
    assert versions.current is None
    assert versions.names() == []
    with pytest.raises(ModelError, match="there are: none"):
        versions.path("1")


def test_an_interrupted_writing_leaves_no_version(
    versions: Versions, shop_versions: Versions
) -> None:
    versions.serve(_written(versions, shop_versions, "1"))

    def write_half() -> None:
        with versions.writing("2") as folder:
            (folder / "model.json").write_text("half")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        write_half()
    assert versions.names() == ["1"]
    assert [each.name for each in (versions.folder / "versions").iterdir()] == ["1"]


def test_what_a_kill_left_half_written_is_removed_by_the_next_training(
    versions: Versions, shop_versions: Versions
) -> None:
    _written(versions, shop_versions, "1")
    (versions.folder / "versions" / ".2.77").mkdir()
    (versions.folder / "versions" / ".2.77" / "network.onnx").write_text("half")
    with versions.training():
        assert [each.name for each in (versions.folder / "versions").iterdir()] == ["1"]


def test_a_version_whose_folder_is_gone_is_passed_over(
    versions: Versions, shop_versions: Versions
) -> None:
    for name in ("1", "2"):
        versions.serve(_written(versions, shop_versions, name))
    shutil.rmtree(versions.folder / "versions" / "2")
    assert versions.current == "1"
    shutil.rmtree(versions.folder / "versions" / "1")
    assert versions.current is None


def test_a_disk_that_is_full_keeps_what_is_served(
    versions: Versions, shop_versions: Versions
) -> None:
    versions.serve(_written(versions, shop_versions, "1"))
    _written(versions, shop_versions, "2")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
        with pytest.raises(OSError, match="too large"):
            versions.serve("2")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert versions.current == "1"
    assert sorted(each.name for each in versions.folder.iterdir()) == ["current", "versions"]


def test_a_broken_version_is_never_served(versions: Versions, shop_versions: Versions) -> None:
    versions.serve(_written(versions, shop_versions, "1"))
    with versions.writing("2") as folder:
        (folder / "model.json").write_text("{")
    with pytest.raises(ModelError, match="no trained version"):
        versions.serve("2")
    assert versions.current == "1"


@pytest.mark.parametrize("name", ["../1", "", ".hidden", "a/b", "nope"])
def test_a_name_that_is_none_is_refused(
    name: str, versions: Versions, shop_versions: Versions
) -> None:
    _written(versions, shop_versions, "1")
    with pytest.raises(ModelError, match="there are: 1"):
        versions.serve(name)


def test_old_versions_are_forgotten_but_never_the_one_served(
    versions: Versions, shop_versions: Versions
) -> None:
    names = [f"{number:02}" for number in range(KEPT + 3)]
    for name in names:
        versions.serve(_written(versions, shop_versions, name))
    assert versions.names() == names[-KEPT:]


def test_a_version_of_another_encoder_says_so(shop_versions: Versions, minilm: MiniLM) -> None:
    class Other:
        name = "other"
        dimensions = 384
        folder = minilm.folder
        encode = minilm.encode

    with pytest.raises(ModelError, match="train it again"):
        Predictor(shop_versions.path(shop_versions.current or ""), Other())


@pytest.mark.parametrize("file", ["network.onnx", "wide.npz", "memory.npz", "model.json"])
def test_a_damaged_version_is_not_opened(
    file: str, versions: Versions, shop_versions: Versions, minilm: MiniLM
) -> None:
    path: Path = versions.folder / "versions" / _written(versions, shop_versions, "1")
    (path / file).unlink()
    (path / file).write_bytes(b"not what it should be")
    with pytest.raises(ModelError):
        Predictor(path, minilm)
