"""Measures engines on this machine, each in a process of its own, and says which one to take.

`python -m bot.engine_bench FILE` is that process: it reads what to measure from its input and
writes what it found to the file.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import msgspec
import psutil

from bot.config import Config
from bot.engines import maker
from bot.errors import FrontdeskError, OperatorError
from models.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from bot.assistant import Model
    from bot.assistant_settings import AssistantSection

_RUNS = 3
_RUNS_OF_A_SENTENCE = 30
_HEARD_HZ = 16_000
_SPOKEN = (
    "Hello, I ordered a pair of headphones two weeks ago and they have not arrived yet. "
    "The tracking page says that the parcel is on its way. Could you please tell me where it is, "
    "and whether I can have my money back?"
)
_SENTENCE = "Where is my parcel, and can I have my money back?"
_PASSAGE = "A parcel takes two to four working days and costs 4.90, from 50 on it is free. " * 4
_PASSAGES = 6
_LINES = [f"Order {number}: your payment was declined, code {number * 37}" for number in range(12)]


class Task(msgspec.Struct, frozen=True):
    """What is measured."""

    part: str
    """The setting that chooses such an engine: `transcriber`."""
    section: dict[str, Any]
    """What stands below it."""
    device: str = "auto"


class Measured(msgspec.Struct, frozen=True):
    """What was found."""

    load_s: float = 0
    memory_bytes: int = 0
    """What the process took more at its peak."""
    card_bytes: int = 0
    """Likewise of a graphics card's memory."""
    figure: float = 0
    """Of `unit`: the median of a few runs."""
    problem: str = ""
    """Why there are no figures."""
    remedy: str = ""


class Kind(msgspec.Struct, frozen=True):
    """How a part is measured."""

    what: str
    unit: str
    at_most: float
    """A slower engine keeps customers waiting."""
    sample: Callable[[], Any]
    run: Callable[[Any, Any], float]
    """Of an engine with the sample: does it once, and gives the figure."""
    runs: int = _RUNS

    @property
    def goal(self) -> str:
        return f"at most {self.shown(self.at_most)}"

    def shown(self, figure: float) -> str:
        number = f"{figure:.0f}" if figure >= 100 else f"{figure:.2g}"
        return f"{number} {self.unit}".strip()


def measured(task: Task) -> Measured:
    """In a process of its own, for memory is a process', and an engine may end one."""
    from tempfile import NamedTemporaryFile

    with NamedTemporaryFile(suffix=".json") as file:
        ended = subprocess.run(  # noqa: S603 - this interpreter, this module
            [sys.executable, "-m", "bot.engine_bench", file.name],
            input=msgspec.json.encode(task, enc_hook=str),
            capture_output=True,
            check=False,
        )
        written = Path(file.name).read_bytes()
    if ended.returncode == 0 and written:
        return msgspec.json.decode(written, type=Measured)
    last = ended.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return Measured(problem=f"its process ended with {ended.returncode}: {last}")


def best(found: Mapping[str, Measured], sizes: Mapping[str, int], kind: Kind) -> tuple[str, str]:
    """Which of several engines for one part to take, by name, and why: of those that are quick
    enough the one with the largest weights, for it knows most; else the quickest. Empty where none
    works."""
    working = {name: one for name, one in found.items() if not one.problem}
    if not working:
        return "", "none of them works here"
    quickest = min(working, key=lambda name: working[name].figure)
    ready = [name for name in working if working[name].figure <= kind.at_most]
    if not ready:
        why = f"none is quick enough for customers ({kind.goal})"
        return quickest, f"the quickest; {why}"
    largest = max(ready, key=lambda name: (sizes.get(name, 0), -working[name].figure))
    if len(working) == 1:
        return largest, f"quick enough ({kind.goal})"
    if largest == quickest:
        return largest, "the quickest, and none of the larger ones is quick enough"
    return largest, f"the largest that is quick enough ({kind.goal})"


def main() -> None:
    """Measure one engine."""
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    try:
        found = _measure(task)
    except OperatorError as error:
        found = Measured(problem=error.problem, remedy=error.remedy)
    except FrontdeskError as error:
        found = Measured(problem=str(error).partition("\n")[0])
    except ModelError as error:
        problem = str(error).partition("\n")[0]
        found = Measured(problem=problem, remedy=getattr(error, "remedy", ""))
    Path(sys.argv[1]).write_bytes(msgspec.json.encode(found))


def _measure(task: Task) -> Measured:
    kind = KINDS[task.part]
    config = Config.model_validate({"name": "bench", task.part: task.section})
    sample = kind.sample()
    process = psutil.Process()
    before, started = process.memory_info().rss, time.perf_counter()
    if config.assistant:
        engine = _language_model(config.assistant, task.device)
    else:
        engine = maker(config.engines[task.part], task.device)()
    load_s = time.perf_counter() - started
    kind.run(engine, sample)  # the first one is not like the others
    figures = [kind.run(engine, sample) for _ in range(kind.runs)]
    return Measured(
        load_s=load_s,
        memory_bytes=max(0, _peak_bytes(process) - before),
        card_bytes=_card_bytes(),
        figure=median(figures),
    )


def _peak_bytes(process: psutil.Process) -> int:
    try:
        import resource
    except ImportError:  # Windows keeps it elsewhere
        return int(getattr(process.memory_info(), "peak_wset", process.memory_info().rss))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024


def _card_bytes() -> int:
    torch = sys.modules.get("torch")
    return int(torch.cuda.max_memory_allocated()) if torch and torch.cuda.is_available() else 0


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _hear(engine: Any, samples: "NDArray[np.float32]") -> float:
    return _seconds(lambda: engine.transcribe(samples)) / (len(samples) / _HEARD_HZ)


def _speak(engine: Any, text: str) -> float:
    started = time.perf_counter()
    length_s: float = sum(piece.duration_s for piece in engine.synthesize(text, "en"))
    return (time.perf_counter() - started) / max(length_s, 1e-3)


def _encode_text(engine: Any, text: str) -> float:
    return 1000 * _seconds(lambda: engine.encode_queries([text]))


def _encode_image(engine: Any, image: "Image") -> float:
    return 1000 * _seconds(lambda: engine.encode([image]))


def _read(engine: Any, image: "Image") -> float:
    return 1000 * _seconds(lambda: engine.read(image))


def _language_model(settings: "AssistantSection", device: str) -> "Model":
    try:
        from bot.assistant import open_model
    except ImportError as error:
        raise OperatorError(
            f"a package is missing: {error}",
            remedy=f"install it: `pip install 'frontdesk[{settings.extra}]'`",
        ) from error
    return open_model(settings, device)


def _answer(model: "Model", prompt: str) -> float:
    """Seconds to the end of an answer; raises `FrontdeskError` where there is none."""
    from langchain_core.messages import HumanMessage

    async def whole() -> None:
        async for _ in model.answer([HumanMessage(prompt)]):
            pass

    return _seconds(lambda: asyncio.run(whole()))


def _prompt() -> str:
    """About as long as what the assistant tells a model."""
    return f"{_PASSAGE * _PASSAGES}\n\nAnswer in two sentences: {_SENTENCE}"


def _sentence() -> str:
    return _SENTENCE


def spoken() -> "NDArray[np.float32]":
    """Some seconds of an English customer, mono at 16 kHz, by espeak-ng."""
    import numpy as np

    from models.audio import resampled
    from models.espeak import Espeak

    pieces = list(Espeak().synthesize(_SPOKEN, "en"))
    rate = pieces[0].sample_rate_hz
    return resampled(np.concatenate([piece.samples for piece in pieces]), rate, _HEARD_HZ)


def screen() -> "Image":
    """A screenshot with a dozen lines of text."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (1280, 720), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(24)
    for place, line in enumerate(_LINES):
        draw.text((40, 40 + place * 50), line, fill="black", font=font)
    return image


KINDS: Mapping[str, Kind] = {
    "transcriber": Kind("real-time factor", "", 0.5, spoken, _hear),
    "text_reader": Kind("a screenshot of 1280×720", "ms", 2_000, screen, _read),
    "text_encoder": Kind(
        "a short question", "ms", 30, _sentence, _encode_text, _RUNS_OF_A_SENTENCE
    ),
    "image_encoder": Kind("a screenshot of 1280×720", "ms", 500, screen, _encode_image),
    "synthesizer": Kind("real-time factor", "", 0.5, _sentence, _speak),
    "assistant": Kind("a short answer from six passages", "s", 10, _prompt, _answer),
}


if __name__ == "__main__":
    main()
