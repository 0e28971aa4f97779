"""Verb `check`: validate and profile tables, and write the schema as understood."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sidelight.cli.console import emit, progress, target
from sidelight.cli.shared_options import SCHEMA, TablesArgument
from sidelight.progress import Progress

if TYPE_CHECKING:
    from sidelight.data.findings import Finding
    from sidelight.data.profile import Profile
    from sidelight.data.raw_tables import RawTables

QUARANTINE, REPORT = "quarantine.jsonl", "check.json"
OUT = f"Folder for {SCHEMA}, {QUARANTINE} and {REPORT}, or path of the first."
SPLIT = "Published split to check too: columns user_id, item_id, split."


def check(
    data: TablesArgument,
    items: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Item table; may be given more than once.")
    ] = None,
    users: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="User table; may be given more than once.")
    ] = None,
    split: Annotated[Path | None, typer.Option(metavar="FILE", help=SPLIT)] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="OUT", help=OUT)] = None,
    images: Annotated[
        int, typer.Option(min=0, metavar="N", help="Images opened at most, per image column.")
    ] = 2000,
    json: Annotated[
        bool, typer.Option("--json", help="JSON lines: summary, profile, then one line per finding.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Validate and profile a data set: contents, sparsity, cold items, defects.

    Finds about ninety named defects, each with its file, row and remedy. Rows that cannot be used are
    counted and, with -o, kept in a quarantine file. Exit code 1 when an error was found, 0 when there
    are warnings and notes at most. docs/check.md describes every defect.

    Example:
        sidelight check shop/ -o checked/
    """
    targets = _targets(output, force)
    with progress() as report:
        raw, findings, profile = _run_checks(data, items or [], users or [], split, images, report)
    summary = _summary(data, raw, findings, targets)
    if targets:
        _write(targets, raw, summary, profile, findings)
    if json:
        rows = [{"record": "summary", **summary}, {"record": "profile", **profile.to_dict()}]
        emit([*rows, *({"record": "finding", **f.to_dict()} for f in findings)], json=True)
    else:
        from sidelight.cli.check_report import print_report

        print_report(summary, profile, findings)
    if summary["errors"]:
        raise typer.Exit(1)


def _targets(output: Path | None, force: bool) -> dict[str, Path]:
    """Return the targets of the three files by name; none may be there without `--force`."""
    if output is None:
        return {}
    folder = output.parent if output.suffix == ".toml" else output
    places = {name: folder / name for name in (SCHEMA, QUARANTINE, REPORT)}
    if output.suffix == ".toml":
        places[SCHEMA] = output
    return {name: target(place, force) for name, place in places.items()}


def _run_checks(
    data: Path,
    items: list[Path],
    users: list[Path],
    split: Path | None,
    images: int,
    report: Progress,
) -> tuple[RawTables, list[Finding], Profile]:
    """Read, check and profile the tables."""
    from dataclasses import replace

    from sidelight.data.checks import check as run_checks
    from sidelight.data.checks.published_splits import read_split
    from sidelight.data.profile import profile
    from sidelight.data.read import read_raw

    report(0, 1, "reading")
    raw = read_raw(data, items=items or None, users=users or None)
    published, seen = read_split(split) if split is not None else (None, [])
    named = {path.name for path in (*items, *users, *([split] if split else ()))}
    kept = tuple(f for f in raw.findings if f.defect != "unused-file" or f.file not in named)
    raw = replace(raw, findings=kept)
    report(1, 1, "reading")
    findings = run_checks(raw, split=published, image_limit=images, also=seen, progress=report)
    return raw, findings, profile(raw)


def _summary(data: Path, raw: RawTables, findings: list[Finding], targets: dict[str, Path]) -> dict[str, Any]:
    """Return the files read, the number of findings by severity, and the quarantined rows by defect."""
    import polars as pl

    from sidelight.data.build_dataset import repeats

    aside = pl.concat([raw.quarantine, repeats(raw)]).group_by("defect").len().sort("len", descending=True)
    return {
        "data": data.resolve().name if data.is_dir() else f"{data.resolve().parent.name}/{data.name}",
        "files": {table: [Path(p).name for p in paths] for table, paths in raw.files.items()},
        **{f"{s}s": sum(f.severity == s for f in findings) for s in ("error", "warning", "note")},
        "rows_set_aside": int(aside["len"].sum()),
        "set_aside_by_defect": dict(aside.iter_rows()),
        "written": {name: str(place) for name, place in targets.items()},
    }


def _write(
    targets: dict[str, Path],
    raw: RawTables,
    summary: dict[str, Any],
    profile: Profile,
    findings: list[Finding],
) -> None:
    """Write the three files, each whole or not at all."""
    import os

    from sidelight.data.read import write_quarantine
    from sidelight.data.schema_file import write_schema
    from sidelight.json_files import write_json

    home = targets[SCHEMA].parent
    files = {table: [os.path.relpath(p, home) for p in paths] for table, paths in raw.files.items()}
    write_schema(raw.schema, targets[SCHEMA], files)
    write_quarantine(raw, targets[QUARANTINE])
    found = [f.to_dict() for f in findings]
    whole = {"version": 1, "summary": summary, "profile": profile.to_dict(), "findings": found}
    write_json(whole, targets[REPORT])
