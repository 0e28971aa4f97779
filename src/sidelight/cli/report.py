"""Verb `report`: a comparison as one self-contained page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sidelight.cli.console import note

FILE = "comparison.json"


def report(
    comparison: Annotated[
        Path,
        typer.Argument(help=f"Folder that `sidelight compare` wrote, or its {FILE}.", show_default=False),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Page to write.")] = Path("report.html"),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a comparison as one HTML page: the answer first, every number behind it.

    The page is one file that loads nothing from anywhere: open it in a browser, mail it, print it.
    It holds the record of the comparison too. docs/report.md says how to read each section.

    Example:
        sidelight report comparison/ -o report.html --force
    """
    from sidelight.report.page import check_place, write

    check_place(output, force)
    write(_record(comparison), output, force)
    note(f"{output}: {output.stat().st_size / 1000:,.0f} kB, open it in a browser")


def _record(place: Path) -> dict[str, Any]:
    """Read the record from a file, or from the folder of a comparison."""
    import json

    from sidelight.errors import DataError, complain

    file = place / FILE if place.is_dir() else place
    fix = "give the folder that `sidelight compare` wrote"
    if not file.is_file():
        raise DataError(complain(f"a folder with {FILE}, or the file", "no such file", str(file), fix))
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(complain("JSON in UTF-8", str(error), str(file), fix)) from None
    if not isinstance(found, dict):
        raise DataError(complain("a JSON object", f"a {type(found).__name__}", str(file), fix))
    return found
