"""Popularity floor of single models: a first interaction must not make a list worse than none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidelight.data.split.selection import selection_split, usable_events
from sidelight.data.split.split import Split
from sidelight.models.blend_candidates import BlendCandidates
from sidelight.models.blend_scorer import BlendScorer
from sidelight.models.blend_weights import KNOTS, as_factors, slate_quality
from sidelight.models.components import without_floor
from sidelight.models.coordinate_ascent import improve
from sidelight.models.held_out_scores import CUT_USERS, LONG, buckets_of, sampled
from sidelight.models.scorer import Scorer
from sidelight.models.similarity_scorers import ConstantScorer

AMOUNTS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
K, DEPTH = 20, 60
MINIMUM = 100  # held-out events, and users per length of history, below which nothing is added


def with_floor(spec: Any, scorer: Scorer, split: Split) -> Scorer:
    """Add popularity to the scores of short histories, as much as held-out users justify.

    score(h, j) = s(h, j) / scale + a(n) * users(j) / scale_p, with n the events in h, scale and scale_p
    the standard deviations of the two among the items on top, and a(n) chosen at n = 1, 3, 7 and for
    long histories on the NDCG of the one list, linear in log2(1 + n) between. Without evidence a = 0
    and the scorer is returned as it is. Cold items have no users and keep their score.

    Where validation has too few events to choose on, some are held out of training and the model is
    fitted once more without them (`Split.selection`): twice the time of the fit.

    Args:
        spec: Options of the model; with `floor = False` nothing is added.
        scorer: Fitted on the split.
        split: Split it was fitted on.
    """
    if not getattr(spec, "floor", False):
        return scorer
    # The choice does not read the test part, not even to leave its pairs out.
    choosing, judged = split.blind(), scorer
    if usable_events(split, cold=False) < MINIMUM:
        choosing = selection_split(split, MINIMUM)
        if usable_events(choosing, cold=False) < MINIMUM:
            return scorer
        judged = without_floor(spec).fit(choosing).scorer
    popular = _counts(choosing)
    amounts, scale = _amounts([judged, popular], choosing)
    if not any(amounts):
        return scorer
    knots = np.ones((len(KNOTS), 2, 2))
    knots[:, 1, 1] = amounts
    weights, factors = as_factors(knots, [1.0] * len(KNOTS), np.array([False, True]))
    buckets = np.where(split.cold, 0, 1)
    return BlendScorer.build([scorer, _counts(split)], weights / scale, np.ones(2), buckets, factors)


def _counts(split: Split) -> ConstantScorer:
    return ConstantScorer(np.asarray(split.fitting().sum(axis=0), dtype=np.float32).ravel())


def _amounts(scorers: list[Scorer], split: Split) -> tuple[list[float], NDArray[np.float64]]:
    """Choose a(n) at each knot, and the scales float64 (2,); all 0 where popularity does not help."""
    size = split.histories().lengths
    able = np.flatnonzero((size > 0) & (split.truth().getnnz(axis=1) > 0))
    found, scale = [0.0], np.ones(2)
    for length in (*KNOTS[1:-1], None):
        users = sampled(able[size[able] >= (length or LONG)], CUT_USERS, 0, "floor", str(length))
        if len(users) < MINIMUM:
            found.append(found[-1] if len(found) > 1 else 0.0)
            continue
        pool = BlendCandidates.build(scorers, split, users, DEPTH, buckets_of(split, ()), length)
        if len(found) == 1:
            scale = np.where(pool.scales()[1] > 0, pool.scales()[1], 1.0)
        slate = pool.standardised(np.stack([scale, scale])).slate("overall", K)
        tried = [np.array([1.0, amount]) for amount in AMOUNTS]
        plain = np.array([1.0, 0.0])
        chosen, _ = improve(slate_quality(slate), plain, slate.ndcg(slate.mix(plain)), tried)
        found.append(float(chosen[1]))
    found[0] = found[1]
    return found, scale
