import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import (
    ID_PATTERN,
    AnswerAs,
    Attachment,
    AttachmentId,
    AttachmentKind,
    Citation,
    Entry,
    Message,
    Reply,
    ReplyKind,
    new_id,
)

ids = st.from_regex(ID_PATTERN, fullmatch=True)
texts = st.text(max_size=200)
seconds = st.floats(min_value=0, max_value=4e9, allow_nan=False)

attachments = st.builds(
    Attachment,
    id=ids,
    kind=st.sampled_from(AttachmentKind),
    media_type=texts,
    size_bytes=st.integers(0, 2**40),
    name=texts,
    duration_s=st.none() | seconds,
)
messages = st.builds(
    Message,
    id=ids,
    channel=ids,
    conversation=ids,
    customer=ids,
    text=texts,
    attachments=st.lists(attachments, max_size=3).map(tuple),
    locale=texts,
    answer_as=st.sampled_from(AnswerAs),
    sent_at=seconds,
)
replies = st.builds(
    Reply,
    id=ids,
    channel=ids,
    conversation=ids,
    customer=ids,
    turn=ids,
    kind=st.sampled_from(ReplyKind),
    text=texts,
    citations=st.lists(st.builds(Citation, article=ids, title=texts, url=texts, quote=texts)).map(
        tuple
    ),
    suggestions=st.lists(texts, max_size=3).map(tuple),
    speech=st.lists(attachments, max_size=2).map(tuple),
    transcripts=st.dictionaries(ids, texts, max_size=3),
    locale=texts,
    created_at=seconds,
)


@given(st.builds(Entry, seq=st.integers(1, 2**53), item=messages | replies))
def test_what_is_kept_comes_back_as_it_was(entry: Entry) -> None:
    assert msgspec.json.decode(msgspec.json.encode(entry), type=Entry) == entry


@given(st.binary(max_size=200))
def test_foreign_bytes_are_never_taken_for_a_message(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(b'{"type":"message",' + data, type=Message)


def test_a_message_cannot_be_changed() -> None:
    attachment = Attachment(AttachmentId("att_1"), AttachmentKind.IMAGE, "image/png", 1)
    with pytest.raises(AttributeError):
        attachment.size_bytes = 2


def test_ids_are_new_each_time_and_fit_the_pattern() -> None:
    made = {new_id("con") for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(ID_PATTERN.fullmatch(each) for each in made)
