"""Slices of an evaluation: cold, warm and overall rankings, and subgroups of the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.context import consented
from sidelight.data.split.split import Part, Split
from sidelight.errors import SpecError, did_you_mean

Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]

EDGES = (0, 1, 5, 10, 50)
"""Lower ends of the buckets of popularity (training users) and activity (history length)."""
LARGEST_GROUPS = 20
_GROUPED_ROLES = ("category", "tags", "number", "timestamp", "context")


@dataclass(frozen=True)
class Slice:
    """Users of a part of an evaluation, the ranking that is judged, and its relevant items.

    Args:
        name: "cold", "warm", "overall", or a subgroup such as "user:activity=1-4".
        ranking: Candidates that are ranked: "cold", "warm" or "overall".
        users: int64, shape (n,), inner user indices, ascending; each has a relevant item.
        truth: CSR (n, n_items), the relevant items in this slice, row for row as `users`.
        items: bool, shape (n_items,), for a subgroup of items; None otherwise.
    """

    name: str
    ranking: str
    users: Indices
    truth: sp.csr_matrix
    items: Mask | None = None


def restrict(matrix: sp.csr_matrix, items: Mask) -> sp.csr_matrix:
    """Keep the entries of some columns; the shape stays."""
    keep = items[matrix.indices]
    ends = np.concatenate([[0], np.cumsum(keep)])[matrix.indptr]
    return sp.csr_matrix((matrix.data[keep], matrix.indices[keep], ends), shape=matrix.shape)


def main_slices(split: Split, truth: sp.csr_matrix) -> dict[str, Slice]:
    """Return the cold, warm and overall slices in which some user has a relevant item.

    The cold slice ranks cold candidates only, against cold relevant items, the warm slice
    likewise; the overall slice is one list of all candidates, for users with any relevant item or,
    where the split says so, with both a cold and a warm one.

    Args:
        split: Gives the cold items and `overall_users`.
        truth: CSR (n_users, n_items), candidates only.
    """
    sides = {"cold": restrict(truth, split.cold), "warm": restrict(truth, split.warm)}
    has = {name: np.diff(side.indptr) > 0 for name, side in sides.items()}
    both = split.overall_users == "both"
    has["overall"] = has["cold"] & has["warm"] if both else has["cold"] | has["warm"]
    sides["overall"] = truth
    return {
        name: Slice(name, name, np.flatnonzero(has[name]), side[has[name]])
        for name, side in sides.items()
        if has[name].any()
    }


def members(split: Split, groups: Sequence[str], part: Part = "validation") -> dict[str, Mask]:
    """Return the members of each group: "NAME=GROUP" to bool, shape (n_users,) or (n_items,).

    Args:
        split: Tables and histories.
        groups: Names "user:activity", "item:popularity", "user:COLUMN" or "item:COLUMN"; `audited`
            adds the sensitive columns. Numbers are cut into quartiles; beyond the 20 largest groups
            the rest is "other"; unknown values, and those of users who did not consent, are "missing".
        part: Evaluated part; activity is the length of the history there.

    Raises:
        SpecError: A name that is none of these, or a column that cannot be grouped.
    """
    return {
        f"{name}={label}": mask
        for name in audited(split, groups)
        for label, mask in _groups(split, name, part)
    }


def audited(split: Split, groups: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of the groups to evaluate: the given ones, then every sensitive column.

    A sensitive column without groups (a vector, an image) is left out.
    """
    roles = {"users": split.data.users, "items": split.data.items}
    sensitive = [
        f"{table.removesuffix('s')}:{column.name}"
        for table, column in split.data.schema
        if column.sensitive and column.role in (*_GROUPED_ROLES, "text")
        and table in roles and column.name in roles[table].columns
    ]  # fmt: skip
    return tuple(dict.fromkeys((*groups, *sensitive)))


def subgroups(overall: Slice, groups: dict[str, Mask]) -> dict[str, Slice]:
    """Slices of the overall ranking by the groups that `members` gives; empty ones are left out.

    A user group keeps its users with all their relevant items. An item group keeps all users that
    have a relevant item in it, and only those items as relevant: the list still ranks everything.
    """
    found: dict[str, Slice] = {}
    for name, mask in groups.items():
        if name.startswith("user:"):
            keep = mask[overall.users]
            piece = Slice(name, "overall", overall.users[keep], overall.truth[keep])
        else:
            truth = restrict(overall.truth, mask)
            keep = np.diff(truth.indptr) > 0
            piece = Slice(name, "overall", overall.users[keep], truth[keep], mask)
        if len(piece.users):
            found[name] = piece
    return found


def _groups(split: Split, name: str, part: Part) -> list[tuple[str, Mask]]:
    table, _, column = name.partition(":")
    if table not in ("user", "item") or not column:
        known = ["user:activity", "item:popularity", "user:COLUMN", "item:COLUMN"]
        raise SpecError(f"unknown group {name!r}; {did_you_mean(name, known)}")
    if name == "user:activity":
        return buckets(split.histories(part).lengths)
    if name == "item:popularity":
        return buckets(split.histories().counts)
    found = split.data.schema.find(f"{table}s", column)
    if found.role not in _GROUPED_ROLES and not (found.sensitive and found.role == "text"):
        hint = ", ".join(_GROUPED_ROLES)
        raise SpecError(f"cannot group by {name!r}: its role is {found.role!r}; columns that can: {hint}")
    frame = split.data.users if table == "user" else split.data.items
    may = consented(frame, found, f"the {table} table")
    return column_groups(frame.select(pl.when(may).then(pl.col(column)).alias(column))[column])


def buckets(counts: NDArray[np.integer], edges: Sequence[int] = EDGES) -> list[tuple[str, Mask]]:
    """Members of each range of counts, e.g. "0", "1-4", "5-9", "10-49", "50+"."""
    at = np.searchsorted(np.asarray(edges), counts, side="right") - 1
    ends = [e - 1 for e in edges[1:]]
    names = [str(a) if a == b else f"{a}-{b}" for a, b in zip(edges[:-1], ends, strict=True)]
    return [(name, at == n) for n, name in enumerate([*names, f"{edges[-1]}+"])]


def column_groups(values: pl.Series) -> list[tuple[str, Mask]]:
    """Members of each value of a column: quartiles of numbers, the 20 largest groups of the rest.

    A row with several tags is in several groups.
    """
    if values.dtype.is_numeric() or values.dtype.is_temporal():
        return _quartiles(values)
    lists = isinstance(values.dtype, (pl.List, pl.Array))
    frame = pl.DataFrame({"value": values}).with_row_index("row")
    if lists:
        frame = frame.explode("value")
    frame = frame.with_columns(pl.col("value").cast(pl.String)).drop_nulls().unique()
    sizes = frame.group_by("value").len().sort(["len", "value"], descending=[True, False])
    kept = sizes["value"].head(LARGEST_GROUPS).to_list()
    found = []
    for value in kept:
        found.append((str(value), _rows(frame.filter(pl.col("value") == value), len(values))))
    if len(sizes) > LARGEST_GROUPS:
        found.append(("other", _rows(frame.filter(~pl.col("value").is_in(kept)), len(values))))
    return [*found, ("missing", ~_rows(frame, len(values)))]


def _rows(frame: pl.DataFrame, length: int) -> Mask:
    return np.isin(np.arange(length), frame["row"].to_numpy())


def _quartiles(values: pl.Series) -> list[tuple[str, Mask]]:
    whole = values.to_physical() if values.dtype.is_temporal() else values
    number = whole.cast(pl.Float64).fill_null(np.nan).to_numpy()
    known = np.isfinite(number)
    if not known.any():
        return [("missing", ~known)]
    cuts = np.unique(np.quantile(number[known], [0.25, 0.5, 0.75], method="lower"))
    at = np.searchsorted(cuts, number, side="left")
    found = []
    for n in range(len(cuts) + 1):
        mask = known & (at == n)
        if mask.any():
            span = values.filter(pl.Series(mask))
            low, high = span.min(), span.max()
            found.append((_span(low, high), mask))
    return [*found, ("missing", ~known)]


def _span(low: object, high: object) -> str:
    texts = [f"{v:.4g}" if isinstance(v, float) else str(v) for v in (low, high)]
    return texts[0] if low == high else f"{texts[0]}..{texts[1]}"
