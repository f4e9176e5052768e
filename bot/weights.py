"""The weights that a configuration needs: brought here before the desk opens, never at the first
customer. See `models.downloads`."""

from collections.abc import Mapping

from bot.config import Config
from bot.engines import weights_of
from models.downloads import Progress, Weights, pulled


def needed(config: Config) -> Mapping[str, Weights]:
    """By part of the configuration, what its engine loads; without those that a package brings.

    Raises `OperatorError`.
    """
    found = {part: weights_of(section) for part, section in config.engines.items()}
    return {part: weights for part, weights in found.items() if weights}


def fetch(config: Config, progress: Progress = lambda name, done, of: None) -> None:
    """Have all of it here. Blocks. Raises `OperatorError` and `EngineMissing`."""
    for weights in needed(config).values():
        pulled(weights, progress)
