"""Several processes train as one does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """
import json, os, sys
from pathlib import Path
from models.minilm import MiniLM
from models.understanding.settings import Settings, Tune
from models.understanding.training import train
from models.understanding.versions import Versions
from tests.models.understanding import shop

folder, source, tune = Path(sys.argv[1]), Path(sys.argv[2]), Tune(sys.argv[3])
settings = Settings(
    epochs=3, batch=16, dropout=False, tune=tune, members=1, contrast=0.0, precision="fp32",
    encoder_rate=1e-3,
)
setup = shop.setup_of(MiniLM(), shop.said(), settings=settings, source=source)
made = train(setup, Versions(folder))
if os.environ.get("RANK", "0") == "0":
    print(json.dumps([epoch.loss for epoch in made.run.epochs]))
"""


def _losses(folder: Path, source: Path, tune: str, processes: int) -> list[float]:
    script = folder / "train.py"
    folder.mkdir()
    script.write_text(_SCRIPT, "utf-8")
    launcher = [sys.executable]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    ended = subprocess.run(
        [*launcher, str(script), str(folder / "made"), str(source), tune],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()},
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    losses: list[float] = json.loads(ended.stdout.strip().splitlines()[-1])
    return losses


@pytest.mark.parametrize("tune", ["none", "last"])
def test_two_processes_have_the_losses_of_one(tune: str, tmp_path: Path, tiny_bert: Path) -> None:
    one = _losses(tmp_path / "one", tiny_bert, tune, 1)
    two = _losses(tmp_path / "two", tiny_bert, tune, 2)
    assert two == pytest.approx(one, rel=1e-3)
    assert one[-1] < one[0]
