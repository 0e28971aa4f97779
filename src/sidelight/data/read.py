"""Readers of a `Dataset` from files, folders, frames and queries. Only this room touches table files."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from sidelight.data.build_dataset import build, repeats
from sidelight.data.dataset import Dataset
from sidelight.data.frames import frame_table
from sidelight.data.join_tables import join_tables
from sidelight.data.raw_tables import RawTables, SourceTable, with_row_numbers
from sidelight.data.schema import Schema
from sidelight.data.schema_file import read_schema
from sidelight.data.sources import Paths, Sources, locate, named_files, open_table
from sidelight.errors import DataError, MissingExtraError, complain, first_line
from sidelight.option_types import check_call
from sidelight.target_paths import atomic_write


class SidelightWarning(UserWarning):
    """Warning that data was read or used only in part.

    Examples:
        >>> import warnings, sidelight as sl
        >>> issubclass(sl.SidelightWarning, UserWarning)
        True
    """


def read(
    source: str | Path | Mapping[str, Any] | None = None,
    *,
    interactions: Paths | None = None,
    items: Paths | None = None,
    users: Paths | None = None,
    schema: Schema | str | Path | None = None,
) -> Dataset:
    r"""Read a `Dataset` from a folder, a file, or named files.

    Takes CSV, TSV (also ; and |), JSON lines, Parquet and RecBole's atomic files, gzipped or not.
    Rows that cannot be used are set aside, counted in `Dataset.notes` and reported in one warning.

    Args:
        source: A folder, one file of interactions, or {"interactions": path, "items": path, ...}.
        interactions: Path or list of paths of the events.
        items: Path or list of paths. Files with other columns are joined by id: posters to titles.
        users: The same for users.
        schema: A `Schema` or the path of a sidelight.toml; None takes the folder's, else infers.

    Raises:
        DataError: The files cannot be read as tables; the message names the file and the defect.

    Examples:
        >>> import tempfile, pathlib
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "interactions.csv").write_text("user_id,item_id\n1,a\n2,a\n2,b\n")
        >>> read(folder)
        Dataset(2 users, 2 items, 3 interactions)
    """
    check_call(read, locals())
    raw = read_raw(source, interactions=interactions, items=items, users=users, schema=schema)
    return _built(raw, str(source) if isinstance(source, (str, Path)) else "DATA")


def read_raw(
    source: str | Path | Mapping[str, Any] | None = None,
    *,
    interactions: Paths | None = None,
    items: Paths | None = None,
    users: Paths | None = None,
    schema: Schema | str | Path | None = None,
) -> RawTables:
    """Read tables without indexing them, with findings and the rows set aside; see `read`."""
    named = named_files({"interactions": interactions, "items": items, "users": users})
    sources = locate(source) if source is not None else Sources({})
    files = {**sources.files, **named}
    chosen = schema if schema is not None else sources.schema
    declared = read_schema(chosen) if isinstance(chosen, (str, Path)) else chosen
    tables = {table: [open_table(path, table) for path in paths] for table, paths in files.items()}
    shown = {table: [str(path) for path in paths] for table, paths in files.items()}
    return join_tables(tables, declared, sources.findings, shown)


def read_sql(
    interactions: str,
    *,
    items: str | None = None,
    users: str | None = None,
    connection: Any,
    schema: Schema | str | Path | None = None,
) -> Dataset:
    """Read a `Dataset` by queries on any database that polars supports.

    Args:
        interactions: Query for the events.
        items: Query for the item table, or None.
        users: Query for the user table, or None.
        connection: An open connection (DB-API, SQLAlchemy, ADBC), or a URI such as
            "postgresql://host/shop", which needs the package connectorx.
        schema: As in `read`.

    Raises:
        DataError: A query fails or gives no rows.
        MissingExtraError: A URI without the package that opens it.

    Examples:
        >>> import sqlite3
        >>> shop = sqlite3.connect(":memory:")
        >>> _ = shop.execute("CREATE TABLE clicks (user_id INTEGER, item_id TEXT)")
        >>> _ = shop.executemany("INSERT INTO clicks VALUES (?, ?)", [(1, "a"), (2, "a"), (2, "b")])
        >>> read_sql("SELECT * FROM clicks", connection=shop)
        Dataset(2 users, 2 items, 3 interactions)
    """
    check_call(read_sql, locals())
    queries = {"interactions": interactions, "items": items, "users": users}
    tables = {t: [_query(q, t, connection)] for t, q in queries.items() if q is not None}
    declared = read_schema(schema) if isinstance(schema, (str, Path)) else schema
    return _built(join_tables(tables, declared), "DATA")


def from_frames(
    interactions: Any, items: Any = None, users: Any = None, schema: Schema | None = None
) -> Dataset:
    """Read a `Dataset` from polars or pandas frames, or dicts of columns, as files are read.

    Args:
        interactions: One row per event: user_id, item_id and, where known, timestamp or position,
            weight; the aliases in `sidelight.data.vocabulary` are understood.
        items: One row per item, or None.
        users: One row per user, or None.
        schema: Roles of the columns; None infers them.

    Raises:
        DataError: A column is missing or no row can be used.

    Examples:
        >>> from_frames({"user_id": [1, 1, 2], "item_id": ["a", "b", "a"]})
        Dataset(2 users, 2 items, 3 interactions)
    """
    frames = {"interactions": interactions, "items": items, "users": users}
    tables = {t: [frame_table(frame, t)] for t, frame in frames.items() if frame is not None}
    return _built(join_tables(tables, schema), "DATA")


def write_quarantine(raw: RawTables, path: str | Path) -> int:
    """Write the rows set aside to CSV, or JSON lines for a .jsonl path; return their number."""
    rows = pl.concat([raw.quarantine, repeats(raw)])
    with atomic_write(path) as fresh:
        if Path(path).suffix in (".jsonl", ".ndjson"):
            rows.write_ndjson(fresh)
        else:
            rows.write_csv(fresh)
    return rows.height


def _query(query: str, table: str, connection: Any) -> SourceTable:
    where = f"the {table} query"
    try:
        if isinstance(connection, str):
            frame = pl.read_database_uri(query, connection)
        else:
            frame = pl.read_database(query, connection, infer_schema_length=None)
    except ImportError as error:
        expected, fix = "a package that opens database URIs", "run: pip install connectorx"
        raise MissingExtraError(complain(expected, first_line(error), fix=fix)) from None
    except Exception as error:  # each driver has its own classes
        fix = "try it in the database"
        raise DataError(complain("a query that runs", first_line(error), where, fix)) from None
    if frame.is_empty():
        raise DataError(complain("rows", "none", where, "leave it out or correct it"))
    return SourceTable(table, "", with_row_numbers(frame))


def _built(raw: RawTables, shown: str) -> Dataset:
    data = build(raw)
    aside = data.notes["quarantined"]
    if aside:
        total = sum(aside.values())
        parts = ", ".join(f"{name} {count:,}" for name, count in sorted(aside.items()))
        rows = "row was" if total == 1 else "rows were"
        warnings.warn(
            f"{total:,} {rows} set aside ({parts}); to see them: sidelight check {shown}",
            SidelightWarning,
            stacklevel=3,
        )
    return data
