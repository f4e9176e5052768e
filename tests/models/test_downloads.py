"""Weights from a hub and from plain addresses: whole, resumed, verified, or told why not."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.cache import hub_folder
from models.downloads import Weights, bytes_of, licence_of, located, named_weights
from models.errors import EngineMissing
from tests.conftest import REPOSITORY
from tests.models.hub_server import COMMIT, Hub, serving

PATTERNS = ("*.json", "README.md", "model*.safetensors|pytorch_model*.bin")
MODEL = {
    "config.json": b'{"model_type": "bert"}',
    "model.safetensors": bytes(range(256)) * 800,
    "pytorch_model.bin": b"the same, pickled",
    "tf_model.h5": b"for another library",
    "README.md": b"---\nlicense: apache-2.0\n---\n# An encoder\n",
}
VOICE = bytes(range(255)) * 700
_PULL = """
import sys
from models.downloads import WebFile, Weights, pulled
from models.errors import EngineMissing
steps = []
try:
    print(pulled(eval(sys.argv[1]), lambda *step: steps.append(step)))
except EngineMissing as error:
    sys.exit(str(error))
print(steps[-1] if steps else "nothing fetched")
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving(Hub()) as hub:
        hub.repositories["shop/encoder"] = MODEL
        hub.licences["shop/encoder"] = "apache-2.0"
        hub.files["/voices/bell.onnx"] = VOICE
        yield hub


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FRONTDESK_CACHE", str(tmp_path / "cache"))
    for name in ("HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


@pytest.fixture
def weights() -> Weights:
    return named_weights("shop/encoder", PATTERNS)


def pull(weights: Weights, hub: Hub, **environment: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, for what its environment says is read at its start."""
    return subprocess.run(
        [sys.executable, "-c", f"from pathlib import *\n{_PULL}", repr(weights)],
        cwd=REPOSITORY,
        env={**os.environ, "HF_ENDPOINT": hub.url, "NO_PROXY": "127.0.0.1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def voice(hub: Hub, sha256: str = hashlib.sha256(VOICE).hexdigest()) -> Weights:
    from models.downloads import WebFile

    return Weights(
        "piper:bell", files=(WebFile(f"{hub.url}/voices/bell.onnx", sha256, len(VOICE)),)
    )


@pytest.mark.usefixtures("cache")
class TestFromTheHub:
    def test_what_is_wanted_is_fetched_once_and_found_again(
        self, hub: Hub, weights: Weights
    ) -> None:
        assert located(weights) is None
        ended = pull(weights, hub)
        assert ended.returncode == 0, ended.stderr
        folder = located(weights)
        assert folder is not None
        assert ended.stdout.splitlines()[0] == str(folder)
        assert folder == hub_folder() / "models--shop--encoder" / "snapshots" / COMMIT
        there = {path.name: path.read_bytes() for path in folder.iterdir()}
        wanted = ("config.json", "model.safetensors", "README.md")
        assert there == {name: MODEL[name] for name in wanted}
        size = sum(len(data) for data in there.values())
        assert ended.stdout.splitlines()[1] == str(("shop/encoder", size, size))
        assert bytes_of(folder) == size
        assert licence_of(weights) == "apache-2.0"

        hub.asked.clear()
        again = pull(weights, hub, HF_HUB_OFFLINE="1")
        assert again.stdout.splitlines() == [str(folder), "nothing fetched"]
        assert hub.asked == []

    def test_what_broke_off_goes_on_in_the_next_process(self, hub: Hub, weights: Weights) -> None:
        hub.breaks["model.safetensors"] = [100_000, 0, 0, 0]
        broken = pull(weights, hub)
        assert broken.returncode == 1
        assert "could not be fetched" in broken.stderr
        assert "goes on where this stopped" in broken.stderr
        assert located(weights) is None

        hub.breaks.clear()
        hub.asked.clear()
        assert pull(weights, hub).returncode == 0
        assert hub.fetched("model.safetensors") == ["bytes=100000-"]
        folder = located(weights)
        assert folder
        assert (folder / "model.safetensors").read_bytes() == MODEL["model.safetensors"]

    def test_a_connection_that_breaks_is_taken_up_at_once(self, hub: Hub, weights: Weights) -> None:
        hub.breaks["model.safetensors"] = [100_000, 50_000]
        ended = pull(weights, hub)
        assert ended.returncode == 0, ended.stderr
        assert hub.fetched("model.safetensors") == ["", "bytes=100000-", "bytes=150000-"]

    @pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
    def test_a_file_that_is_not_what_was_published_is_not_kept(
        self, name: str, hub: Hub, weights: Weights
    ) -> None:
        hub.damaged.add(name)
        ended = pull(weights, hub)
        assert "gave a file that is damaged or another" in ended.stderr
        assert located(weights) is None
        hub.damaged.clear()
        assert pull(weights, hub).returncode == 0

    def test_old_weights_are_taken_where_there_are_no_others(
        self, hub: Hub, weights: Weights
    ) -> None:
        hub.repositories["shop/encoder"] = {
            name: data for name, data in MODEL.items() if not name.endswith(".safetensors")
        }
        assert pull(weights, hub).returncode == 0
        folder = located(weights)
        assert folder
        assert (folder / "pytorch_model.bin").is_file()

    def test_a_repository_without_weights_says_what_it_has(
        self, hub: Hub, weights: Weights
    ) -> None:
        hub.repositories["shop/encoder"] = {"model.gguf": b"of another engine"}
        ended = pull(weights, hub)
        assert "has no model*.safetensors or pytorch_model*.bin; it has model.gguf" in ended.stderr

    @pytest.mark.parametrize(
        ("refused", "told", "mended"),
        [
            ((401, "RepoNotFound"), "the model hub has no model of that name", "HF_TOKEN"),
            ((403, "GatedRepo"), "only to those who accept their terms", "accept them at"),
            ((403, ""), "does not let you have shop/encoder (HTTP 403)", "HF_TOKEN"),
            ((404, ""), "there is no folder shop/encoder, and nothing of that name", "public"),
            ((404, "RevisionNotFound"), "has no revision main", "its files"),
            ((500, ""), "answered with HTTP 500", "try again"),
        ],
    )
    def test_a_refusal_is_a_sentence(
        self, refused: tuple[int, str], told: str, mended: str, hub: Hub, weights: Weights
    ) -> None:
        hub.refused["shop/encoder"] = refused
        ended = pull(weights, hub)
        assert told in ended.stderr
        assert mended in ended.stderr
        assert "Traceback" not in ended.stderr

    def test_without_a_connection_it_says_what_to_copy_where(
        self, hub: Hub, weights: Weights, cache: Path
    ) -> None:
        ended = pull(weights, hub, HF_HUB_OFFLINE="1")
        assert (
            "there is no folder shop/encoder, and HF_HUB_OFFLINE forbids to fetch it"
            in ended.stderr
        )
        assert f"models--shop--encoder to {cache}/hub/models--shop--encoder" in ended.stderr
        assert hub.asked == []
        nobody = Hub(url="http://127.0.0.1:9")
        ended = pull(weights, nobody)
        assert "could not be fetched: " in ended.stderr
        assert "refused" in ended.stderr

    def test_a_proxy_is_used_and_told_when_it_is_not_there(
        self, hub: Hub, weights: Weights
    ) -> None:
        ended = pull(weights, hub, NO_PROXY="", HTTP_PROXY="http://127.0.0.1:9")
        assert "could not be fetched" in ended.stderr
        assert hub.asked == []

    def test_the_place_that_others_share_is_taken_where_it_is_named(
        self, hub: Hub, weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_HOME", str(tmp_path / "shared"))
        assert pull(weights, hub).returncode == 0
        assert located(weights) == (
            tmp_path / "shared" / "hub" / "models--shop--encoder" / "snapshots" / COMMIT
        )


@pytest.mark.usefixtures("cache")
class TestFromPlainAddresses:
    def test_a_file_is_fetched_once(self, hub: Hub) -> None:
        ended = pull(voice(hub), hub, HF_TOKEN="secret")
        assert ended.returncode == 0, ended.stderr
        folder = located(voice(hub))
        assert folder
        assert (folder / "bell.onnx").read_bytes() == VOICE
        assert hub.authorization == [""], "a token is for the hub alone"
        hub.asked.clear()
        assert "nothing fetched" in pull(voice(hub), hub).stdout
        assert hub.asked == []

    def test_what_broke_off_goes_on(self, hub: Hub, cache: Path) -> None:
        part = cache / "files" / "piper--bell" / "bell.onnx.part"
        part.parent.mkdir(parents=True)
        part.write_bytes(VOICE[:1000])
        assert pull(voice(hub), hub).returncode == 0
        assert hub.fetched("bell.onnx") == ["bytes=1000-"]

    def test_one_that_is_not_what_was_published_is_not_kept(self, hub: Hub) -> None:
        other = voice(hub, "0" * 64)
        assert "its checksum is" in pull(other, hub).stderr
        assert located(other) is None

    def test_one_that_is_gone_is_told(self, hub: Hub) -> None:
        hub.files.clear()
        assert "(HTTP 404)" in pull(voice(hub), hub).stderr

    def test_offline_it_says_what_to_copy_where(self, hub: Hub, cache: Path) -> None:
        ended = pull(voice(hub), hub, HF_HUB_OFFLINE="1")
        assert "piper:bell is not here, and HF_HUB_OFFLINE forbids" in ended.stderr
        assert f"piper--bell to {cache}/files/piper--bell" in ended.stderr
        assert hub.asked == []


class TestFoldersOfTheOperator:
    def test_one_is_taken_as_it_is(self, tmp_path: Path) -> None:
        assert located(named_weights(str(tmp_path), PATTERNS)) == tmp_path

    def test_one_that_is_not_there_is_told(self) -> None:
        with pytest.raises(EngineMissing, match=r"there is no folder \./nowhere"):
            named_weights("./nowhere", PATTERNS)


def test_a_disk_without_room_is_told_before_anything_is_fetched(hub: Hub, cache: Path) -> None:
    file = voice(hub).files[0]
    huge = Weights("piper:bell", files=(type(file)(file.url, file.checksum, 10**15),))
    ended = pull(huge, hub)
    assert "1000000.0 GB are still to come" in ended.stderr
    assert "FRONTDESK_CACHE" in ended.stderr
    assert hub.asked == []
