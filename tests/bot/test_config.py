"""frontdesk.yaml: what it may hold, and how its mistakes are told."""

from pathlib import Path

import pytest

from bot.config import Config, load
from bot.errors import OperatorError


def write(folder: Path, text: str) -> Path:
    file = folder / "frontdesk.yaml"
    file.write_text(text, "utf-8")
    return file


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(OperatorError) as caught:
        load(write(folder, text))
    return str(caught.value)


def test_a_name_is_enough(tmp_path: Path) -> None:
    config = load(write(tmp_path, "name: Shop"))
    assert config.redis == "embedded"
    assert config.knowledge.folder == tmp_path / "knowledge"
    assert config.media_place == str(tmp_path / ".frontdesk" / "media")
    assert config.limits.upload_bytes == 25 * 1024 * 1024


def test_a_folder_stands_for_the_file_in_it(tmp_path: Path) -> None:
    write(tmp_path, "name: Shop")
    assert load(tmp_path).name == "Shop"


def test_a_missing_file_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="frontdesk init"):
        load(tmp_path)


def test_an_unknown_key_is_told_with_its_line_and_what_was_meant(tmp_path: Path) -> None:
    said = complaint(tmp_path, "name: Shop\nlimits:\n  text_char: 5\n")
    assert "frontdesk.yaml, line 3:" in said
    assert "`limits.text_char`" in said
    assert "did you mean `text_chars`?" in said
    assert "messages_per_minute" in said


def test_a_value_out_of_bounds_is_told_with_its_bounds(tmp_path: Path) -> None:
    said = complaint(tmp_path, "name: Shop\nserver:\n  port: 70000\n")
    assert "line 3: `server.port` is 70000; it must be less than or equal to 65535" in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "name: Shop\ntranscriber: whispr",
            "`transcriber` is 'whispr'; it must be one of: faster-whisper, ",
        ),
        ("name: Shop\nlanguage: nb", "must be one of: ar, de, en, es, zh"),
        ("name: Shop\nserver: {log: xml}", "must be 'text' or 'json'"),
        ("name: Shop\nredis: localhost", "must be `embedded`, or an address"),
        ("name: Shop\nmedia: ftp://x", "must be `folder`, the path of a folder, or s3://"),
        ("name: Shop\nlimits: {upload_bytes: tiny}", "or a size such as `25 MiB`"),
        ("name: Shop\ncalls: {call_back: {line: twilio}}", "call_back needs `prefixes`"),
        (
            "name: Shop\ncalls: {prefixes: ['+47'], call_back: {line: twilio}}",
            "call_back calls by `lines.twilio`, which is not there",
        ),
        (
            "name: Shop\ncalls: {prefixes: ['+47'], call_back: {line: asterisk}, "
            "lines: {asterisk: {password: secret}}}",
            "call_back calls by `lines.asterisk`, which needs `ari` to call somebody",
        ),
        ("name: Shop\ncalls: {prefixes: ['47']}", "calls.prefixes"),
        ("name: Shop\ncalls: {office_hours: 9-17}", "is not written like `Mo-Fr 09:00-17:00`"),
        ("name: Shop\ncalls: {timezone: Oslo}", "there is no time zone 'Oslo'"),
        ("name: Shop\nserver: 3", "must be a section of `key: value` lines"),
        ("name: Shop\nserver: {port: many}", "must be a whole number"),
        ("name: Shop\nname: Store", "`name` is there twice, first in line 1"),
        ("name: no", "`name` is False; it must be a text; put it into quotes"),
        ("- Shop", "the file must hold `key: value` lines"),
        ("name: [", "line 1, column 8: this is not YAML"),
        ("name: Shop\nserver:\n\tport: 1", "line 3, column 1: this is not YAML"),
        ("", "the key `name` is missing"),
        ("name: *shop", "this is not YAML"),
    ],
)
def test_mistakes_say_what_is_allowed(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in complaint(tmp_path, text)


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(tmp_path: Path) -> None:
    said = complaint(tmp_path, "nam: Shop\nserver: {port: x}\nlanguage: xx\n").splitlines()
    for line, expected in zip(said, ("missing", "line 1", "line 2", "line 3"), strict=False):
        assert expected in line


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / "frontdesk.yaml"
    file.write_bytes(b"name: \xff\xfe")
    with pytest.raises(OperatorError, match="not text in UTF-8"):
        load(file)


def test_a_recursive_alias_is_refused(tmp_path: Path) -> None:
    assert "nested too deeply" in complaint(tmp_path, "name: Shop\nserver: &a {host: *a}")


def test_a_password_in_an_address_is_not_repeated(tmp_path: Path) -> None:
    said = complaint(tmp_path, "name: Shop\nredis: http://desk:hunter2@host/0")
    assert "hunter2" not in said


def test_variables_are_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITE_SECRET", "s" * 40)
    config = load(
        write(tmp_path, "name: Shop\nchannels: {webchat: {identity: {shop: '${SITE_SECRET}'}}}")
    )
    assert config.channels.webchat.identity["shop"].get_secret_value() == "s" * 40
    assert "s" * 40 not in repr(config)


def test_a_variable_that_is_not_set_is_named_with_its_line(tmp_path: Path) -> None:
    said = complaint(tmp_path, "name: Shop\nredis: ${NO_SUCH_VARIABLE}")
    assert "line 2: the environment variable NO_SUCH_VARIABLE is not set" in said
    assert "export NO_SUCH_VARIABLE=" in said


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRONTDESK_REDIS", "redis://redis:6379")
    monkeypatch.setenv("FRONTDESK_SERVER__PORT", "9000")
    monkeypatch.setenv("FRONTDESK_CHANNELS__WEBCHAT__ORIGINS", "[https://shop.example]")
    config = load(write(tmp_path, "name: Shop\nredis: embedded\nserver: {port: 1}"))
    assert config.redis == "redis://redis:6379"
    assert config.server.port == 9000
    assert config.channels.webchat.origins == ["https://shop.example"]


def test_a_mistake_in_the_environment_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRONTDESK_SERVER__PORT", "http")
    said = complaint(tmp_path, "name: Shop")
    assert "environment variable FRONTDESK_SERVER__PORT" in said
    assert "whole number" in said


def test_one_text_is_in_the_business_own_language(tmp_path: Path) -> None:
    config = load(
        write(tmp_path, "name: Shop\nlanguage: de\ngreeting: Moin!\nsuggestions: [Wo ist sie]")
    )
    assert config.greeting == {"de": "Moin!"}
    assert config.suggestions == {"de": ["Wo ist sie"]}


def test_a_bare_name_chooses_an_engine(tmp_path: Path) -> None:
    config = load(write(tmp_path, "name: Shop\nsynthesizer: espeak\nmedia: s3://bucket/prefix"))
    assert config.synthesizer.engine == "espeak"
    assert config.media_place == "s3://bucket/prefix"


@pytest.mark.parametrize("part", ["text_encoder", "image_encoder"])
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("transformers", "`{part}` has `engine: transformers` and must name a `model`"),
        ("{{engine: transformers}}", "line 2: `{part}` has `engine: transformers` and must name"),
        ("{{model: some/where}}", "`{part}` names a `model`, which `engine: "),
    ],
)
def test_a_model_is_named_for_transformers_alone(
    part: str, written: str, expected: str, tmp_path: Path
) -> None:
    said = complaint(tmp_path, f"name: Shop\n{part}: {written.format(part=part)}")
    assert expected.format(part=part) in said


def test_a_models_folder_is_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "models" / "encoder").mkdir(parents=True)
    text = "name: Shop\ntext_encoder: {{engine: transformers, model: {}}}"
    beside = load(write(tmp_path, text.format("models/encoder")))
    assert beside.text_encoder.arguments == {"model": str(tmp_path / "models" / "encoder")}
    public = load(write(tmp_path, text.format("intfloat/multilingual-e5-small")))
    assert public.text_encoder.arguments == {"model": "intfloat/multilingual-e5-small"}


def test_an_engine_gets_what_its_section_says(tmp_path: Path) -> None:
    config = load(write(tmp_path, "name: Shop\nsynthesizer: {voice: en-us, words_per_minute: 200}"))
    assert config.synthesizer.arguments == {"voice": "en-us", "words_per_minute": 200}
    assert config.text_encoder.arguments == config.image_encoder.options == {}


def test_a_configuration_cannot_be_changed(tmp_path: Path) -> None:
    config: Config = load(write(tmp_path, "name: Shop"))
    with pytest.raises(ValueError, match="frozen"):
        config.name = "Other"


def test_smart_turn_is_installed_or_a_file_beside_this_one(tmp_path: Path) -> None:
    text = "name: Shop\ncalls: {{smart_turn: {}}}"
    assert load(write(tmp_path, text.format("installed"))).calls.smart_turn == "installed"
    assert "must be `installed` or a file" in complaint(tmp_path, text.format("turn.onnx"))
    (tmp_path / "turn.onnx").touch()
    there = load(write(tmp_path, text.format("turn.onnx")))
    assert there.calls.smart_turn == str(tmp_path / "turn.onnx")
