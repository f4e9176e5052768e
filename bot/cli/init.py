"""`frontdesk init`: a new project folder."""

from pathlib import Path
from string import Template
from typing import Annotated

import typer

from bot.errors import OperatorError

TEMPLATE = Path(__file__).parent / "template"


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder to make.", show_default=False)
    ],
    name: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="The business, as customers know it.", show_default=False
        ),
    ] = "",
) -> None:
    """Make a new project: a `frontdesk.yaml` and a first article.

    Nothing that is there already is overwritten.

    Example: `frontdesk init my-desk --name "My Shop"`
    """
    from rich.console import Console

    business = name.strip() or folder.resolve().name.replace("-", " ").replace("_", " ").title()
    contents = _contents(business)
    _refuse_to_overwrite(folder, contents)
    console = Console(soft_wrap=True, highlight=False)
    for relative, text in contents.items():
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        console.print(f"[green]✓[/] {path}", markup=True)
    console.print(
        f"\nNow write your articles into [bold]{folder / 'articles'}[/], then:\n\n"
        f"  cd {folder}\n  frontdesk serve --open\n"
    )


def _contents(business: str) -> dict[Path, str]:
    """Relative path → text of every file of a new project."""
    import yaml

    name = yaml.safe_dump(business, allow_unicode=True, width=1000).removesuffix("...\n").strip()
    contents = {}
    for path in sorted(TEMPLATE.rglob("*")):
        if path.is_file():
            text = path.read_text("utf-8")
            relative = path.relative_to(TEMPLATE)
            contents[relative] = (
                Template(text).substitute(NAME=name) if path.suffix == ".yaml" else text
            )
    contents[Path(".gitignore")] = ".frontdesk/\n.env\n"
    return contents


def _refuse_to_overwrite(folder: Path, contents: dict[Path, str]) -> None:
    if folder.exists() and not folder.is_dir():
        raise OperatorError(f"{folder} is a file", remedy="name another folder")
    there = [str(folder / relative) for relative in contents if (folder / relative).exists()]
    if there:
        raise OperatorError(
            f"there is {' and '.join(there)} already; nothing was changed",
            remedy="name another folder, or move it away",
        )
