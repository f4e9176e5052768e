"""Several processes train as one does."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

_SCRIPT = """
import json, os, signal, sys
from pathlib import Path
import torch.distributed as dist
from models.minilm import MiniLM
from models.understanding.observation import Observation
from models.understanding.predictor import Predictor
from models.understanding.settings import Settings, Tune
from models.understanding import sharding
from models.understanding.training import train
from models.understanding.versions import Versions
from tests.models.understanding import shop

folder, source, tune, shard, kill_at = sys.argv[1:]
settings = Settings(
    epochs=3, batch=16, dropout=False, tune=Tune(tune), contrast=0.0, precision="fp32",
    encoder_rate=1e-3, shard=shard == "shard",
)
setup = shop.setup_of(MiniLM(), shop.said(), settings=settings, source=Path(source))
held, seen = [], []
share_out = sharding.shared_out

def tell(step, done, of):
    if step == "train":
        seen.append(done)
        if len(seen) == int(kill_at):
            os.kill(os.getpid(), signal.SIGKILL)

def counted(encoder, device):
    of = sum(weight.numel() for weight in encoder.parameters())
    shares = share_out(encoder, device)
    mine = sum(weight.to_local().numel() for weight in shares.parameters())
    held.append((mine / of, sum(weight.is_meta for weight in encoder.parameters())))
    return shares

import models.understanding.trainer
models.understanding.trainer.shared_out = counted
made = train(setup, Versions(Path(folder)), tell)
if dist.is_initialized():
    everyone = [None] * dist.get_world_size()
    dist.all_gather_object(everyone, held)
if made.written:
    predictor = Predictor(Versions(Path(folder)).path(made.version), setup.text_encoder)
    some = [Observation(text=text) for text in ("money back", "no access", "where is it")]
    print(json.dumps({
        "losses": [epoch.loss for epoch in made.run.epochs],
        "steps": len(seen),
        "held": everyone if dist.is_initialized() else [],
        "found": [[each.probability for each in sorted(found.intents, key=lambda one: one.name)]
                  for found in predictor.predict(predictor.encode(some))],
    }))
"""


@dataclass(frozen=True)
class Outcome:
    losses: list[float]
    steps: int
    held: list[list[tuple[float, int]]]
    """For each process and phase: the share of the encoder's weights that it holds."""
    found: list[list[float]]
    """Probabilities that the written version gives."""


def _run(
    folder: Path, source: Path, tune: str, processes: int, shard: str = "", kill_at: int = 0
) -> subprocess.CompletedProcess[str]:
    script = folder / "train.py"
    folder.mkdir(exist_ok=True)
    script.write_text(_SCRIPT, "utf-8")
    launcher = [sys.executable]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    words = [str(script), str(folder / "made"), str(source), tune, shard, str(kill_at)]
    return subprocess.run(
        [*launcher, *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()},
    )


def _trained(folder: Path, source: Path, tune: str, processes: int, shard: str = "") -> Outcome:
    ended = _run(folder, source, tune, processes, shard)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return Outcome(**json.loads(ended.stdout.strip().splitlines()[-1]))


@pytest.mark.parametrize("tune", ["none", "last"])
def test_two_processes_have_the_losses_of_one(tune: str, tmp_path: Path, tiny_bert: Path) -> None:
    one = _trained(tmp_path / "one", tiny_bert, tune, 1)
    two = _trained(tmp_path / "two", tiny_bert, tune, 2)
    assert two.losses == pytest.approx(one.losses, rel=1e-3)
    assert one.losses[-1] < one.losses[0]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Outcome:
    """Of two processes, each with half of the encoder."""
    return _trained(tmp_path_factory.mktemp("shared"), tiny_bert, "full", 2, "shard")


def test_an_encoder_that_is_shared_out_trains_as_a_whole_one(
    shared: Outcome, tmp_path: Path, tiny_bert: Path
) -> None:
    one = _trained(tmp_path, tiny_bert, "full", 1)
    assert shared.losses == pytest.approx(one.losses, rel=1e-3)
    assert one.losses[-1] < one.losses[0]
    for got, wanted in zip(shared.found, one.found, strict=True):
        assert got == pytest.approx(wanted, abs=0.01)


def test_each_process_holds_half_of_the_encoder(shared: Outcome) -> None:
    assert len(shared.held) == 2
    for phases in shared.held:
        assert len(phases) == 2
        for share, hollow in phases:
            assert share == pytest.approx(0.5, abs=0.05)
            assert hollow > 0


def test_two_processes_go_on_after_a_kill(shared: Outcome, tmp_path: Path, tiny_bert: Path) -> None:
    killed = _run(tmp_path, tiny_bert, "full", 2, "shard", shared.steps * 3 // 5)
    assert killed.returncode != 0
    assert list((tmp_path / "made" / "training").rglob("*.pt"))
    again = _trained(tmp_path, tiny_bert, "full", 2, "shard")
    assert again.losses == pytest.approx(shared.losses, rel=1e-6)
    assert 0 < again.steps < shared.steps
