"""Clean tables as lists of rows, for tests that plant one defect in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from sidelight.data.checks import check
from sidelight.data.defects import DEFECTS
from sidelight.data.findings import Finding
from sidelight.data.raw_tables import FILE, ROW, RawTables
from sidelight.data.schema import Column, Role, Schema

NOW = 1_770_000_000_000_000  # 2026-02-02
DAY = 86_400_000_000
N_USERS, N_ITEMS, N_EVENTS = 80, 120, 1500
EVENTS, ITEMS, USERS, SPLIT = "interactions", "items", "users", "split"
FIRST_FILE = 1000  # rows of the first of two files of interactions
TYPES: dict[Role, Any] = {
    "user_id": pl.String, "item_id": pl.String,
    "timestamp": pl.Int64, "position": pl.Int64, "weight": pl.Float64,
    "text": pl.String, "category": pl.String, "tags": pl.List(pl.String),
    "links": pl.List(pl.String), "number": pl.Float64,
    "image_path": pl.String, "image_bytes": pl.Binary, "vector": pl.List(pl.Float32),
    "context": pl.String, "ignore": pl.String,
}  # fmt: skip


@dataclass
class Shop:
    """Rows by table, and the columns that describe them; plants change both in place."""

    rows: dict[str, list[dict[str, Any]]]
    schema: dict[str, list[Column]]
    split: list[dict[str, Any]] = field(default_factory=list)

    def column(self, table: str, name: str, role: Role, values: list[Any] | Any, **flags: Any) -> None:
        """Add (or declare anew) a column."""
        self.schema[table] = [c for c in self.schema[table] if c.name != name] + [Column(name, role, **flags)]
        for at, row in enumerate(self.rows[table]):
            row[name] = values[at] if isinstance(values, list) else values

    def raw(self) -> RawTables:
        """The tables; interactions come from two files, row numbers start anew in the second."""
        frames = {}
        for table, rows in self.rows.items():
            types = {c.name: TYPES[c.role] for c in self.schema[table]}
            frames[table] = _placed(pl.DataFrame(rows, schema=types), table)
        return RawTables(frames, Schema(**{t: tuple(c) for t, c in self.schema.items()}))

    def published(self) -> pl.DataFrame | None:
        """The split, or None."""
        if not self.split:
            return None
        return _placed(pl.DataFrame(self.split), SPLIT)


def _placed(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    at = np.arange(len(frame))
    second = (at >= FIRST_FILE) & (table == EVENTS)
    files = np.where(second, f"{table}-2.csv", f"{table}.csv")
    rows = np.where(second, at - FIRST_FILE, at) + 1
    return frame.with_columns(pl.Series(FILE, files).cast(pl.Categorical), pl.Series(ROW, rows))


def plain() -> Shop:
    """A shop without a defect: consent given, launch dates kept, titles of six random words."""
    rng = np.random.default_rng(7)
    words = ["".join(rng.choice(list("abcdefghijklmnop"), 6)) for _ in range(400)]
    pairs = rng.choice(N_USERS * N_ITEMS, N_EVENTS, replace=False)
    events = [
        {
            "user_id": f"u{p // N_ITEMS + 10}",
            "item_id": f"i{p % N_ITEMS + 100}",
            "timestamp": int(NOW - rng.integers(1, 300) * DAY - rng.integers(1, DAY)),
            "weight": 1.0,
        }
        for p in pairs.tolist()
    ]
    items = [
        {
            "item_id": f"i{i + 100}",
            "title": " ".join(rng.choice(words, 6)),
            "brand": f"brand {rng.integers(8)}",
            "facets": sorted(set(rng.choice(["red", "blue", "small", "large", "sale"], 2).tolist())),
            "price": round(float(rng.lognormal(3, 0.5)), 2),
            "released": NOW - 400 * DAY,
            "embedding": rng.normal(size=4).tolist(),
        }
        for i in range(N_ITEMS)
    ]
    items[1]["released"] = NOW - 500 * DAY  # not the same everywhere
    users = [
        {"user_id": f"u{u + 10}", "gender": "f" if u % 2 else "m", "agreed": "yes" if u else "no"}
        for u in range(N_USERS)
    ]
    schema = {
        "interactions": [Column(n, n) for n in ("user_id", "item_id", "timestamp", "weight")],  # type: ignore[arg-type]
        "items": [
            Column("item_id", "item_id"), Column("title", "text"), Column("brand", "category"),
            Column("facets", "tags"), Column("price", "number"), Column("released", "timestamp"),
            Column("embedding", "vector"),
        ],
        "users": [
            Column("user_id", "user_id"), Column("gender", "category", sensitive=True, consent="agreed"),
            Column("agreed", "context"),
        ],
    }  # fmt: skip
    return Shop({"interactions": events, "items": items, "users": users}, schema)


Plant = Callable[[Shop], Any]


class Case(NamedTuple):
    """A plant and what must be found.

    Args:
        defect, table, plant: What is planted where.
        row: Row of the table counted from 1 over all its files; None for a column as a whole.
        column, count: As in the finding.
        also: Defects that the plant cannot help bringing along.
    """

    defect: str
    table: str
    plant: Plant
    row: int | None
    column: str
    count: int = 1
    also: tuple[str, ...] = ()


def findings(shop: Shop) -> list[Finding]:
    """What is found beyond the clean shop, where one user has not given consent."""
    found = check(shop.raw(), split=shop.published(), now=NOW)
    return [f for f in found if (f.defect, f.count) != ("consent-refused", 1)]


def assert_found(case: Case) -> None:
    """The planted defect is found with its file, row, column and number, and nothing else is."""
    shop = plain()
    case.plant(shop)
    found = findings(shop)
    assert {f.defect for f in found} == {case.defect, *case.also}
    (one,) = [f for f in found if f.defect == case.defect]
    second = case.table == EVENTS and (case.row or 0) > FIRST_FILE
    file = f"{case.table}-2.csv" if second else f"{case.table}.csv"
    row = case.row - FIRST_FILE if second and case.row else case.row
    assert (one.table, one.file, one.row) == (case.table, file, row)
    assert (one.column, one.count) == (case.column, case.count)
    severity, _, fix = DEFECTS[case.defect]
    assert (one.severity, one.fix) == (severity, fix)
    assert one.message and "{" not in one.message


def put(table: str, column: str, *rows: int, value: Any) -> Plant:
    """A plant that sets one value in rows counted from 1."""

    def plant(shop: Shop) -> None:
        for row in rows:
            shop.rows[table][row - 1][column] = value

    return plant


def again(table: str, row: int, **changes: Any) -> Plant:
    """A plant that appends a copy of a row, changed where said."""
    return lambda shop: shop.rows[table].append({**shop.rows[table][row - 1], **changes})


def column(table: str, name: str, role: Role, values: Any, **flags: Any) -> Plant:
    """A plant that adds a column; `values` is one value or a function of the row, from 0."""

    def plant(shop: Shop) -> None:
        n = len(shop.rows[table])
        shop.column(table, name, role, [values(i) for i in range(n)] if callable(values) else values, **flags)

    return plant


def declare(table: str, name: str, **flags: Any) -> Plant:
    """A plant that changes what the schema says of a column."""

    def plant(shop: Shop) -> None:
        shop.schema[table] = [replace(c, **flags) if c.name == name else c for c in shop.schema[table]]

    return plant


def each(table: str, name: str, change: Callable[[int, Any], Any]) -> Plant:
    """A plant that changes every value of a column, given row (from 0) and value."""

    def plant(shop: Shop) -> None:
        for at, row in enumerate(shop.rows[table]):
            row[name] = change(at, row[name])

    return plant
