"""`Profile`: sparsity, cold items and richness of content of a data set."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.data.checks.checked_tables import CheckedTables
from sidelight.data.checks.leakage import agreed
from sidelight.data.coerce_types import filled
from sidelight.data.raw_tables import FILE, ROW, RawTables
from sidelight.data.schema import CONTENT_ROLES, LIST_ROLES, Column
from sidelight.data.timestamps import iso_time

BUCKETS = ("0", "1", "2-4", "5-9", "10-19", "20-49", "50+")
EDGES = (1, 2, 5, 10, 20, 50)
BINS = 10


@dataclass(frozen=True)
class ModalityCoverage:
    """One column of content.

    Args:
        table, column, role: Place and role of the column.
        present: Share of rows that have it, 0 to 1. A blank text or an empty list is not there.
        richness: Statistics over the rows that have it: "words" (mean), "distinct",
            "per_row" (mean number of tags), "dim", "min", "median", "max".
        known_at_launch, sensitive: As in the schema.
        guessed: Whether role and flags are inferred from name and values, not declared.
    """

    table: str
    column: str
    role: str
    present: float
    richness: dict[str, float] = field(default_factory=dict)
    known_at_launch: bool = True
    sensitive: bool = False
    guessed: bool = False


@dataclass(frozen=True)
class TimeBin:
    """A tenth of the time span.

    Args:
        start, end: ISO dates, UTC.
        events: Number of events.
        on_new_items: Share of them on items whose first event lies in this bin; None without events.
        untouched: Share of the whole catalogue without an event up to the end of the bin.
    """

    start: str
    end: str
    events: int
    on_new_items: float | None
    untouched: float


@dataclass(frozen=True)
class Profile:
    """Profile of a data set before training.

    Args:
        n_users, n_items: Ids in the tables and the interactions together.
        n_events, n_pairs: Rows, and distinct user-item pairs.
        density: n_pairs / (n_users n_items).
        users_by_events, items_by_events: Numbers with 0, 1, 2-4, ... 50+ events.
        events_per_user, events_per_item: Medians over those with any.
        untouched_items, one_event_users: Shares, 0 to 1.
        duplicates: Rows that repeat an earlier one exactly.
        repeats: Further events of a pair that is there already, exact duplicates left out.
        modalities: Content columns of items, then of users.
        cold_over_time: Ten bins of equal length; empty without timestamps.
        first, last: ISO times, UTC, or None.
        consent: By consent column: users who agreed and who did not.
        sensitive: Columns marked sensitive, "table.column".
    """

    n_users: int
    n_items: int
    n_events: int
    n_pairs: int
    density: float
    users_by_events: dict[str, int]
    items_by_events: dict[str, int]
    events_per_user: float
    events_per_item: float
    untouched_items: float
    one_event_users: float
    duplicates: int
    repeats: int
    modalities: tuple[ModalityCoverage, ...] = ()
    cold_over_time: tuple[TimeBin, ...] = ()
    first: str | None = None
    last: str | None = None
    consent: dict[str, dict[str, int]] = field(default_factory=dict)
    sensitive: tuple[str, ...] = ()

    @property
    def sparsity(self) -> float:
        """Share of pairs never seen, 1 - density."""
        return 1.0 - self.density

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, `sparsity` included."""
        return {**asdict(self), "sparsity": self.sparsity}


def profile(raw: RawTables) -> Profile:
    """Profile tables as they were read; rows set aside while reading are not in it."""
    t = CheckedTables(raw)
    n_users, users = _activity(t, "users", "user_id", t.events_by_user)
    n_items, items = _activity(t, "items", "item_id", t.events_by_item)
    n_events = len(t.events)
    rest = [c for c in t.events.columns if c not in (FILE, ROW)]
    distinct = t.events.select(pl.struct(rest).n_unique()).item() if n_events else 0
    n_pairs = t.events.select(pl.struct("user_id", "item_id").n_unique()).item() if n_events else 0
    timed = "timestamp" in t.events.columns
    times = t.events["timestamp"].drop_nulls() if timed else pl.Series([], dtype=pl.Int64)
    return Profile(
        n_users=n_users,
        n_items=n_items,
        n_events=n_events,
        n_pairs=n_pairs,
        density=n_pairs / max(1, n_users * n_items),
        users_by_events=users,
        items_by_events=items,
        events_per_user=_median(t.events_by_user["n"]),
        events_per_item=_median(t.events_by_item["n"]),
        untouched_items=items["0"] / max(1, n_items),
        one_event_users=users["1"] / max(1, n_users),
        duplicates=n_events - distinct,
        repeats=distinct - n_pairs,
        modalities=_modalities(t),
        cold_over_time=_cold(t, n_items) if len(times) else (),
        first=iso_time(int(times.min())) if len(times) else None,  # type: ignore[arg-type]
        last=iso_time(int(times.max())) if len(times) else None,  # type: ignore[arg-type]
        consent=_consent(t),
        sensitive=tuple(f"{table}.{c.name}" for table, c in raw.schema if c.sensitive),
    )


def _activity(t: CheckedTables, table: str, key: str, counts: pl.DataFrame) -> tuple[int, dict[str, int]]:
    """Return the number of ids, and the numbers of ids with 0, 1, 2-4 ... events."""
    frame = t.frame(table)
    idle = 0
    if key in frame.columns:
        ids = frame[key].unique()
        idle = int((~ids.is_in(counts[key].implode())).sum()) if len(counts) else len(ids)
    at = np.searchsorted(np.array(EDGES), counts["n"].to_numpy(), side="right")
    sizes = np.bincount(at, minlength=len(BUCKETS))
    sizes[0] += idle
    return idle + counts.height, dict(zip(BUCKETS, sizes.tolist(), strict=True))


def _median(values: pl.Series) -> float:
    return float(values.median() or 0.0)  # type: ignore[arg-type]


def _modalities(t: CheckedTables) -> tuple[ModalityCoverage, ...]:
    found = []
    for table in ("items", "users"):
        for column in t.columns(table, *CONTENT_ROLES):
            values = t.frame(table)[column.name]
            known = values.filter(filled(values))
            share = len(known) / max(1, len(values))
            rich = _richness(column, known) if len(known) else {}
            flags = column.known_at_launch, column.sensitive, table in t.raw.guessed
            found.append(ModalityCoverage(table, column.name, column.role, share, rich, *flags))
    return tuple(found)


def _richness(column: Column, known: pl.Series) -> dict[str, float]:
    """Return statistics over the rows that have a column."""
    if column.role == "text" and known.dtype == pl.String:
        words = known.str.count_matches(r"\S+")
        return {"words": float(words.mean() or 0.0), "distinct": known.n_unique()}  # type: ignore[arg-type]
    if column.role in LIST_ROLES and isinstance(known.dtype, pl.List):
        tags = known.explode(empty_as_null=False, keep_nulls=False)
        return {"per_row": len(tags) / len(known), "distinct": tags.n_unique()}
    if column.role == "number" and known.dtype.is_numeric():
        finite = known.cast(pl.Float64).to_numpy()
        finite = finite[np.isfinite(finite)]
        if not len(finite):
            return {}
        return {"min": float(finite.min()), "median": float(np.median(finite)), "max": float(finite.max())}
    if column.role == "vector" and isinstance(known.dtype, (pl.List, pl.Array)):
        lengths = known.list.len() if isinstance(known.dtype, pl.List) else pl.Series([known.dtype.size])
        return {"dim": float(lengths.mode().max())}  # type: ignore[arg-type]
    return {"distinct": known.n_unique()} if column.role == "category" else {}


def _cold(t: CheckedTables, n_items: int) -> tuple[TimeBin, ...]:
    """Return ten bins of equal length with the share of events on items first seen in each."""
    events = t.events.select("item_id", "timestamp").drop_nulls()
    times = events["timestamp"].cast(pl.Int64).to_numpy()
    start, end = int(times.min()), int(times.max())
    edges = [start + (end - start) * b // BINS for b in range(BINS + 1)]
    first = events.group_by("item_id").agg(pl.col("timestamp").min().cast(pl.Int64).alias("first"))
    born = events.select(pl.col("timestamp").min().over("item_id").cast(pl.Int64)).to_series().to_numpy()
    at, born_at = _bin(times, edges), _bin(born, edges)
    total = np.bincount(at, minlength=BINS)
    fresh = np.bincount(at[at == born_at], minlength=BINS)
    arrived = np.cumsum(np.bincount(_bin(first["first"].to_numpy(), edges), minlength=BINS))
    return tuple(
        TimeBin(
            iso_time(edges[b]),
            iso_time(edges[b + 1]),
            int(total[b]),
            float(fresh[b] / total[b]) if total[b] else None,
            float(1.0 - arrived[b] / max(1, n_items)),
        )
        for b in range(BINS)
    )


def _bin(times: NDArray[np.int64], edges: list[int]) -> NDArray[np.int64]:
    """Return the bin [edges[b], edges[b + 1]) of each time; the last bin holds its end."""
    return np.clip(np.searchsorted(np.array(edges[1:-1]), times, side="right"), 0, BINS - 1)


def _consent(t: CheckedTables) -> dict[str, dict[str, int]]:
    columns = sorted({c.consent for c in t.raw.schema.users if c.consent} & set(t.users.columns))
    yes = {c: int(agreed(t.users[c]).sum()) for c in columns}
    return {c: {"yes": n, "no": len(t.users) - n} for c, n in yes.items()}
