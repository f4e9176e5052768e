"""What is made once is made once, whole, and again when it is gone."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models.cache import cache_folder, made_once


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FRONTDESK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_folder_is_chosen_by_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == folder
    monkeypatch.delenv("FRONTDESK_CACHE")
    assert cache_folder().name == "frontdesk"


def test_it_is_made_once(folder: Path) -> None:
    made = []

    def make(path: Path) -> None:
        made.append(path)
        path.write_text("graph")

    assert made_once("a.onnx", make).read_text() == "graph"
    assert made_once("a.onnx", make) == folder / "a.onnx"
    assert len(made) == 1


def test_who_comes_meanwhile_waits_for_it() -> None:
    started, go_on = threading.Event(), threading.Event()
    made = []

    def make(path: Path) -> None:
        made.append(path)
        started.set()
        assert go_on.wait(timeout=20)
        path.write_text("graph")

    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(made_once, "a.onnx", make)
        assert started.wait(timeout=20)
        others = [threads.submit(made_once, "a.onnx", make) for _ in range(3)]
        go_on.set()
        assert {job.result().read_text() for job in [first, *others]} == {"graph"}
    assert len(made) == 1


def test_half_a_file_is_never_left(folder: Path) -> None:
    def fail(path: Path) -> None:
        path.write_text("half")
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        made_once("a.onnx", fail)
    assert [path.suffix for path in folder.iterdir() if path.suffix != ".lock"] == []


def test_it_is_made_again_when_it_is_gone(folder: Path) -> None:
    made_once("a.onnx", lambda path: path.write_text("one") and None).unlink()
    again = made_once("a.onnx", lambda path: path.write_text("two") and None)
    assert again.read_text() == "two"
