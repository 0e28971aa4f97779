"""`CheckedTables`: the tables under check, with shared counts computed once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.data.defects import DEFECTS
from sidelight.data.findings import Finding
from sidelight.data.raw_tables import FILE, ROW, RawTables
from sidelight.data.schema import TABLES, Column

DAY = 86_400_000_000  # microseconds
_NO_ATTRIBUTES = ("user_id", "item_id", "ignore")


@dataclass(frozen=True)
class CheckedTables:
    """Tables under check.

    Args:
        raw: The tables as read.
        split: A published split: columns user_id, item_id, split, `FILE`, `ROW`; or None.
        now: Microseconds since 1970; later times are in the future.
        image_limit: Largest number of images per column to open.
    """

    raw: RawTables
    split: pl.DataFrame | None = None
    now: int = field(default_factory=lambda: int(time.time() * 1e6))
    image_limit: int = 2000

    @cached_property
    def _frames(self) -> dict[str, pl.DataFrame]:
        """Return tables by name, ids cast to text where their types differ between tables."""
        frames = {name: self.raw.frames.get(name, pl.DataFrame()) for name in TABLES}
        if self.split is not None:
            frames["split"] = self.split
        for key in ("user_id", "item_id"):
            types = {f[key].dtype for f in frames.values() if key in f.columns and len(f)}
            if len(types) > 1:
                text = pl.col(key).cast(pl.String)
                frames = {n: f.with_columns(text) if key in f.columns else f for n, f in frames.items()}
        return frames

    def frame(self, table: str) -> pl.DataFrame:
        """Return one table; an empty frame when it was not given."""
        return self._frames[table]

    @property
    def events(self) -> pl.DataFrame:
        """Interactions."""
        return self._frames["interactions"]

    @property
    def items(self) -> pl.DataFrame:
        """Item table."""
        return self._frames["items"]

    @property
    def users(self) -> pl.DataFrame:
        """User table."""
        return self._frames["users"]

    @cached_property
    def events_by_item(self) -> pl.DataFrame:
        """Counts of events of items with any, columns item_id and n."""
        return _count(self.events, "item_id")

    @cached_property
    def events_by_user(self) -> pl.DataFrame:
        """Counts of events of users with any, columns user_id and n."""
        return _count(self.events, "user_id")

    @cached_property
    def event_key(self) -> list[str]:
        """Columns that identify an event: user, item, and its time or position."""
        order = [c for c in ("timestamp", "position") if c in self.events.columns]
        return ["user_id", "item_id", *order[:1]]

    def columns(self, table: str, *roles: str) -> list[Column]:
        """Return the declared columns that the file has; of the given roles, or all but ids."""
        have = self.frame(table).columns
        there = [c for c in self.raw.schema.columns(table) if c.name in have]
        return [c for c in there if (c.role in roles if roles else c.role not in _NO_ATTRIBUTES)]

    def found(
        self,
        defect: str,
        table: str,
        rows: pl.Series | NDArray[np.intp] | list[int] | None,
        message: str,
        column: str = "",
        count: int | None = None,
    ) -> list[Finding]:
        """Return one finding, or none when `rows` is empty.

        Args:
            defect: A key of `DEFECTS`, which gives severity and fix.
            table: Table, or "split".
            rows: Boolean series over the table, or positions in it; None when the column or the table
                as a whole is meant.
            message: May use {value}: that of `column` in the first row, or its first value.
            column: Name of the column.
            count: Number of affected rows, when it is not the number of `rows`.
        """
        frame = self.frame(table)
        row, value, at = None, "", 0
        if rows is not None:
            cases = rows.arg_true().to_numpy() if isinstance(rows, pl.Series) else np.asarray(rows)
            if len(cases) == 0:
                return []
            at = int(cases.min())
            count = len(cases) if count is None else count
            row = int(frame[ROW][at]) if ROW in frame.columns else None
        elif column and (there := frame[column].is_not_null()).any():
            at = int(there.arg_max() or 0)
        if column:
            value = _shown(frame[column][at])
        file = str(frame[FILE][at]) if FILE in frame.columns and len(frame) else ""
        severity, _, fix = DEFECTS[defect]
        text = message.replace("{value}", value)
        total = max(1, len(frame)) if count is None else count
        return [Finding(defect, severity, table, text, fix, file, row, column, total)]


Check = Callable[[CheckedTables], list[Finding]]


def _count(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    if key not in frame.columns:
        return pl.DataFrame({key: [], "n": []}, schema={key: pl.Int64, "n": pl.UInt32})
    return frame.group_by(key).agg(n=pl.len())


def _shown(value: object, width: int = 60) -> str:
    """Return a value for a message: quoted text, cut where it is long."""
    if isinstance(value, str):
        value = repr(value if len(value) <= width else value[: width - 1] + "…")
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if isinstance(value, pl.Series):
        value = value.to_list()
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= width + 2 else text[: width + 1] + "…"
