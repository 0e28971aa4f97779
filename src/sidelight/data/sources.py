"""Table files in a folder: which file holds which table, and the reader that opens it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from sidelight.data.column_names import squash
from sidelight.data.delimited import RECBOLE, read_delimited, read_recbole
from sidelight.data.findings import Finding, new_finding
from sidelight.data.jsonlines import read_json_table
from sidelight.data.raw_tables import SourceTable, with_row_numbers
from sidelight.data.schema import TABLES
from sidelight.data.schema_file import read_files
from sidelight.data.vocabulary import FILE_NAMES
from sidelight.errors import DataError, complain, did_you_mean, first_line

SCHEMA_FILE = "sidelight.toml"
SUFFIXES = (".csv", ".tsv", ".psv", ".jsonl", ".ndjson", ".json", ".parquet", ".pq", *RECBOLE)

Paths = str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class Sources:
    """Files by table, the schema file if there is one, and findings on unused files."""

    files: dict[str, tuple[Path, ...]]
    schema: Path | None = None
    findings: tuple[Finding, ...] = ()


def locate(source: str | Path | Mapping[str, Any]) -> Sources:
    """Find the tables behind a path: a folder, one file (the interactions), or a mapping of table to paths.

    In a folder the name decides: interactions, items, users win over other known names (ratings,
    products, customers, ...); a folder with one table file holds the interactions. A finding names
    files that are not used. A sidelight.toml in the folder is used; its [files] table decides first.

    Raises:
        DataError: Nothing is there, or two files could be the same table.
    """
    if isinstance(source, Mapping):
        return Sources(named_files(source))
    path = Path(source)
    if not path.exists():
        raise DataError(complain("a folder or a file", "nothing", str(path), "check the path"))
    if path.is_file():
        return Sources({"interactions": (path,)})
    toml = path / SCHEMA_FILE
    return _folder(path, toml if toml.is_file() else None)


def named_files(tables: Mapping[str, Any]) -> dict[str, tuple[Path, ...]]:
    """Return checked table names with tuples of paths."""
    out = {}
    for table, paths in tables.items():
        if table not in TABLES:
            fix = did_you_mean(table, TABLES)
            raise DataError(complain("tables interactions, items, users", repr(table), fix=fix))
        many = [paths] if isinstance(paths, (str, Path)) else list(paths or ())
        if many:
            out[table] = tuple(Path(p) for p in many)
    return out


def _folder(path: Path, toml: Path | None) -> Sources:
    if toml is not None and (declared := read_files(toml)):
        return Sources({t: tuple(path / f for f in files) for t, files in declared.items()}, toml)
    files = sorted(p for p in path.iterdir() if p.is_file() and _suffix(p) in SUFFIXES)
    if not files:
        raise DataError(complain(f"table files ({', '.join(SUFFIXES)})", "none", str(path), "check the path"))
    chosen = {table: _pick(files, table, path) for table in TABLES}
    if not chosen["interactions"] and len(files) == 1:
        chosen["interactions"] = files[0]
    if not chosen["interactions"]:
        expected = "a file interactions.csv (or ratings, events, clicks, transactions, *.inter)"
        fix = "rename the right one, or name it: interactions=PATH"
        raise DataError(complain(expected, ", ".join(p.name for p in files[:12]), str(path), fix))
    findings = []
    for p in files:
        if p not in chosen.values():
            message = f"found {p.name}, which is none of interactions, items, users; it is not read"
            fix = "name it to use it, e.g. items=[ITEMS, THIS]"
            findings.append(new_finding("unused-file", "", message, fix, file=p.name))
    return Sources({t: (p,) for t, p in chosen.items() if p}, toml, tuple(findings))


def _pick(files: Sequence[Path], table: str, folder: Path) -> Path | None:
    """Return the one file of a table; the table's own name wins over the other known names."""
    ranks: dict[int, list[Path]] = {0: [], 1: []}
    for p in files:
        stem = squash(p.name.removesuffix(".gz").rsplit(".", 1)[0])
        if RECBOLE.get(_suffix(p)) == table or stem == table:
            ranks[0].append(p)
        elif _suffix(p) not in RECBOLE and stem in FILE_NAMES[table]:
            ranks[1].append(p)
    matches = ranks[0] or ranks[1]
    if len(matches) > 1:
        found = " and ".join(p.name for p in matches)
        fix = f"name the right one: {table}=PATH, or a list of paths to use all"
        raise DataError(complain(f"one file for the table {table!r}", found, str(folder), fix))
    return matches[0] if matches else None


def _suffix(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def open_table(path: str | Path, table: str) -> SourceTable:
    """Read one table from one file, by its ending; an unknown ending is read as delimited text.

    Raises:
        DataError: The file is missing, empty, a folder, or not what its ending says.
    """
    path = Path(path)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        raise DataError(complain("a file", found, str(path), "check the path"))
    suffix = _suffix(path)
    if suffix in (".parquet", ".pq"):
        return _parquet(path, table)
    if suffix in (".jsonl", ".ndjson", ".json"):
        return read_json_table(path, table)
    return read_recbole(path, table) if suffix in RECBOLE else read_delimited(path, table)


def _parquet(path: Path, table: str) -> SourceTable:
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(complain("a Parquet file", first_line(error), str(path), "write it again")) from None
    if frame.is_empty():
        raise DataError(complain("rows", "none", str(path), "remove the file or fill it"))
    return SourceTable(table, path.name, with_row_numbers(frame))
