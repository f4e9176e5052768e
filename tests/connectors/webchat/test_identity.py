"""Identity: a customer is who the site's server says, and nobody else."""

import hashlib
import hmac

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import OperatorError
from connectors.webchat.identity import Identity, IdentityInvalid

NOW = 1_800_000_000
SHOP = "shop-secret-that-is-long-enough-for-this-and-for-HS512-without-a-warning"
BLOG = "blog-secret-that-is-long-enough-for-this"
SOON = NOW + 300


@pytest.fixture
def identity() -> Identity:
    return Identity({"shop": SHOP, "blog": BLOG}, clock=lambda: NOW)


def token(secret: str = SHOP, algorithm: str = "HS256", **claims: object) -> str:
    return jwt.encode({"sub": "4711", "exp": SOON, **claims}, secret, algorithm=algorithm)


def signature(user: str, expiry: int = SOON, secret: str = SHOP) -> str:
    digest = hmac.new(secret.encode(), f"{expiry}:{user}".encode(), hashlib.sha256)
    return f"hmac:{expiry}:{digest.hexdigest()}:{user}"


def test_a_json_web_token_names_its_customer(identity: Identity) -> None:
    """Whatever else it claims."""
    assert identity.check(token()) == identity.check(token(nickname="Ann"))
    assert identity.check(token(name="Ann")).name == "Ann"
    assert identity.check(token(name=["Ann"])).name == ""
    assert identity.check(token()) != identity.check(token(sub="4712"))


def test_both_forms_name_the_same_customer(identity: Identity) -> None:
    assert identity.check(token()) == identity.check(signature("4711"))


def test_two_sites_users_with_one_name_are_two_customers(identity: Identity) -> None:
    assert identity.check(token()) != identity.check(token(BLOG))


def test_site_and_user_cannot_be_shifted_into_each_other() -> None:
    ab = Identity({"a": SHOP}, clock=lambda: NOW).check(signature("bc"))
    abc = Identity({"ab": SHOP}, clock=lambda: NOW).check(signature("c"))
    assert ab != abc


def test_a_user_id_may_hold_colons_and_any_letters(identity: Identity) -> None:
    known = identity.check(signature("tenant:7:Žofie"))
    assert known != identity.check(signature("tenant"))


@pytest.mark.parametrize(
    "proof",
    [
        "",
        "hmac:",
        "hmac:1:2",
        "hmac:soon:00:4711",
        f"hmac:{SOON}:zz:4711",
        "a.b.c",
        "\x00",
        signature("4711", secret=SHOP + "!"),
        signature("4711", expiry=NOW - 3600),
        signature("4711", expiry=NOW + 365 * 86_400),
        signature(""),
        signature("4711").replace(":4711", ":4712"),
        token(SHOP + "!"),
        token(exp=NOW - 3600),
        token(exp=NOW + 365 * 86_400),
        token(sub=""),
        token(exp="soon"),
        token(algorithm="HS512"),
        jwt.encode({"sub": "4711", "exp": SOON}, None, algorithm="none"),
        jwt.encode({"sub": "4711"}, SHOP, algorithm="HS256"),
        jwt.encode({"exp": SOON}, SHOP, algorithm="HS256"),
    ],
)
def test_what_proves_nothing_is_refused(identity: Identity, proof: str) -> None:
    with pytest.raises(IdentityInvalid):
        identity.check(proof)


@given(st.text(), st.sampled_from(["", "hmac:", f"hmac:{SOON}:", "hmac:" + "9" * 400 + ":00:"]))
def test_any_text_is_an_identity_or_is_refused(text: str, start: str) -> None:
    with pytest.raises(IdentityInvalid):
        Identity({"shop": SHOP}, clock=lambda: NOW).check(start + text)


def test_an_expiry_beyond_all_numbers_is_refused(identity: Identity) -> None:
    with pytest.raises(IdentityInvalid):
        identity.check(signature("4711", expiry=10**400))
    with pytest.raises(IdentityInvalid):
        identity.check(token(exp=10**400))


def test_a_clock_that_is_a_little_off_is_forgiven(identity: Identity) -> None:
    identity.check(signature("4711", expiry=NOW - 30))


def test_without_a_configured_site_nobody_is_known() -> None:
    with pytest.raises(IdentityInvalid):
        Identity({}).check(token())


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(OperatorError, match="shop"):
        Identity({"shop": "short"})


def test_addresses_that_the_site_has_verified_are_told(identity: Identity) -> None:
    known = identity.check(
        token(
            email="ann@example.com",
            email_verified=True,
            phone_number="+4712345678",
            phone_number_verified=True,
        )
    )
    assert known.verified == ("mailto:ann@example.com", "tel:+4712345678")


@pytest.mark.parametrize("claim", [False, None, "true", 1, "yes", [True]])
def test_an_address_that_is_not_said_to_be_verified_counts_for_nothing(
    identity: Identity, claim: object
) -> None:
    assert identity.check(token(email="ann@example.com", email_verified=claim)).verified == ()
    assert identity.check(token(email="ann@example.com")).verified == ()
    assert identity.check(token(email=["ann@example.com"], email_verified=True)).verified == ()
    assert identity.check(signature("4711")).verified == ()
