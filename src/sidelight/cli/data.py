"""Verbs `data list` and `data get`: public data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sidelight.cli.console import emit, note, progress, target
from sidelight.cli.shared_options import JsonObject


def list_(json: Annotated[bool, typer.Option("--json", help="JSON lines, with addresses.")] = False) -> None:
    """List the public data sets that can be fetched, with their terms.

    Example:
        sidelight data list
    """
    from sidelight.datasets.registry import SETS

    rows = [{"name": s.name, "what": s.note, "terms": s.licence} for s in SETS]
    if json:
        rows = [{**row, "url": s.url, "sha256": s.sha256 or ""} for row, s in zip(rows, SETS, strict=True)]
    emit(rows, json=json)


def get(
    name: Annotated[
        str,
        typer.Argument(help="A name from `sidelight data list`, or an http(s) address.", show_default=False),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.", show_default=False)],
    sha256: Annotated[
        str | None, typer.Option(help="Checksum that a file from an address must have.", show_default=False)
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder of the archives [default: the user's cache folder].")
    ] = None,
    json: JsonObject = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files of the same names.")] = False,
) -> None:
    """Fetch a public data set into a folder of tables, or any file by its address.

    Downloads are resumed where they broke off, checked, and kept in a cache. An address without
    --sha256 is trusted the first time: the checksum is printed, kept beside the file, and verified
    each time after.

    Example:
        sidelight data get groceries -o groceries/
    """
    from sidelight.datasets.registry import SETS
    from sidelight.datasets.registry import get as fetch

    place = target(output, force)
    with progress() as show:
        counts = fetch(name, place, sha256, cache, force, show)
    row = {"name": name, **counts, "written": str(place)}
    emit([row], json=json)
    terms = next((s.licence for s in SETS if s.name == name), "those of its source")
    note(f"terms: {terms}")
    if sha256 is None and "sha256" in counts:
        note("trusted at first use: give the printed sha256 next time, from a source you trust")
