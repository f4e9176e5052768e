import pytest

from models.minilm import MiniLM
from models.understanding.attribution import attribute
from models.understanding.observation import OUT_OF_SCOPE, Line, Observation, Prosody
from models.understanding.predictor import Predictor
from models.understanding.versions import Versions

SCREEN = (Line("Sign in", 0.1, 0.1, 0.6, 0.2), Line("Wrong e-mail or password", 0.1, 0.4, 0.9, 0.5))


@pytest.fixture(scope="module")
def predictor(shop_versions: Versions, minilm: MiniLM) -> Predictor:
    return Predictor(shop_versions.path(shop_versions.current or ""), minilm)


@pytest.mark.parametrize(
    "seen",
    [
        Observation(text="I want my money back"),
        Observation(text="what does this mean", lines=SCREEN),
        Observation(
            text="see picture",
            lines=SCREEN,
            image=(0.1,) * 8,
            prosody=Prosody(4.0, -20.0, 5.0, 180.0, 3.0, 0.1),
            history=("where is my order",),
        ),
    ],
)
def test_the_modalities_shares_add_up_to_the_whole(seen: Observation, predictor: Predictor) -> None:
    found = attribute(predictor, seen)
    total = found.nothing + sum(share.value for share in found.modalities)
    assert total == pytest.approx(found.probability, abs=1e-6)


def test_only_what_is_there_has_a_share(predictor: Predictor) -> None:
    found = attribute(predictor, Observation(text="hello", history=("refund",)))
    assert [share.name for share in found.modalities] == ["text", "history"]


def test_a_single_modality_has_it_all(predictor: Predictor) -> None:
    found = attribute(predictor, Observation(text="I want my money back"))
    (share,) = found.modalities
    assert share.value == pytest.approx(found.probability - found.nothing)


def test_the_screen_is_what_decides_beside_vague_words(predictor: Predictor) -> None:
    found = attribute(predictor, Observation(text="what does this mean", lines=SCREEN))
    shares = {share.name: share.value for share in found.modalities}
    assert found.intent == "login"
    assert shares["screen"] > shares["text"]


def test_the_word_and_the_line_that_matter_have_the_most(predictor: Predictor) -> None:
    said = attribute(predictor, Observation(text="so, the invoice please"))
    assert max(said.words, key=lambda share: share.value).name == "invoice"
    shown = attribute(
        predictor, Observation(text="look", lines=(*SCREEN, Line("9:41", 0.0, 0.0, 0.1, 0.05)))
    )
    values = {each.line.text: each.value for each in shown.lines}
    assert values["9:41"] < max(values["Sign in"], values["Wrong e-mail or password"])


def test_why_a_turn_is_foreign_is_explained_too(predictor: Predictor) -> None:
    found = attribute(predictor, Observation(text="what is the capital of Peru"))
    if found.intent == OUT_OF_SCOPE:
        assert found.probability >= 0.5
    else:
        pytest.fail("a question about Peru is not the shop's")
