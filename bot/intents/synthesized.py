"""`intents/synthesized/`: where made examples lie, and how new ones take the place of old ones.

    synthesized/NAME.yaml   `examples_of: NAME`, with paths of
    synthesized/NAME/       001.png, 002.ogg, …

The new ones are written beside the old ones, into a hidden folder that the reader passes over.
Then the old YAML goes, the folders change places, and the new YAML comes. Whenever that is cut off,
what can be read is whole: with the old examples, with the new ones, or with none. The next run
removes what was left.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import OperatorError

FOLDER = "synthesized"
MADE_BY = "# Made by `frontdesk synth`"
_MEDIUM = re.compile(r"\d{3,}\.(png|jpg|webp|ogg|m4a|amr|wav)")
_MOVE = "move it elsewhere, and give the command again"


class Synthesized:
    """The made examples of one intent."""

    def __init__(self, intents: Path, intent: str) -> None:
        """`intents`: the project's folder of intents.

        Raises `OperatorError` if something is in the way that `frontdesk synth` has not made.
        """
        if intent.startswith("."):
            raise OperatorError(f"`{intent}` cannot have made examples: its name begins with a dot")
        self._root = intents / FOLDER
        self.file = self._root / f"{intent}.yaml"
        self.media = self._root / intent
        self._new, self._old = (self._root / f".{intent}.{age}" for age in ("new", "old"))
        self._refuse_others()

    def _refuse_others(self) -> None:
        """What is here is deleted: it had better be ours."""
        if self.file.exists() and not (
            self.file.is_file() and self.file.read_bytes().startswith(MADE_BY.encode())
        ):
            raise OperatorError(f"{self.file} was not made by `frontdesk synth`", remedy=_MOVE)
        if not self.media.exists():
            return
        foreign = (
            [path for path in sorted(self.media.iterdir()) if not _MEDIUM.fullmatch(path.name)]
            if self.media.is_dir() and not self.media.is_symlink()
            else [self.media]
        )
        if foreign:
            raise OperatorError(f"{foreign[0]} was not made by `frontdesk synth`", remedy=_MOVE)

    @contextmanager
    def building(self) -> Iterator[Path]:
        """An empty folder for new media; deleted at the end, unless `take` has taken it."""
        self._clean()
        self._new.mkdir(parents=True)
        try:
            yield self._new
        finally:
            self._clean()

    def take(self, declared: str) -> None:
        """Put the media that were built, and the YAML about them, in the place of the old ones."""
        unfinished = self._new.with_suffix(".yaml.new")
        unfinished.write_text(f"{MADE_BY}: do not change it, it is made anew.\n{declared}", "utf-8")
        self.file.unlink(missing_ok=True)
        if self.media.exists():
            self.media.rename(self._old)
        self._new.rename(self.media)
        unfinished.replace(self.file)

    def _clean(self) -> None:
        for folder in (self._new, self._old):
            if folder.exists():
                shutil.rmtree(folder)
        self._new.with_suffix(".yaml.new").unlink(missing_ok=True)
