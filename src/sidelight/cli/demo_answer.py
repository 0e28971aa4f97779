"""Answer to the demo's question in one plain sentence, whatever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sidelight.experiment.comparison import Comparison

QUESTION = "Did the auxiliary signals help the list one would serve?"


def verdict(found: Comparison) -> str:
    """Return yes, no or undecided, with the interval and the smallest difference that would show.

    Args:
        found: Comparison whose baseline lacks the signals, and whose second arm has them.
    """
    arm = next(name for name in found.arms if name != found.baseline)
    keep = max(found.keeps)
    gap = next(e for e in found.differences() if (e.arm, e.keep, e.slice) == (arm, keep, "overall"))
    base = next(
        f.mean
        for f in found.figures()
        if (f.arm, f.keep, f.slice, f.metric) == (found.baseline, keep, "overall", found.metric)
    )
    text = sentence(gap.mean, gap.low, gap.high, gap.users, base or 0.0, found.metric)
    if len(found.seeds) > 1:
        return text
    return f"{text} All this is over households, for one fit of each: another seed moves the figure as well."


def against(found: Comparison, arm: str, other: str) -> str:
    """Compare an arm with one that is not the baseline, in one sentence."""
    from sidelight.evaluation.paired_difference import differences

    keep, seed = max(found.keeps), found.seeds[0]
    first, second = (found.run(name, keep, seed).evaluation for name in (arm, other))
    [gap] = differences(first, second, names=[f"overall.{found.metric}"])
    each = gap.interval
    clear = "clearly better than" if each.low > 0 else "clearly worse than" if each.high < 0 else ""
    relation = f"{clear} the {other}" if clear else f"not clearly other than the {other}"
    bounds = f"{each.mean:+.4f}, 95 % interval {each.low:+.4f} to {each.high:+.4f}"
    return f"The {arm} is {relation} ({bounds})."


def sentence(mean: float, low: float, high: float, users: int, base: float, metric: str) -> str:
    """Return the answer in words.

    Args:
        mean, low, high: Difference made by the signals, and its 95 % interval.
        users: Number of households.
        base: Mean of the metric without the signals.
        metric: "name@k".
    """
    from sidelight.experiment.to_record import smallest_visible

    name = metric.upper()
    if low > 0:
        answer = f"Yes in this fit, over {users:,} households"
    elif high < 0:
        answer = f"No, in this fit they made it worse over {users:,} households"
    else:
        answer = f"It cannot be told from {users:,} households"
    least = smallest_visible(low, high)
    part = f" ({least / base:.0%} of {base:.4f})" if base > 0 else ""
    return (
        f"{answer}: with them {name} of the one list changes by {mean:+.4f} (95 % interval {low:+.4f} to "
        f"{high:+.4f}) against the same blend with the primary loss alone. The smallest difference that this "
        f"many households would show four times in five is {least:.4f}{part}."
    )
