"""What all parts of the configuration have in common."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationInfo


class Section(BaseModel):
    """Frozen, and nothing unknown in it."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, use_attribute_docstrings=True
    )


def beside_the_file(path: Path, info: ValidationInfo) -> Path:
    """A path as it is meant in a file: beside that file, where it is not a whole one."""
    root = (info.context or {}).get("root", Path.cwd())
    return Path(root) / path.expanduser()
