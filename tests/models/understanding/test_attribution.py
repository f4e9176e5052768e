import numpy as np
import pytest
from PIL import Image

from models.minilm import MiniLM
from models.small_image_encoder import SmallImageEncoder
from models.understanding.attribution import attribute
from models.understanding.observation import OUT_OF_SCOPE, Line, Observation, Prosody
from models.understanding.predictor import Predictor
from models.understanding.regions import GRID, occluded, region_shares
from models.understanding.versions import Versions
from tests.models.understanding.screens import HALVES, halves, train_on_left_halves

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


def test_a_line_keeps_its_place(predictor: Predictor) -> None:
    found = attribute(predictor, Observation(text="look", lines=SCREEN))
    assert [each.line for each in found.lines] == list(SCREEN)


def test_the_same_is_said_of_a_line_whatever_words_stand_beside_it(predictor: Predictor) -> None:
    twice = (SCREEN[1], SCREEN[1])
    one, other = attribute(predictor, Observation(text="a b c d", lines=twice)).lines
    assert one.value == pytest.approx(other.value, abs=1e-6)


@pytest.fixture(scope="module")
def halves_predictor(minilm: MiniLM, tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    versions = Versions(tmp_path_factory.mktemp("halves"))
    train_on_left_halves(versions, minilm)
    return Predictor(versions.path(versions.current or ""), minilm)


# Colours that stand for no intent: beside the other intent's own, the border of both matters too.
@pytest.mark.parametrize("right", ["#808080", "#f0f0f0", "#20a040"])
@pytest.mark.parametrize("intent", ["red", "blue"])
def test_the_half_that_decides_has_the_largest_regions(
    intent: str, right: str, halves_predictor: Predictor
) -> None:
    encoder = SmallImageEncoder()
    picture = halves(HALVES[intent], right)
    vectors = list(encoder.encode(occluded(picture)))
    seen = Observation(text="see picture", image=tuple(map(float, vectors[0])))
    (found,) = halves_predictor.predict(halves_predictor.encode([seen]))
    assert found.best.name == intent

    regions = region_shares(halves_predictor, seen, intent, vectors)
    assert len(regions) == GRID**2
    assert max(regions, key=lambda each: each.value).right <= 0.5
    on_the_left = sum(each.value for each in regions if each.right <= 0.5)
    assert on_the_left > sum(each.value for each in regions if each.left >= 0.5)


def test_another_encoder_s_vectors_tell_no_regions(halves_predictor: Predictor) -> None:
    picture = halves(HALVES["red"], "white")
    vectors = list(SmallImageEncoder().encode(occluded(picture)))
    seen = Observation(text="see picture", image=tuple(map(float, vectors[0])))
    others = [-vector for vector in vectors]
    assert region_shares(halves_predictor, seen, "red", others) == ()


@pytest.mark.parametrize("size", [(3, 2), (500, 90), (90, 500)])
def test_regions_cover_pictures_of_every_shape(size: tuple[int, int]) -> None:
    # Every pixel is far from the mean colour.
    width, height = size
    picture = Image.fromarray((np.indices((height, width)).sum(axis=0) % 2 * 255).astype(np.uint8))
    whole, *variants = occluded(picture)
    assert len(variants) == GRID**2
    painted = [np.any(np.asarray(each) != np.asarray(whole), axis=2) for each in variants]
    assert np.all(np.sum(painted, axis=0) == 1)
