"""Frames: what is taken, and that nothing else gets through or breaks the decoder."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import AnswerAs
from connectors.webchat import protocol as wire


def test_hello_needs_only_its_protocol() -> None:
    assert wire.decode_first('{"type":"hello","protocol":1}') == wire.Hello(protocol=1)


def test_unknown_fields_are_ignored() -> None:
    frame = wire.decode('{"type":"ping","colour":"blue"}')
    assert frame == wire.Ping()


def test_message_is_read_with_all_its_fields() -> None:
    frame = wire.decode(
        '{"type":"message","id":"m_1","text":"Hi","attachments":["att_1"],"answer_as":"voice"}'
    )
    assert frame == wire.Say("m_1", "Hi", ("att_1",), AnswerAs.VOICE)


@pytest.mark.parametrize(
    "data",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"type":"nothing"}',
        '{"type":"message"}',
        '{"type":"message","id":""}',
        '{"type":"message","id":"a b"}',
        '{"type":"message","id":"m_1\\n"}',
        '{"type":"message","id":"' + "m" * 65 + '"}',
        '{"type":"message","id":"m","attachments":["../../etc/passwd"]}',
        '{"type":"message","id":"m","answer_as":"song"}',
        '{"type":"message","id":"m","text":"\\ud800"}',
        '{"type":"hello","protocol":"1"}',
        '{"type":"hello","protocol":1,"last_seq":-1}',
        '{"type":"hello","protocol":1,"last_seq":1e400}',
        '{"type":"upload","id":"u","size_bytes":1.5}',
        b'{"type":"message","id":"m","text":"\xff\xfe"}',
        "[" * 100_000,
        '{"type":"hello","protocol":1,"x":' + '{"a":' * 50_000,
        "\ud800",
    ],
)
def test_what_is_not_a_frame_is_refused(data: str | bytes) -> None:
    with pytest.raises(wire.FrameError) as refused:
        wire.decode(data)
    assert refused.value.code == "bad_frame"


def test_the_refusal_never_quotes_what_was_sent() -> None:
    with pytest.raises(wire.FrameError) as refused:
        wire.decode('{"type":"message","id":"secret words","text":"my card is 4111"}')
    assert "secret" not in refused.value.detail
    assert "4111" not in refused.value.detail


@pytest.mark.parametrize("version", [0, 2, 99])
def test_another_version_is_named_whatever_else_it_sends(version: int) -> None:
    hello = json.dumps({"type": "hello", "protocol": version, "token": {"new": "shape"}})
    with pytest.raises(wire.FrameError) as refused:
        wire.decode_first(hello)
    assert refused.value.code == "protocol_version"


@pytest.mark.parametrize("data", ['{"type":"ping"}', "{}", "rubbish", '{"type":"hello"}'])
def test_the_first_frame_must_be_a_hello(data: str) -> None:
    with pytest.raises(wire.FrameError) as refused:
        wire.decode_first(data)
    assert refused.value.code == "hello_first"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
types = st.sampled_from(["hello", "message", "typing", "upload", "renew", "trace", "ping", "no"])
names = st.sampled_from(
    ["protocol", "token", "locale", "last_seq", "id", "text", "attachments", "answer_as", "turn"]
)


@given(st.binary() | st.text())
def test_any_bytes_are_a_frame_or_a_frame_error(data: bytes | str) -> None:
    check(data)


@given(types, st.dictionaries(names, json_values, max_size=6))
def test_any_object_is_a_frame_or_a_frame_error(kind: str, fields: dict[str, Any]) -> None:
    check(json.dumps({"type": kind, **fields}))


def check(data: bytes | str) -> None:
    for decode in (wire.decode, wire.decode_first):
        try:
            frame = decode(data)
        except wire.FrameError:
            continue
        # What was taken can be written again: no half characters, no infinities.
        msgspec.json.encode(frame)


@given(st.text(max_size=200), st.integers(0, 2**40))
def test_what_the_desk_sends_is_json_on_one_line(text: str, seq: int) -> None:
    sound = text.encode("utf-8", "replace").decode()
    frame = wire.encode(wire.ShowDelta("rep_1", seq, sound))
    assert json.loads(frame) == {"type": "delta", "reply": "rep_1", "at": seq, "text": sound}
    assert "\n" not in frame
