"""Tokens: only this desk's, only for their purpose, only in their time."""

import os
import stat
from pathlib import Path

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import OperatorError
from bot.messages import AttachmentKind
from connectors.webchat.tokens import (
    MediaAddress,
    Session,
    Signer,
    TokenExpired,
    TokenInvalid,
    load_secret,
)

SECRET = b"0123456789abcdef0123456789abcdef"
SESSION = Session("cus_1", "con_1", identified=False)


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signer(clock: Clock) -> Signer:
    return Signer(SECRET, clock=clock)


def test_a_token_gives_back_what_was_signed(signer: Signer) -> None:
    assert signer.read(Session, signer.sign(SESSION, expires_in_s=60)) == SESSION


def test_a_token_ends_with_its_time(signer: Signer, clock: Clock) -> None:
    token = signer.sign(SESSION, expires_in_s=60)
    clock.now += 59
    signer.read(Session, token)
    clock.now += 1
    with pytest.raises(TokenExpired):
        signer.read(Session, token)


def test_another_desks_token_is_worth_nothing(signer: Signer) -> None:
    token = Signer(b"x" * 32).sign(SESSION, expires_in_s=1e9)
    with pytest.raises(TokenInvalid):
        signer.read(Session, token)


def test_a_token_of_one_purpose_does_not_serve_another(signer: Signer) -> None:
    address = MediaAddress("att_1", "cus_1", AttachmentKind.IMAGE, "image/png", 3)
    token = signer.sign(address, expires_in_s=60)
    with pytest.raises(TokenInvalid):
        signer.read(Session, token)


@pytest.mark.parametrize("place", [0, 40, 100, -1])
def test_a_changed_token_is_refused(signer: Signer, place: int) -> None:
    token = list(signer.sign(SESSION, expires_in_s=60))
    token[place] = "A" if token[place] != "A" else "B"
    with pytest.raises(TokenInvalid):
        signer.read(Session, "".join(token))


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "é" * 40, "\x00", "a" * 100_000])
def test_rubbish_is_refused(signer: Signer, token: str) -> None:
    with pytest.raises(TokenInvalid):
        signer.read(Session, token)


@given(st.text())
def test_any_text_is_refused(token: str) -> None:
    with pytest.raises(TokenInvalid):
        Signer(SECRET).read(Session, token)


def test_an_unsigned_token_is_refused(signer: Signer) -> None:
    claims = {"type": "session", "customer": "cus_1", "conversation": "con_1", "exp": 2e9}
    with pytest.raises(TokenInvalid):
        signer.read(Session, jwt.encode(claims, None, algorithm="none"))


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = load_secret(tmp_path / "data")
    assert load_secret(tmp_path / "data") == first
    assert len(first) == 32
    mode = stat.S_IMODE((tmp_path / "data" / "secret").stat().st_mode)
    assert mode == 0o600
    assert os.listdir(tmp_path / "data") == ["secret"]


def test_a_secret_that_others_can_read_stops_the_desk(tmp_path: Path) -> None:
    load_secret(tmp_path)
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(OperatorError, match="chmod 600"):
        load_secret(tmp_path)


def test_a_damaged_secret_is_named(tmp_path: Path) -> None:
    load_secret(tmp_path)
    (tmp_path / "secret").write_text("not hexadecimal")
    with pytest.raises(OperatorError, match="secret"):
        load_secret(tmp_path)


def test_the_environment_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRONTDESK_SECRET", "e" * 40)
    assert load_secret(tmp_path) == b"e" * 40
    assert not list(tmp_path.iterdir())


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(OperatorError, match="at least 32"):
        Signer(b"short")
