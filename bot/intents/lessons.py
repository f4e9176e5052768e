"""What a project's model is trained on: its intents as perceived, and the general examples."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.config import Config
from bot.engines import maker
from bot.errors import OperatorError
from bot.intents.folder import read_intents
from bot.intents.intent import IntentSet, squeezed
from bot.intents.manner import general_examples
from bot.intents.observing import Observer
from models.image_encoder import ImageEncoder
from models.understanding.settings import Settings

if TYPE_CHECKING:
    from models.understanding.setup import Setup


@dataclass(frozen=True)
class Lessons:
    """A training that can begin."""

    setup: "Setup"
    intents: IntentSet
    warnings: tuple[str, ...]


def lessons(
    config: Config, settings: Settings, progress: Callable[[str, int, int], None]
) -> Lessons:
    """Read and perceive everything. Raises `OperatorError`.

    `progress` is called with a step's name, and how much of it is done of how much.
    """
    from models.understanding.setup import Setup

    folder = config.understanding.folder
    intents = read_intents(folder)
    if len(intents.intents) < 2:
        raise OperatorError(
            f"{folder} holds {len(intents.intents) or 'no'} intents; a model tells at least two "
            "apart",
            remedy="write some: docs/intents.md says how. Without any, the desk answers from its "
            "knowledge alone",
        )
    image_encoder = maker(config.image_encoder, config.device)()
    observed = observer_of(config, lambda: image_encoder).observe(
        intents.examples, lambda done, of: progress("perceive", done, of)
    )
    examples = tuple(each for each in observed.examples if each.weight)
    own = {squeezed(each.observation.text) for each in examples}
    text_encoder = maker(config.text_encoder, config.device)()
    setup = Setup(
        examples=examples,
        titles={
            intent.name: tuple(dict.fromkeys(intent.title.values())) for intent in intents.intents
        },
        general=tuple(
            each for each in general_examples() if squeezed(each.observation.text) not in own
        ),
        text_encoder=text_encoder,
        text_source=text_encoder.folder,
        image_encoder=image_encoder.name,
        image_dimensions=image_encoder.dimensions,
        settings=settings,
        warnings=(*intents.warnings, *observed.warnings),
    )
    return Lessons(setup, intents, setup.warnings)


def observer_of(config: Config, image_encoder: Callable[[], ImageEncoder]) -> Observer:
    """Sees and hears as the project's desk does."""
    return Observer(
        maker(config.text_reader, config.device),
        image_encoder,
        maker(config.transcriber, config.device),
        config.understanding_folder / "perceived",
    )
