"""`Dataset` from raw tables: ids numbered, events sorted, one row per item and per user."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.data.context import context_values
from sidelight.data.dataset import Dataset, fingerprint
from sidelight.data.interactions import Interactions
from sidelight.data.raw_tables import FILE, QUARANTINE, ROW, RawTables, repeated_ids
from sidelight.data.schema import KEYS, Column, Schema
from sidelight.errors import DataError, complain

LEFT_OUT = ("unused-column", "event-text", "empty-column", "undeclared-column")
_CONTEXT = "context."  # before the names of context columns while they stand beside "user" and "item"


def build(raw: RawTables) -> Dataset:
    """Build the data set of raw tables.

    Exact duplicates (same user, item, timestamp, position and weight) count once. Events are sorted
    by user, order, item; so events in another row order give an equal data set. Context does not
    make two events of one: duplicates that differ in context keep the context that sorts first,
    and repeated pairs at other times keep each their own. Of several rows with one item or user id
    the first stays. Numbers and vectors that are not finite, and vectors of another length than
    most, become null. All of it is counted in `notes`.

    Raises:
        DataError: No usable event is left.
    """
    events = raw.frames["interactions"]
    if events.is_empty():
        counts = ", ".join(f"{d} {n}" for d, n in _by_defect(raw.quarantine).items())
        fix = "see the rows: sidelight check DATA"
        raise DataError(complain("at least one usable interaction", f"none ({counts})", fix=fix))
    tables, nulled = {}, {}
    ids = {}
    for table, key in KEYS.items():
        frame = raw.frames.get(table)
        known = [events[key]] + ([frame[key]] if frame is not None else [])
        ids[table] = pl.concat(known).unique().sort()
        tables[table], nulled[table] = _aligned(frame, ids[table], key)
    context, nulled["interactions"] = _context(events, raw.schema)
    interactions, dropped = _events(events, ids["users"], ids["items"], context)
    item_ids, user_ids = _array(ids["items"]), _array(ids["users"])
    return Dataset(
        interactions,
        item_ids,
        user_ids,
        tables["items"],
        tables["users"],
        _schema(raw.schema),
        fingerprint(interactions, item_ids, user_ids, tables["items"], tables["users"]),
        _notes(raw, dropped, nulled),
    )


def _notes(raw: RawTables, dropped: int, nulled: dict[str, dict[str, int]]) -> dict[str, Any]:
    """Return the counts of reading and building."""
    aside = pl.concat([raw.quarantine, repeats(raw)])
    unusable = Counter(raw.quarantine["table"].to_list())
    lost = {
        f"{f.table}.{f.column}": f.count
        for f in raw.findings
        if f.defect in ("bad-number", "bad-timestamp") and not f.quarantined
    }
    lost |= {
        f"{t}.{n}": c + lost.get(f"{t}.{n}", 0) for t, counts in nulled.items() for n, c in counts.items()
    }
    return {
        "files": {t: list(paths) for t, paths in raw.files.items()},
        "rows": {t: frame.height + unusable[t] for t, frame in raw.frames.items()},
        "quarantined": _by_defect(aside),
        "duplicate events": dropped,
        "nulled values": lost,
        "columns left out": {
            f"{f.table}.{f.column}": f.message for f in raw.findings if f.defect in LEFT_OUT
        },
    }


def repeats(raw: RawTables) -> pl.DataFrame:
    """Return item and user rows whose id an earlier row has, as quarantine rows."""
    found = [repeated_ids(raw.frames[table], table)[1] for table in KEYS if table in raw.frames]
    return pl.concat([pl.DataFrame(schema=QUARANTINE), *found])


def _by_defect(aside: pl.DataFrame) -> dict[str, int]:
    return dict(sorted(Counter(aside["defect"].to_list()).items()))


def _schema(schema: Schema) -> Schema:
    """Return the schema with at least the id columns of all tables."""
    items = schema.items or (Column("item_id", "item_id"),)
    users = schema.users or (Column("user_id", "user_id"),)
    return Schema(schema.interactions, items, users)


def _array(ids: pl.Series) -> NDArray[Any]:
    return ids.to_numpy() if ids.dtype == pl.Int64 else np.array(ids.to_list(), dtype=np.str_)


def _aligned(frame: pl.DataFrame | None, ids: pl.Series, key: str) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return one row per id in the order of `ids`, id column first, and counts of values made null."""
    base = ids.alias(key).to_frame()
    if frame is None:
        return base, {}
    first = frame.unique(key, keep="first", maintain_order=True).drop(FILE, ROW)
    return _usable(base.join(first, on=key, how="left", maintain_order="left"))


def _context(events: pl.DataFrame, schema: Schema) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the context columns of the events, typed, and counts of values made null."""
    consents = {c.consent for c in schema.interactions if c.consent}
    names = [c.name for c in schema.with_role("interactions", "context") if c.name in events.columns]
    return _usable(pl.DataFrame([context_values(events[name], name in consents) for name in names]))


def _usable(out: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Replace numbers and vectors that cannot be used by null, and count them."""
    nulled = {}
    for name, kind in out.schema.items():
        values = out[name]
        if kind.is_float():
            bad = ~values.is_finite().fill_null(True)
        elif kind == pl.List(pl.Float32):
            bad = _odd_vectors(values)
        else:
            continue
        if bad.any():
            nulled[name] = int(bad.sum())
            out = out.with_columns(pl.when(~bad).then(pl.col(name)).alias(name))
    return out, nulled


def _odd_vectors(values: pl.Series) -> pl.Series:
    """Mark vectors with a member that is not finite, or not of the usual length."""
    lengths = values.list.len()
    usual = lengths.drop_nulls().value_counts(sort=True).sort(["count", values.name], descending=True)
    finite = values.list.eval(pl.element().is_finite().fill_null(False)).list.all().fill_null(True)
    return ~finite | (lengths != (usual[values.name][0] if usual.height else 0)).fill_null(False)


def _events(
    events: pl.DataFrame, users: pl.Series, items: pl.Series, context: pl.DataFrame
) -> tuple[Interactions, int]:
    """Return events in inner indices, sorted and distinct, and the number of duplicates dropped."""
    out = events.select(
        _index(events["user_id"], users).alias("user"),
        _index(events["item_id"], items).alias("item"),
        *(n for n in ("timestamp", "position") if n in events.columns),
        (pl.col("weight") if "weight" in events.columns else pl.lit(1.0)).cast(pl.Float32).alias("weight"),
    )
    order = [n for n in ("timestamp", "position") if n in out.columns]
    by = ["user", *order, "item", "weight"]
    if context.width:
        # Of duplicates that differ in context the same one stays, whatever the order of rows and columns.
        own = {f"{_CONTEXT}{n}": context[n] for n in sorted(context.columns)}
        wide = out.with_columns(**own).sort([*by, *own], nulls_last=True)
        distinct = wide.unique(out.columns, keep="first", maintain_order=True)
    else:
        distinct = out.unique().sort(by)
    arrays = {n: distinct[n].to_numpy() for n in out.columns}
    beside = distinct.select(pl.col(f"{_CONTEXT}{n}").alias(n) for n in context.columns)
    interactions = Interactions(
        arrays["user"],
        arrays["item"],
        arrays["weight"],
        arrays.get("timestamp"),
        arrays.get("position"),
        beside if beside.width else None,
    )
    return interactions, out.height - distinct.height


def _index(ids: pl.Series, known: pl.Series) -> pl.Series:
    places = known.alias("id").to_frame().with_columns(pl.int_range(pl.len(), dtype=pl.Int32).alias("at"))
    return ids.alias("id").to_frame().join(places, on="id", how="left", maintain_order="left")["at"]
