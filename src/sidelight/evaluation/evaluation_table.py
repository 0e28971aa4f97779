"""An evaluation as plain text, narrow enough for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sidelight.errors import SpecError, complain
from sidelight.evaluation.metrics import METRICS
from sidelight.evaluation.protocol import shown_history

if TYPE_CHECKING:
    from sidelight.evaluation.result import Evaluation
    from sidelight.evaluation.statistics import Interval

MAIN = {
    "cold": "no user has a relevant cold item",
    "warm": "no user has a relevant warm item",
    "overall": "no user has both a relevant cold and a relevant warm item",
}
"""The main slices, and why one may be absent."""
LISTS = (
    "cold_slots", "cold_relevance", "cold_exposure", "coverage", "gini", "popularity_lift",
    "no_evidence", "history_moved", "novelty", "diversity", "miscalibration",
)  # fmt: skip


def table(found: Evaluation, ks: Sequence[int], intervals: Mapping[str, Interval]) -> str:
    """Format accuracy by slice, figures of the lists, then one line per subgroup, at each cut-off.

    Args:
        found: The evaluation.
        ks: Those of its cut-offs that are shown.
        intervals: Shown as "[low, high]" where there is one.
    """
    for k in ks:
        if k not in found.ks:
            raise SpecError(complain(f"a cut-off among {list(found.ks)}", f"k = {k}"))
    means = found.figures()

    def cell(name: str) -> str:
        if not np.isfinite(means.get(name, np.nan)):
            return "-"
        return str(intervals[name]) if name in intervals else f"{means[name]:.4f}"

    main = [name for name in MAIN if name in found.values]
    metrics = [m for m in METRICS if f"{main[0]}.{m}@{ks[0]}" in means]
    accuracy = [f"{m}@{k}" for m in metrics for k in ks]
    rows = [["", *main], ["users", *(f"{len(found.users[name]):,}" for name in main)]]
    rows += [[m, *(cell(f"{name}.{m}") for name in main)] for m in accuracy]
    lines = [_title(found), "", *aligned(rows)]
    lines += [f"no {name} slice: {why}" for name, why in MAIN.items() if name not in main]
    named = [n for m in LISTS for n in ([m] if m == "cold_relevance" else [f"{m}@{k}" for k in ks])]
    rows = [[m, cell(f"overall.{m}")] for m in named if f"overall.{m}" in means]
    lines += ["", "lists of the overall slice", *aligned(rows)] if rows else []
    for k in ks:
        lines += _groups(found, [*(f"{m}@{k}" for m in metrics[:2]), f"exposure@{k}", "relevance"], cell)
    return "\n".join(lines)


def _groups(found: Evaluation, columns: Sequence[str], cell: Callable[[str], str]) -> list[str]:
    """A block with a line a subgroup; nothing where there are none."""
    groups = [name for name in found.values if name not in MAIN]
    if not groups:
        return []
    rows = [[g, f"{len(found.users[g]):,}", *(cell(f"{g}.{m}") for m in columns)] for g in groups]
    return ["", *aligned([["groups of the overall slice", "users", *columns], *rows])]


def aligned(rows: list[list[str]]) -> list[str]:
    """Lines with the first column to the left and the others to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    first = [f"{row[0]:<{widths[0]}}" for row in rows]
    rest = ["  ".join(f"{c:>{w}}" for c, w in zip(row[1:], widths[1:], strict=True)) for row in rows]
    return [f"{a}  {b}".rstrip() for a, b in zip(first, rest, strict=True)]


def _title(found: Evaluation) -> str:
    title = f"{found.part} part"
    if found.opened:
        title += f", opened {found.opened} time{'s' * (found.opened > 1)}"
    if found.part == "test":
        title += f"; histories: {shown_history(found.info)}"
    dropped = found.info.get("unrankable", 0)
    if dropped:
        title += f"; {dropped:,} relevant items are masked or no candidates and count nowhere"
    return title
