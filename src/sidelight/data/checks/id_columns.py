"""Checks of ids and events: duplicates, orphans, ids spelt in two ways."""

from __future__ import annotations

import polars as pl

from sidelight.data.checks.checked_tables import Check, CheckedTables
from sidelight.data.findings import Finding
from sidelight.data.raw_tables import FILE, ROW
from sidelight.data.schema import KEYS


def repeated_events(t: CheckedTables) -> list[Finding]:
    """Report events written twice, events with two weights, and (a note) pairs seen again later."""
    events, found = t.events, []
    rest = [c for c in events.columns if c not in (FILE, ROW)]
    first = events.select(pl.struct(rest).is_first_distinct()).to_series()
    message = "repeats an earlier row exactly; e.g. user {value}"
    found += t.found("duplicate-interaction", "interactions", ~first, message, "user_id")
    if "weight" in events.columns:
        kept = events.with_row_index("at").filter(first)
        twice = kept.filter(pl.struct(t.event_key).is_duplicated())
        clash = twice.filter(pl.col("weight").n_unique().over(t.event_key) > 1)
        again = clash.filter(~pl.struct(t.event_key).is_first_distinct())["at"].to_numpy()
        message = "gives another weight to an event that is there already; e.g. {value}"
        found += t.found("conflicting-weight", "interactions", again, message, "weight")
    return found + _repeated_pairs(t)


def _repeated_pairs(t: CheckedTables) -> list[Finding]:
    if len(t.event_key) < 3:
        return []
    key = pl.struct(t.event_key)
    events = t.events.select(
        again=~pl.struct("user_id", "item_id").is_first_distinct(), new=key.is_first_distinct()
    )
    again = events["again"] & events["new"]
    share = float(again.mean() or 0.0)  # type: ignore[arg-type]
    message = f"{share:.1%} of all events are a user coming back to an item; e.g. user {{value}}"
    return t.found("repeated-pair", "interactions", again, message, "user_id")


def repeated_positions(t: CheckedTables) -> list[Finding]:
    """Report two events of one user with the same rank in the history."""
    if "position" not in t.events.columns or "timestamp" in t.events.columns:
        return []
    cols = t.events.select("user_id", "item_id", "position")
    again = ~cols.select(pl.struct("user_id", "position").is_first_distinct()).to_series()
    same = ~cols.select(pl.struct(pl.all()).is_first_distinct()).to_series()
    message = "has the position of another event of the same user; e.g. {value}"
    return t.found("repeated-position", "interactions", again & ~same, message, "position")


def repeated_rows(t: CheckedTables) -> list[Finding]:
    """Report item and user rows whose id is there already: the same row again, or a row that differs."""
    found = []
    for table, key in KEYS.items():
        frame = t.frame(table)
        if key not in frame.columns or not frame[key].is_duplicated().any():
            continue
        twice = frame.with_row_index("at").filter(pl.col(key).is_duplicated())
        rest = [c for c in frame.columns if c not in (FILE, ROW)]
        twice = twice.with_columns(
            fresh=pl.struct(rest).is_first_distinct(), known=~pl.col(key).is_first_distinct()
        )
        same, other = twice.filter(~pl.col("fresh")), twice.filter(pl.col("fresh") & pl.col("known"))
        message = f"repeats an earlier row exactly; e.g. {key} {{value}}"
        found += t.found(f"duplicate-{table[:-1]}-row", table, same["at"].to_numpy(), message, key)
        message = f"differs from an earlier row of the same id; e.g. {key} {{value}}"
        found += t.found(f"conflicting-{table[:-1]}-row", table, other["at"].to_numpy(), message, key)
    return found


def orphans(t: CheckedTables) -> list[Finding]:
    """Report ids in the interactions that the item or user table does not have."""
    found = []
    for table, key in KEYS.items():
        if key not in t.frame(table).columns or key not in t.events.columns:
            continue
        lost = ~t.events[key].is_in(t.frame(table)[key].unique().implode())
        ids = t.events[key].filter(lost).n_unique()
        message = f"ids that the {table[:-1]} table lacks: {ids:,}; e.g. {{value}}"
        found += t.found(f"orphan-{table[:-1]}", "interactions", lost, message, key)
    return found


def similar_ids(t: CheckedTables) -> list[Finding]:
    """Report ids that become the same when case, space, leading zeros and a final ".0" are dropped."""
    found = []
    for key in ("user_id", "item_id"):
        tables = [n for n in ("items", "users", "interactions") if key in t.frame(n).columns]
        ids = [
            t.frame(n).select(id=key, table=pl.lit(n)).unique("id", keep="first", maintain_order=True)
            for n in tables
        ]
        if not ids or ids[0]["id"].dtype != pl.String:
            continue
        spelt = pl.concat(ids).unique("id", keep="first", maintain_order=True).with_columns(bare=_bare("id"))
        again = spelt.filter(~pl.col("bare").is_first_distinct())
        for table in again["table"].unique(maintain_order=True):
            here = again.filter(pl.col("table") == table)
            rows = t.frame(table)[key].is_in(here["id"].implode())
            first = t.frame(table)[key].filter(rows)[0]
            other = spelt.join(here.filter(pl.col("id") == first), on="bare")["id"][0]
            message = f"{len(here):,} ids look like another spelling of one there"
            message += f"; e.g. {{value}} beside {other!r}"
            found += t.found("similar-id", table, rows, message, key, len(here))
    return found


def _bare(column: str) -> pl.Expr:
    text = pl.col(column).str.to_lowercase().str.replace_all(r"\s+", "")
    return text.str.replace(r"^(\d+)\.0+$", "$1").str.replace(r"^0+(\d)", "$1")


def text_numbers(t: CheckedTables) -> list[Finding]:
    """Report ids that are all whole numbers without leading zeros, yet stored as text."""
    found = []
    for key in ("user_id", "item_id"):
        if key not in t.events.columns or t.events[key].dtype != pl.String:
            continue
        ids = t.events[key].unique()
        if len(ids) and ids.str.contains(r"^(0|[1-9]\d{0,17})$").all():
            message = "all ids are whole numbers as text; e.g. {value}"
            found += t.found("text-number-id", "interactions", None, message, key, len(t.events))
    return found


CHECKS: tuple[Check, ...] = (
    repeated_events, repeated_positions, repeated_rows, orphans, similar_ids, text_numbers,
)  # fmt: skip
