"""Exposure of new items in the lists of a fitted blend, calibrated to their expected share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sidelight.data.split.split import Split
from sidelight.evaluation.ranking import top_k
from sidelight.models.blend_candidates import CELLS
from sidelight.models.blend_scorer import BlendScorer

Values = NDArray[np.float32]


def reachable(scored: NDArray[np.bool_], k: int, target: float) -> float:
    """Cap a share of the places at half of the cold items that have any score.

    Args:
        scored: bool (n_users, n), cold items with a score above 0.
        k: Length of the lists.
        target: Share of the places, in [0, 1].
    """
    most = np.minimum(scored.sum(axis=1) / 2, k)
    return min(target, float(most.mean()) / k if len(most) else 0.0)


def factor_for(share: Callable[[float], float], target: float, lower: bool) -> float:
    """Find the factor of cold scores at which cold items have their share of the places.

    Args:
        share: Share of the places as a function of the factor; rises with it.
        target: Share that is wanted.
        lower: Try factors below 1 too, where they get more; else the scores are only raised.
    """
    now = share(1.0)
    if now >= target and not (lower and now > 0):
        return 1.0
    low, high = (1.0, 1000.0) if now < target else (0.001, 1.0)
    for _ in range(16):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if share(middle) < target else (low, middle)
    return high


def exposed(
    mixture: BlendScorer, split: Split, users: NDArray[np.int64], k: int, target: float, lower: bool
) -> BlendScorer:
    """Scale the scores of cold items until they get their share of the places of all lists.

    At most half of those that have any score are put there: all on top would be no calibration. Only
    training histories are looked at, with the cold items that there are.

    Args:
        mixture: Fitted on the split.
        split: Its cold candidates are the new items.
        users: int64, users whose lists count.
        k: Length of the lists.
        target: Share of the places, in [0, 1].
        lower: Lower the scores too, where cold items get more; else they are only raised.
    """
    cold, warm = _best(mixture, split, users, k)
    target = reachable(cold > 0, k, target)

    def share(factor: float) -> float:
        last = np.sort(np.concatenate([factor * cold, warm], axis=1), axis=1)[:, -k]
        return float((factor * cold >= np.maximum(last, 1e-30)[:, None]).sum(axis=1).mean()) / k

    if target <= 0:
        return mixture
    factor = factor_for(share, target, lower)
    scale = np.where(split.cold, factor, 1.0).astype(np.float32)
    return replace(mixture, weights=mixture.weights * scale, fresh=mixture.fresh * np.float32(factor))


def _best(mixture: BlendScorer, split: Split, users: NDArray[np.int64], k: int) -> tuple[Values, Values]:
    """Return the best scores of cold and of warm candidates, float32 (n_users, <= 2 k), -inf where none."""
    step = max(1, CELLS // split.data.n_items)
    histories = split.histories()[users]
    found: tuple[list[Values], list[Values]] = ([], [])
    for start in range(0, len(users), step):
        rows = histories[start : start + step]
        scores = mixture.with_context(users[start : start + step], {}).score(rows)
        for side, mask in zip(found, (split.cold, split.warm), strict=True):
            side.append(top_k(scores, min(2 * k, scores.shape[1]), rows.matrix(), split.candidates & mask)[1])
    if not len(users):
        return np.zeros((0, k), np.float32), np.zeros((0, k), np.float32)
    return np.vstack(found[0]), np.vstack(found[1])
