"""Share of future interactions that will fall on new items, estimated without the test part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sidelight.data.split.split import Split

FEW = 50  # validation events below which their share of new items is not measured


@dataclass(frozen=True)
class Demand:
    """Share of new items among future interactions.

    Args:
        share: In [0, 1].
        how: Source of the figure, as a sentence.
        measured: Whether events say it; else it is the middle of two assumptions.
    """

    share: float
    how: str
    measured: bool = True


def future_demand(split: Split) -> Demand:
    """Estimate which share of the coming interactions falls on items without training events.

    A validation part made by time, or by drawing each user's events, says it directly. Where a split
    holds whole items out, their share in validation is what its maker chose, not what users will
    want: assumed is their share of all events, as if they had been drawn like the others. Without a
    validation part it is the share of the latest tenth of the training events that fell on items
    without an earlier one. Without times as well, items without events are either rare ones, and the
    Good-Turing estimate f_1 / N holds (f_1 items with exactly one event, N events), or they came later
    and are wanted like all others, as their share of the catalogue says: assumed is the middle.

    Source: Good, "The population frequencies of species and the estimation of population
    parameters" (Biometrika 1953), for the mass of what has not been seen yet.
    """
    log = split.data.interactions
    cold = int(split.cold[log.item[split.validation]].sum())
    rows = len(split.validation)
    if rows >= FEW and holds_items_out(split):
        whole = rows + len(split.train)
        return Demand(
            cold / whole, f"{cold} of {whole} training and validation events, were they drawn alike"
        )
    if rows >= FEW:
        return Demand(cold / rows, f"{cold} of {rows} validation events")
    fit = split.fit_rows
    if log.timestamp is not None and len(fit) >= 10 * FEW:
        order = np.argsort(log.timestamp[fit], kind="stable")
        early, late = np.split(log.item[fit][order], [round(0.9 * len(fit))])
        new, count = int((~np.isin(late, early)).sum()), len(late)
        return Demand(new / count, f"{new} of the latest {count} training events")
    once = int((np.bincount(log.item[fit], minlength=split.data.n_items) == 1).sum())
    rare = once / max(1, len(fit)) if bool((split.cold & split.candidates).any()) else 0.0
    alike = float(split.cold[split.candidates].mean())
    how = f"middle of {rare:.1%} (Good-Turing) and {alike:.1%} (share of the catalogue), unmeasured"
    return Demand((rare + alike) / 2, how, measured=False)


def future_weights(split: Split, demand: Demand | None) -> NDArray[np.float32]:
    """Compute importance weights of held-out training events for the future, float32 (n_items,).

    1 where validation or times measure the demand. Where nothing does, the middle of two assumptions is
    taken, as for new items: that demand stays as in training, and that it is equal for all items. An
    event on an item with c_j of N training events, of n items, then has the weight
    (1 + N / (n c_j)) / 2: rare items count for more.

    Args:
        split: Split with the training events.
        demand: Estimated demand for new items; None takes validation as measured.
    """
    if demand is None or demand.measured:
        return np.ones(split.data.n_items, dtype=np.float32)
    count = np.bincount(split.data.interactions.item[split.fit_rows], minlength=split.data.n_items)
    mean = count.sum() / max(1, np.count_nonzero(split.candidates))
    return np.asarray((1 + mean / np.maximum(count, 1)) / 2, dtype=np.float32)


def holds_items_out(split: Split) -> bool:
    """Test whether the rule of a split took whole items out of training on purpose."""
    parts = split.how.get("parts", {})
    named = [name for names in parts.values() for name in names] if isinstance(parts, dict) else []
    return split.how.get("rule") == "cold_items" or any(str(name).startswith("cold") for name in named)
