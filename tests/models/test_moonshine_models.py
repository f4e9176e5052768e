"""Moonshines by name: fetched, verified, and heard with, in both layouts and whatever language."""

import base64
from collections.abc import Iterator
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
import yaml
from moonshine_voice import ModelArch, Transcriber

from bot.engine_settings import TranscriberSection
from bot.engines import weights_of
from models import moonshine_models
from models.downloads import licence_of, located, pulled
from models.errors import EngineMissing
from models.moonshine import MoonshineTranscriber
from models.moonshine_decoder import MoonshineDecoder
from models.moonshine_models import chosen, embedded_folder
from models.speech_parts import Samples
from tests.models.hub_server import Hub, serving
from tests.models.media import samples_of
from tests.models.tiny_moonshines import streaming


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("moonshines")
    streaming(folder / "older", split=False)
    streaming(folder / "newer", split=True)
    return folder


@pytest.fixture
def speech(shared_data: Path) -> Samples:
    return samples_of(shared_data / "speech" / "jfk.flac")


class TestTheStreamingLayout:
    @pytest.mark.parametrize("part", [0, 1, 2])
    def test_writes_what_the_authors_own_library_writes(
        self, folders: Path, speech: Samples, part: int
    ) -> None:
        # That library hears sound in blocks, and leaves out what fills none.
        samples = speech[part * 32_000 :][: 12 * 2560]
        library = Transcriber(
            str(folders / "older"), ModelArch.TINY_STREAMING, options={"vad_threshold": "0"}
        )
        lines = library.transcribe_without_streaming(samples.tolist(), 16_000).lines
        heard = MoonshineDecoder(folders / "older", 1).hear(samples)
        assert heard.text == " ".join(line.text for line in lines)
        assert len(heard.text.split()) == 12

    def test_the_front_ends_weights_may_lie_in_a_file_of_their_own(
        self, folders: Path, speech: Samples
    ) -> None:
        one, two = (MoonshineDecoder(folders / name, 1) for name in ("older", "newer"))
        assert one.hear(speech[:32_000]).tokens == two.hear(speech[:32_000]).tokens
        assert one.hear(speech[:32_000]).tokens != one.hear(speech[32_000:64_000]).tokens

    @pytest.mark.parametrize("draft", [(3, 4, 5), "of the beginning", "too long"])
    def test_a_draft_changes_nothing(
        self, folders: Path, speech: Samples, draft: str | tuple[int, ...]
    ) -> None:
        decoder = MoonshineDecoder(folders / "newer", 1)
        alone = decoder.hear(speech[:32_000])
        tokens = {"of the beginning": alone.tokens[:5], "too long": alone.tokens * 2}
        given = tokens[draft] if isinstance(draft, str) else draft
        drafted = decoder.hear(speech[:32_000], given)
        assert drafted.tokens == alone.tokens
        assert drafted.log_probabilities == pytest.approx(alone.log_probabilities, abs=1e-3)

    def test_it_is_an_engine_like_the_other(self, folders: Path, speech: Samples) -> None:
        engine = MoonshineTranscriber(str(folders / "newer"), language="es")
        assert engine.name == "moonshine-newer"
        assert engine.languages == {"es"}
        heard = engine.transcribe(speech)
        assert (heard.language, heard.problem) == ("es", "")
        listener = engine.listen()
        for piece in np.array_split(speech, 100):
            listener.hear(piece)
        assert listener.finish().text == heard.text != ""


class TestFetching:
    @pytest.fixture
    def hub(self, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
        """The authors' server, with two models: the real tiny English as one of Spanish, and one
        of the streaming kind."""
        monkeypatch.setenv("FRONTDESK_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        places = {"base-es": embedded_folder(), "tiny-streaming-zh": folders / "newer"}
        catalogue = tmp_path / "moonshine.yaml"
        published = {name: _published(name, folder) for name, folder in places.items()}
        catalogue.write_text(yaml.safe_dump(published))
        monkeypatch.setattr(moonshine_models, "_PUBLISHED", catalogue)
        moonshine_models._published.cache_clear()
        with serving(Hub()) as hub:
            monkeypatch.setattr(moonshine_models, "ADDRESS", f"{hub.url}/model")
            for name, folder in places.items():
                for path in folder.iterdir():
                    hub.files[f"/model/{name}/files/{path.name}"] = path.read_bytes()
            yield hub
        moonshine_models._published.cache_clear()

    def test_a_model_is_fetched_once_and_says_which_language_it_hears(
        self, hub: Hub, speech: Samples
    ) -> None:
        weights = chosen("base-es").weights
        assert located(weights) is None
        engine = MoonshineTranscriber("base-es")
        assert engine.languages == {"es"}
        heard = engine.transcribe(speech)
        assert heard.text.startswith("And so my fellow Americans")
        assert heard.language == "es"
        hub.asked.clear()
        assert MoonshineTranscriber("base-es").name == "moonshine-base-es"
        assert hub.asked == []
        assert "non-commercial" in licence_of(weights)

    def test_a_streaming_one_comes_in_eight_files(self, hub: Hub, speech: Samples) -> None:
        weights = chosen("tiny-streaming-zh").weights
        engine = MoonshineTranscriber("tiny-streaming-zh")
        assert len(hub.asked) == len(weights.files) == 8
        assert licence_of(weights) == "MIT"
        # It writes Latin letters, and nobody speaks Chinese like that.
        assert engine.transcribe(speech[: 4 * 16_000]).problem == "audio_language"

    def test_a_damaged_file_is_not_kept(self, hub: Hub) -> None:
        hub.damaged.add("encoder.ort")
        weights = chosen("tiny-streaming-zh").weights
        with pytest.raises(EngineMissing, match=r"encoder\.ort gave a file that is damaged"):
            pulled(weights)
        assert located(weights) is None
        hub.damaged.clear()
        assert pulled(weights) == located(weights)


def _published(name: str, folder: Path) -> dict[str, object]:
    files = {
        path.name: [path.stat().st_size, f"{google_crc32c.value(path.read_bytes()):08x}"]
        for path in folder.iterdir()
    }
    return {"folder": f"{name}/files", "files": files}


class TestWhatIsPublished:
    def test_the_checksums_are_those_of_the_files_in_the_wheel(self) -> None:
        """Its vocabulary is that of most others. The authors write them in base64."""
        data = (embedded_folder() / "tokenizer.bin").read_bytes()
        stated = base64.b64decode("B7s10Q==").hex()
        assert f"{google_crc32c.value(data):08x}" == stated
        files = {each.place: each for each in chosen("base-en").weights.files}
        assert (files["tokenizer.bin"].checksum, files["tokenizer.bin"].size_bytes) == (
            stated,
            len(data),
        )

    def test_a_line_in_the_settings_says_what_there_is_to_fetch(self) -> None:
        (weights,) = weights_of(TranscriberSection(engine="moonshine", model="small-streaming-es"))
        assert weights.size_bytes == 121_800_392
        assert weights.licence == "MIT"
        assert weights.files[0].url == (
            "https://download.moonshine.ai/model/small-streaming-es/quantized_26_08_24/adapter.ort"
        )
        (embedded,) = weights_of(TranscriberSection())
        assert (embedded.licence, embedded.path) == ("MIT", embedded_folder())

    def test_every_model_has_the_files_of_one_layout(self) -> None:
        from models.moonshine_graphs import STREAMING, WHOLE

        for name in moonshine_models._published():
            there = {file.place for file in chosen(name).weights.files}
            layout = STREAMING if "streaming" in name else WHOLE
            assert all(there & set(each.split("|")) for each in layout), name


class TestWhatCannotBeLoaded:
    def test_a_name_that_nothing_has(self) -> None:
        with pytest.raises(EngineMissing, match=r"(?s)'huge-en'.*tiny-en, .*small-streaming-es"):
            chosen("huge-en")

    def test_a_language_that_the_model_does_not_hear(self) -> None:
        with pytest.raises(EngineMissing, match=r"(?s)hears 'en'.*'de'.*small-streaming-de"):
            chosen("", "de")
        with pytest.raises(EngineMissing, match=r"(?s)hears 'es'.*Whisper"):
            chosen("tiny-streaming-es", "sw")

    def test_a_folder_of_something_else(self, tmp_path: Path) -> None:
        with pytest.raises(EngineMissing, match=r"holds no Moonshine: it has no encoder_model"):
            MoonshineTranscriber(str(tmp_path))

    def test_a_file_that_has_come_by_half(self, tmp_path: Path) -> None:
        folder = streaming(tmp_path / "model")
        whole = (folder / "decoder_kv.ort").read_bytes()
        (folder / "decoder_kv.ort").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(EngineMissing, match=r"(?s)cannot be loaded as a Moonshine.*again"):
            MoonshineTranscriber(str(folder))

    def test_half_a_vocabulary(self, tmp_path: Path) -> None:
        folder = streaming(tmp_path / "model")
        whole = (folder / "tokenizer.bin").read_bytes()
        (folder / "tokenizer.bin").write_bytes(whole[:-2])
        with pytest.raises(EngineMissing, match="half of one"):
            MoonshineTranscriber(str(folder))
