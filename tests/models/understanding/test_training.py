"""A training from its examples to a version, and what may go wrong on the way."""

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.errors import ModelError
from models.minilm import MiniLM
from models.understanding.judging import judge
from models.understanding.observation import OUT_OF_SCOPE, Example, Labels, Line, Observation
from models.understanding.predictor import Predictor
from models.understanding.settings import Balance, Settings, Smaller, Tune
from models.understanding.setup import settled
from models.understanding.trainer import LossDiverged
from models.understanding.training import Trained, train
from models.understanding.versions import Versions
from tests.models.understanding import shop
from tests.models.understanding.shop import setup_of

QUICK = Settings(epochs=4)


def _predictor(versions: Versions, made: Trained, encoder: MiniLM) -> Predictor:
    return Predictor(versions.path(made.version), encoder)


def _said(predictor: Predictor, *texts: str) -> list[str]:
    found = predictor.predict(predictor.encode([Observation(text=text) for text in texts]))
    return [each.best.name for each in found]


def test_what_it_was_not_taught_word_for_word_is_understood(
    shop_versions: Versions, minilm: MiniLM
) -> None:
    predictor = Predictor(shop_versions.path(shop_versions.current or ""), minilm)
    assert _said(
        predictor,
        "my parcel never came, where has it got to?",
        "I'd like my cash back",
        "the password is refused",
        "please mail the bill",
        "stop the purchase",
        "the kettle is faulty after three weeks, guarantee?",
    ) == ["order_status", "refund", "login", "invoice", "cancel", "warranty"]


def test_a_screen_tells_what_vague_words_do_not(shop_versions: Versions, minilm: MiniLM) -> None:
    predictor = Predictor(shop_versions.path(shop_versions.current or ""), minilm)
    screens = {each.labels.intents[0]: each.observation for each in shop.shown()}
    seen = [replace(each, text="hm, and now?") for each in screens.values()]
    found = predictor.predict(predictor.encode(seen))
    assert [each.best.name for each in found] == list(screens)


def test_foreign_turns_score_higher_than_the_shops_own(
    shop_versions: Versions, minilm: MiniLM
) -> None:
    predictor = Predictor(shop_versions.path(shop_versions.current or ""), minilm)
    own = ["where did my delivery go", "refund please", "new password needed", "bill for my order"]
    foreign = ["recite a haiku", "how many moons has Jupiter", "play some jazz", "2 + 2 is what"]
    found = predictor.predict(predictor.encode([Observation(text=t) for t in [*own, *foreign]]))
    scores = [each.out_of_scope for each in found]
    assert max(scores[:4]) < min(scores[4:])


def test_manner_is_learned_from_general_examples(shop_versions: Versions, minilm: MiniLM) -> None:
    predictor = Predictor(shop_versions.path(shop_versions.current or ""), minilm)
    texts = ["let me speak with a human", "no hurry at all, thank you", "urgent, answer me now"]
    person, calm, urgent = predictor.predict(
        predictor.encode([Observation(text=text) for text in texts])
    )
    assert person.wants_person > max(calm.wants_person, urgent.wants_person)
    assert urgent.urgency > calm.urgency
    assert calm.sentiment > urgent.sentiment


def test_two_wishes_in_one_turn_are_both_heard(shop_versions: Versions, minilm: MiniLM) -> None:
    predictor = Predictor(shop_versions.path(shop_versions.current or ""), minilm)
    text = "cancel my order. Also, I need the invoice"
    (found,) = predictor.predict(predictor.encode([Observation(text=text)]))
    assert {each.name for each in found.several} == {"cancel", "invoice"}
    (one,) = predictor.predict(predictor.encode([Observation(text="cancel my order")]))
    assert [each.name for each in one.several] == ["cancel"]


@pytest.mark.parametrize("fusion", ["concatenation", "attention", "late", "linear"])
def test_every_fusion_trains_and_is_served(fusion: str, versions: Versions, minilm: MiniLM) -> None:
    settings = Settings(fusion=fusion, epochs=8)
    made = train(setup_of(minilm, [*shop.said(), *shop.shown()], settings=settings), versions)
    predictor = _predictor(versions, made, minilm)
    assert _said(predictor, "I want my money back", "cancel my order") == ["refund", "cancel"]
    assert made.run.epochs[-1].loss < made.run.epochs[0].loss


def test_the_same_seed_gives_the_same_model(tmp_path: Path, minilm: MiniLM) -> None:
    losses = []
    for place, seed in (("one", 1), ("two", 1), ("three", 2)):
        setup = setup_of(minilm, shop.said(), settings=Settings(epochs=3, seed=seed))
        made = train(setup, Versions(tmp_path / place))
        losses.append([epoch.loss for epoch in made.run.epochs])
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("balance", list(Balance))
def test_a_rare_intent_is_learned_beside_common_ones(
    balance: Balance, versions: Versions, minilm: MiniLM
) -> None:
    rare = [e for e in shop.said() if e.labels.intents == ("warranty",)][:4]
    common = [e for e in shop.said() if e.labels.intents != ("warranty",)]
    settings = Settings(epochs=6, balance=balance)
    made = train(setup_of(minilm, [*common, *rare], settings=settings), versions)
    predictor = _predictor(versions, made, minilm)
    assert _said(predictor, "my headphones stopped working, warranty") == ["warranty"]


@pytest.mark.parametrize("tune", [Tune.LAST, Tune.FULL, Tune.LORA])
def test_the_encoder_is_trained_with_the_rest(
    tune: Tune, versions: Versions, minilm: MiniLM, tiny_bert: Path
) -> None:
    settings = Settings(tune=tune, epochs=6, contrast=0.0, encoder_rate=1e-3)
    made = train(setup_of(minilm, shop.said(), settings=settings, source=tiny_bert), versions)
    assert made.run.epochs[-1].loss < made.run.epochs[0].loss
    predictor = _predictor(versions, made, minilm)
    examples = shop.said()
    found = predictor.predict(predictor.encode([each.observation for each in examples]))
    assert judge("", "", predictor.card.intents, examples, found).accuracy > 0.9


def test_adversarial_training_still_learns(versions: Versions, minilm: MiniLM) -> None:
    settings = Settings(epochs=8, adversarial=0.3)
    made = train(setup_of(minilm, shop.said(), settings=settings), versions)
    assert made.run.epochs[-1].task_losses["intent"] < made.run.epochs[0].task_losses["intent"]
    assert _said(_predictor(versions, made, minilm), "send me the invoice") == ["invoice"]


def test_one_intent_alone_is_refused(versions: Versions, minilm: MiniLM) -> None:
    only = [each for each in shop.said() if each.labels.intents == ("refund",)]
    with pytest.raises(ModelError, match="at least two"):
        train(setup_of(minilm, only), versions)
    assert versions.names() == []


def test_an_unlabelled_share_is_allowed(versions: Versions, minilm: MiniLM) -> None:
    """Examples may be labelled for manner alone."""
    mood = Example(Observation(text="oh well"), Labels((), sentiment=-0.2))
    made = train(setup_of(minilm, [*shop.said(), mood], settings=QUICK), versions)
    assert made.run.examples == len(shop.said()) + 1


def test_a_diverging_loss_stops_with_words_and_leaves_what_is_served(
    shop_versions: Versions, versions: Versions, minilm: MiniLM
) -> None:
    made = train(setup_of(minilm, shop.said(), settings=QUICK), versions)
    versions.serve(made.version)
    with pytest.raises(LossDiverged, match="a lower learning rate may help"):
        train(setup_of(minilm, shop.said(), settings=Settings(epochs=4, rate=1e30)), versions)
    assert versions.names() == [made.version]
    assert versions.current == made.version


@pytest.mark.parametrize("step", ["vectors", "write"])
def test_a_disk_that_is_full_leaves_what_is_served(
    step: str, versions: Versions, minilm: MiniLM
) -> None:
    """A limit on the size of files stands in for the disk: the error comes from the system. From
    the first step on it meets a checkpoint, from the last one the version."""
    made = train(setup_of(minilm, shop.said(), settings=QUICK), versions)
    versions.serve(made.version)
    script = f"""
import resource, signal, sys
from models.minilm import MiniLM
from models.understanding.settings import Settings
from models.understanding.training import train
from models.understanding.versions import Versions
from pathlib import Path
from tests.models.understanding import shop
encoder = MiniLM()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

def tell(step, done, of):
    if step == {step!r}:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

try:
    train(shop.setup_of(encoder, shop.said(), settings=Settings(epochs=1, seed=9)),
          Versions(Path({str(versions.folder)!r})), tell)
except OSError as error:
    sys.exit(f"stopped: {{error!r}}")
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("stopped:")
    assert ("could not be written whole" in ended.stderr) == (step == "vectors")
    assert [each.name for each in (versions.folder / "versions").iterdir()] == [made.version]
    assert _said(Predictor(versions.path(made.version), minilm), "cancel my order") == ["cancel"]


class _Stopped(Exception):
    pass


def _stop_at(steps: int) -> Callable[[str, int, int], None]:
    def tell(step: str, done: int, of: int) -> None:
        if step == "train" and done == steps:
            raise _Stopped

    return tell


def test_a_damaged_checkpoint_is_left_aside(tmp_path: Path, minilm: MiniLM) -> None:
    setup = setup_of(minilm, shop.said(), settings=QUICK)
    whole = train(setup, Versions(tmp_path / "whole"))
    versions = Versions(tmp_path / "damaged")
    with pytest.raises(_Stopped):
        train(setup, versions, _stop_at(3))
    (checkpoint,) = (versions.folder / "training").rglob("*.pt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    made = train(setup, versions)
    assert [each.loss for each in made.run.epochs] == [each.loss for each in whole.run.epochs]
    (warning,) = made.run.warnings
    assert f"{checkpoint} is damaged" in warning


def test_trainings_that_were_given_up_are_forgotten_after_a_good_one(
    versions: Versions, minilm: MiniLM
) -> None:
    with pytest.raises(_Stopped):
        train(setup_of(minilm, shop.said(), settings=QUICK), versions, _stop_at(3))
    assert (versions.folder / "training").is_dir()
    train(setup_of(minilm, shop.said(), settings=replace(QUICK, seed=5)), versions)
    assert not (versions.folder / "training").exists()


def test_a_second_training_in_the_same_place_is_refused(versions: Versions, minilm: MiniLM) -> None:
    setup = setup_of(minilm, shop.said(), settings=QUICK)
    with versions.training(), pytest.raises(ModelError, match="another training is running"):
        train(setup, versions)
    assert train(setup, versions).written


def test_a_text_encoder_that_cannot_be_loaded_is_named(versions: Versions, minilm: MiniLM) -> None:
    settings = replace(QUICK, tune=Tune.FULL)
    setup = setup_of(minilm, shop.said(), settings=settings, source=versions.folder / "nothing")
    with pytest.raises(ModelError, match=r"nothing cannot be loaded: there is no such folder"):
        train(setup, versions)


def test_what_needs_a_trained_encoder_is_refused_without(
    versions: Versions, minilm: MiniLM, tiny_bert: Path
) -> None:
    with pytest.raises(ModelError, match="`smaller` is for a text encoder that is trained"):
        Settings(smaller=Smaller.PRUNED)
    with pytest.raises(ModelError, match="`shard` is for a text encoder that is trained"):
        Settings(shard=True)
    alone = replace(QUICK, tune=Tune.FULL, shard=True)
    with pytest.raises(ModelError, match="torchrun"):
        train(setup_of(minilm, shop.said(), settings=alone, source=tiny_bert), versions)


_RESUMED = """
import json, os, signal, sys
from pathlib import Path
from models.minilm import MiniLM
from models.understanding.settings import Settings
from models.understanding.training import train
from models.understanding.versions import Versions
from tests.models.understanding import shop

folder, kill_at = Path(sys.argv[1]), int(sys.argv[2])
seen = []

def tell(step, done, of):
    if step == "train":
        seen.append(done)
        if len(seen) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

setup = shop.setup_of(MiniLM(), shop.said(), settings=Settings(epochs=5, batch=16))
made = train(setup, Versions(folder), tell)
print(json.dumps({"steps": len(seen), "losses": [epoch.loss for epoch in made.run.epochs]}))
"""


def _run(folder: Path, kill_at: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _RESUMED, str(folder), str(kill_at)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_after_a_kill_the_training_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    whole = json.loads(_run(tmp_path / "whole", 0).stdout)
    killed = _run(tmp_path / "killed", whole["steps"] * 3 // 5)
    assert killed.returncode == -signal.SIGKILL
    assert Versions(tmp_path / "killed").names() == []
    again = json.loads(_run(tmp_path / "killed", 0).stdout)
    assert again["losses"] == whole["losses"]
    assert 0 < again["steps"] < whole["steps"]


def test_calibration_is_kept_with_the_version(shop_versions: Versions) -> None:
    card = shop_versions.card(shop_versions.current or "")
    assert OUT_OF_SCOPE not in card.intents
    assert all(math.isfinite(value) for value in card.calibration.foreign)


def test_int8_answers_as_the_float_encoder_does(
    versions: Versions, minilm: MiniLM, tiny_bert: Path
) -> None:
    settings = Settings(tune=Tune.FULL, epochs=4, contrast=0.0)
    made = train(setup_of(minilm, shop.said(), settings=settings, source=tiny_bert), versions)
    size = (versions.path(made.version) / "encoder.onnx").stat().st_size
    weights = (tiny_bert / "model.safetensors").stat().st_size
    assert size < 0.6 * weights
    assert np.isfinite(made.evaluation.accuracy)


@pytest.mark.parametrize(
    ("seen", "fusion"),
    [
        (Observation("hello"), "concatenation"),
        (Observation("this", lines=(Line("Error 51"),)), "attention"),
        (Observation(image=(0.5, 0.5)), "attention"),
    ],
    ids=["words", "a screen", "a picture"],
)
def test_pictures_decide_how_modalities_are_fused(seen: Observation, fusion: str) -> None:
    examples = [Example(Observation("hello"), Labels(("a",))), Example(seen, Labels(("b",)))]
    assert settled(Settings(), examples).fusion == fusion
    assert settled(Settings(fusion="late"), examples).fusion == "late"
