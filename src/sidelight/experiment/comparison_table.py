"""A comparison as plain text, narrow enough for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidelight.evaluation.evaluation_table import aligned
from sidelight.evaluation.protocol import shown_history
from sidelight.experiment.figures import MAIN
from sidelight.experiment.to_record import answer

if TYPE_CHECKING:
    from sidelight.experiment.comparison import Comparison


def table(found: Comparison) -> str:
    """The metric by arm and share of the clicks, its differences to the baseline, and the answer."""
    seeds = f"{len(found.seeds)} seed{'s' * (len(found.seeds) > 1)}"
    where = f"{found.part} part"
    if found.part == "test":
        where += f", histories: {shown_history(found.about)}"
    lines = [f"{where}, {seeds}; {found.metric}: mean over users and seeds [95 % interval]"]
    if min(found.keeps) < 1:
        thin = found.about.get("thin_validation", False)
        lines += [f"thinned: training {'and validation events alike' if thin else 'events only'}"]
    for keep in found.keeps:
        lines += ["", *_block(found, keep)]
    lines += ["", "* clear: interval beside 0, and p < 0.05 in sign flips adjusted for arms and slices"]
    said = answer(found)
    told = [said["sentence"], *([said["power"]["sentence"]] if said["power"] else [])]
    return "\n".join([*lines, *told, *(f"! {line}" for line in found.warnings)])


def _block(found: Comparison, keep: float) -> list[str]:
    figures = [e for e in found.figures() if (e.keep, e.metric) == (keep, found.metric)]
    means = {
        (e.arm, e.slice): f"{e.mean:.4f} [{e.low:.4f}, {e.high:.4f}] " for e in figures if e.mean is not None
    }
    gaps = {
        (
            e.arm,
            e.slice,
        ): f"{e.mean:+.4f} [{e.low:+.4f}, {e.high:+.4f}]{'*' if e.verdict in ('better', 'worse') else ' '}"
        for e in found.differences()
        if e.keep == keep
    }
    users = {e.slice: f"{e.users:,} " for e in figures}
    sides = [side for side in MAIN if side in users]
    head = "all clicks" if keep == 1 else f"{keep:.4g} of the clicks"
    rows = [[head, *(f"{side} " for side in sides)], ["users", *(users[side] for side in sides)]]
    rows += [[arm, *(means.get((arm, side), "- ") for side in sides)] for arm in found.arms]
    rows += [[f"minus {found.baseline}", *("" for _ in sides)]]
    others = [arm for arm in found.arms if arm != found.baseline]
    return aligned(rows + [[arm, *(gaps.get((arm, side), "- ") for side in sides)] for arm in others])
