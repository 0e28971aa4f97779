"""Places of new items in the lists of a fitted blend, brought to the share they are expected to want."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sidelight.data.split import Split
from sidelight.evaluation.ranking import top_k
from sidelight.models.mixture import Mixture
from sidelight.models.pool import CELLS

Values = NDArray[np.float32]


def exposed(
    mixture: Mixture, split: Split, users: NDArray[np.int64], k: int, target: float, lower: bool
) -> Mixture:
    """Scale the scores of cold items until they get their share of the places of all lists.

    At most half of those that have any score are put there: all on top would be no calibration. Only
    training histories are looked at, with the cold items that there are.

    Args:
        mixture: Fitted on the split.
        split: Its cold candidates are the new items.
        users: int64, users to look at.
        k: Length of the lists.
        target: Share of the places, in [0, 1].
        lower: Lower the scores too, where cold items get more; else they are only raised.
    """
    cold, warm = _best(mixture, split, users, k)
    reachable = np.minimum((cold > 0).sum(axis=1) / 2, k)
    target = min(target, float(reachable.mean()) / k if len(reachable) else 0.0)

    def share(factor: float) -> float:
        last = np.sort(np.concatenate([factor * cold, warm], axis=1), axis=1)[:, -k]
        return float((factor * cold >= np.maximum(last, 1e-30)[:, None]).sum(axis=1).mean()) / k

    if target <= 0 or not len(users):
        return mixture
    now = share(1.0)
    if now >= target and not lower:
        return mixture
    low, high = (1.0, 1000.0) if now < target else (0.001, 1.0)
    for _ in range(16):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if share(middle) < target else (low, middle)
    scale = np.where(split.cold, high, 1.0).astype(np.float32)
    return replace(mixture, weights=mixture.weights * scale, fresh=mixture.fresh * np.float32(high))


def _best(mixture: Mixture, split: Split, users: NDArray[np.int64], k: int) -> tuple[Values, Values]:
    """The best scores of cold and of warm candidates, float32 (n_users, 2 k or fewer), -inf where none."""
    step = max(1, CELLS // split.data.n_items)
    histories = split.histories()[users]
    found: tuple[list[Values], list[Values]] = ([], [])
    for start in range(0, len(users), step):
        rows = histories[start : start + step]
        scores = mixture.told(users[start : start + step], {}).score(rows)
        for side, mask in zip(found, (split.cold, split.warm), strict=True):
            side.append(top_k(scores, min(2 * k, scores.shape[1]), rows, split.candidates & mask)[1])
    if not len(users):
        return np.zeros((0, k), np.float32), np.zeros((0, k), np.float32)
    return np.vstack(found[0]), np.vstack(found[1])
