"""Choice of how fast the events of a history fade in a blend."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidelight.models.blend_weights import LEAST_USERS, mixed_quality
from sidelight.models.coordinate_ascent import LEAST, gain
from sidelight.models.held_out_scores import Evidence

FIRST, FASTER, SLOWER = 0.9, (0.8, 0.65, 0.5, 0.35), (0.97,)
USERS = 600  # looked at per decay and fold


def chosen_recency(evidence: Evidence, weights: NDArray[np.float64]) -> dict[str, Any]:
    """Choose the decay of a blend: 1 unless held-out users of the one list are better off with less.

    A decay of .9 is tried, then smaller ones as long as they are better, or else .97; the best one is
    taken if its paired gain in NDCG exceeds zero by one standard error.

    Args:
        evidence: With components that weigh all events alike; its spec says if there is a choice.
        weights: float64 (2, m), chosen on it.

    Returns:
        "decay", "users" that were looked at, "gain" in mean NDCG; JSON-able.
    """
    nothing = {"decay": 1.0, "users": 0, "gain": 0.0}
    spec = evidence.spec
    if not (spec.recency and evidence.measured and evidence.folds[0].histories().ordered):
        return nothing

    def quality(decay: float) -> NDArray[np.float64]:
        return mixed_quality(evidence.decayed(decay, USERS).whole, weights, spec.k)

    before = quality(1.0)
    if len(before) < LEAST_USERS:
        return nothing
    best, found = FIRST, quality(FIRST)
    for decay in FASTER if found.mean() > before.mean() else SLOWER:
        value = quality(decay)
        if value.mean() <= found.mean():
            break
        best, found = decay, value
    better = float(found.mean() - before.mean())
    if gain(found, before) <= 0 or better <= LEAST:
        return {"decay": 1.0, "users": len(before), "gain": 0.0}
    return {"decay": best, "users": len(before), "gain": better}
