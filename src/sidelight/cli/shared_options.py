"""Options and arguments that several verbs share, and the loading of a split with its data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

SCHEMA = "sidelight.toml"  # the file of a data set that says what each column is

if TYPE_CHECKING:
    from sidelight.data.split.split import Split

Number = TypeVar("Number", int, float)


TablesArgument = Annotated[
    Path, typer.Argument(help="Folder of tables, or the file of interactions.", show_default=False)
]
SplitArgument = Annotated[
    Path, typer.Argument(help="Folder that `sidelight split` wrote.", show_default=False)
]
BundleArgument = Annotated[
    Path, typer.Argument(help="Bundle that `sidelight train` wrote.", show_default=False)
]
MovedData = Annotated[
    Path | None, typer.Option(help="The data that was split, if it has moved since.", show_default=False)
]
HistoryOption = Annotated[
    Literal["train", "train+validation"] | None,
    typer.Option(help="Events in the histories on the test part [default: as the split says]."),
]
DatabaseOption = Annotated[
    str,
    typer.Option("--database", help="SQLite file, or postgresql+psycopg://... of the service."),
]
JsonLines = Annotated[bool, typer.Option("--json", help="JSON lines.")]
JsonObject = Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")]
OPENINGS = "openings.jsonl"  # beside a split: the record of openings of its test part


def load_split(folder: Path, data: Path | None) -> Split:
    """Load a split, with the data from another place if it has moved."""
    from sidelight.data.read import read
    from sidelight.data.split.files import read_split

    return read_split(folder, read(data) if data else None)


def parse_numbers(text: str, kind: Callable[[str], Number], expected: str) -> tuple[Number, ...]:
    """Parse numbers with commas.

    Args:
        text: Value of the option.
        kind: int or float.
        expected: Description and example for the error message.

    Raises:
        typer.BadParameter: A part is no such number.
    """
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"expected {expected}; found {text!r}") from None


def parse_cutoffs(text: str) -> tuple[int, ...]:
    """Parse the cut-offs of `--ks`."""
    found = parse_numbers(text, int, "whole numbers with commas, as 10,20")
    if min(found) < 1:
        raise typer.BadParameter(f"expected cut-offs of 1 or more; found {text!r}")
    return found
