"""Choice of a blend's weights: from a prior, moved by what held-out events justify."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sidelight.models.blend_candidates import BlendCandidates, CandidateLists
from sidelight.models.coordinate_ascent import coordinate_ascent, improve
from sidelight.models.new_item_exposure import factor_for, reachable
from sidelight.seeding import generator

Floats = NDArray[np.float64]
KNOTS = (0, 1, 3, 7, 15)  # history lengths 2^a - 1 at which factors are chosen
LEAST_USERS = 30  # users with something relevant below which a prior stays as it is
DRAWS, GROUPS = 2, 4  # draws of all users into groups, each of which chooses weights of its own
STEPS = (0.25, 0.5, 0.7, 0.85, 0.95, 1.05, 1.2, 1.4, 2.0, 4.0)
FACTORS = (0.0, 0.1, 0.3, 0.6, 1.0, 1.6, 3.0, 8.0)


def side_weights(
    pool: BlendCandidates,
    prior: Floats,
    scale: Floats,
    families: Sequence[str],
    k: int,
    representative: bool = True,
    seed: int = 0,
) -> tuple[Floats, list[int], list[float]]:
    """Choose the weights of standardised components on cold and on warm items.

    Args:
        pool: Standardised.
        prior: float64 (2, m).
        scale: float64 (2, m), 0 for a component that scores nothing on a side.
        families: One per component; those of one family may exchange their weights.
        k: Length of the lists.
        representative: What is held out is a sample of what users will want. Where nothing says so,
            weights are averaged over groups of users.
        seed: Random seed of the draw of groups.

    Returns:
        (weights float64 (2, m), users looked at per side, gain in NDCG over the prior per side).
    """
    weights, users, gains = np.zeros_like(prior), [], []
    for side, which in enumerate(("cold", "warm")):
        usable = scale[side] > 0
        slate = pool.slate(which, k)
        found, better = np.where(usable, prior[side], 0.0), 0.0
        if usable.any() and not found.any():
            found = usable / usable.sum()  # no prior for these components on this side: all alike
        if len(slate) >= LEAST_USERS and usable.any():
            if representative:
                found, better = coordinate_ascent(slate_quality(slate), found, usable, families)
            else:
                found, better = averaged_weights(slate, found, usable, families, seed)
        weights[side] = found
        users.append(len(slate))
        gains.append(better)
    return weights, users, gains


def averaged_weights(
    slate: CandidateLists, prior: Floats, usable: NDArray[np.bool_], families: Sequence[str], seed: int = 0
) -> tuple[Floats, float]:
    """Average the weights that groups of users choose: what fits a few users only gets little.

    Args:
        slate: Users of one side.
        prior: float64 (m,), any positive scale; the weights found have the same sum.
        usable: bool (m,).
        families: See `side_weights`.
        seed: Random seed of the draw of groups.

    Returns:
        (weights float64 (m,), gain in NDCG over the prior).
    """
    total, rng = np.zeros_like(prior), generator(seed, "groups")
    groups = max(1, min(GROUPS, len(slate) // LEAST_USERS))
    for _ in range(DRAWS if groups > 1 else 1):
        for users in np.array_split(rng.permutation(len(slate)), groups):
            quality = slate_quality(slate.of(np.sort(users)))
            found, _ = coordinate_ascent(quality, prior, usable, families)
            total += found / found.sum()
    weights, quality = total * (prior.sum() / total.sum()), slate_quality(slate)
    return weights, float(quality(weights).mean() - quality(prior).mean())


def evened(weights: Floats, knots: Floats) -> tuple[Floats, Floats]:
    """Move weights half of the way, in the geometric sense, to equal ones for all components that have any.

    For evidence that is perhaps unlike what users will want: a sum of several good components loses
    less than the best of them where it misleads.

    Args:
        weights: float64 (m,), of one side.
        knots: float64 (n_knots, m), at each length of the history; their ratio to the weights stays.

    Returns:
        (weights, knots).
    """
    if not weights.any():
        return weights, knots
    factors = np.divide(knots, weights, out=np.ones_like(knots), where=weights > 0)
    even = np.sqrt(weights)
    even *= weights.sum() / even.sum()
    return even, even * factors


def knot_weights(
    pools: Sequence[BlendCandidates | None], weights: Floats, constant: NDArray[np.bool_], k: int
) -> tuple[Floats, list[int]]:
    """Choose weights again where only 1, 3, 7 or many events of a user are known.

    Components that no history moves keep their weights to each other: they move as one.

    Args:
        pools: Standardised, one per knot from the second on; None where no user has so many events.
        weights: float64 (2, m), chosen on histories as they are.
        constant: bool (m,), components that no history moves.
        k: Length of the lists.

    Returns:
        (weights float64 (n_knots, 2, m), users looked at per knot).
    """
    out, users = np.repeat(weights[None], len(KNOTS), axis=0), [0]
    groups = [np.flatnonzero(constant)] if constant.any() else []
    groups += [np.array([at]) for at in np.flatnonzero(~constant)]
    for at, pool in enumerate(pools, start=1):
        seen = 0
        for side, which in enumerate(("cold", "warm")):
            slate = None if pool is None else pool.slate(which, k)
            if slate is None or len(slate) < LEAST_USERS or not weights[side].any():
                continue
            base = np.zeros((len(groups), weights.shape[1]))
            for row, members in enumerate(groups):
                base[row, members] = weights[side][members]
            able = np.asarray(base.any(axis=1))
            found, _ = coordinate_ascent(
                slate_quality(slate, base), np.ones(len(groups)), able, (), FACTORS, 2
            )
            out[at, side] = found @ base
            seen = max(seen, len(slate))
        users.append(seen)
    return out, users


def bucket_gains(natural: BlendCandidates, weights: Floats, start: Floats, k: int) -> tuple[Floats, int]:
    """Choose one factor per popularity bucket, on the warm and on the whole lists together.

    Args:
        natural: Standardised pool with new items as wanted as they will be.
        weights: float64 (2, m).
        start: float64 (n_buckets,), factors without evidence, the first one that of cold items.
        k: Length of the lists.

    Returns:
        (gains float64 (n_buckets,), users looked at).
    """
    slates = natural.slate("overall", k), natural.slate("warm", k)
    if len(slates[0]) < LEAST_USERS:
        return start, len(slates[0])
    mixed = [_mixed(slate, weights) for slate in slates]

    def quality(gains: Floats) -> Floats:
        scores = [(gains[s.place] * x).astype(np.float32) for s, x in zip(slates, mixed, strict=True)]
        return np.concatenate([s.ndcg(x) for s, x in zip(slates, scores, strict=True)])

    gains, now = start.copy(), quality(start)
    for _ in range(4):
        before = now
        for bucket in range(len(gains)):
            tried = [np.where(np.arange(len(gains)) == bucket, gains * step, gains) for step in STEPS]
            gains, now = improve(quality, gains, now, tried)
        if now is before:
            break
    return gains, len(slates[0])


def cold_gain(
    pool: BlendCandidates, weights: Floats, gains: Floats, k: int, target: float, lower: bool
) -> float:
    """Find the factor of cold items at which they get a share of the places of all lists.

    At most half of those that have any score are put there: all on top would be no calibration.

    Args:
        pool: Standardised.
        weights: float64 (2, m).
        gains: float64 (n_buckets,), the first one that of cold items so far.
        k: Length of the lists.
        target: Share of the places, in [0, 1].
        lower: Lower the factor too, where they get more than that; else it is only raised.
    """
    mixed = _mixed(pool, weights)
    target = reachable((mixed > 0) & pool.cold, k, target)

    def slots(factor: float) -> float:
        scores = np.where(pool.cold, factor * gains[0], gains[pool.place]) * mixed
        return pool.cold_slots(scores.astype(np.float32), k)

    return float(gains[0]) * factor_for(slots, target, lower)


def cold_places(pool: BlendCandidates, weights: Floats, gains: Floats, k: int) -> float:
    """Compute the share of the places of all lists that cold items get, see `cold_gain`."""
    scores = (gains[pool.place] * _mixed(pool, weights)).astype(np.float32)
    return pool.cold_slots(scores, k)


def as_factors(knots: Floats, cold: Sequence[float], constant: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Write weights per knot as one table of weights and factors of it, see `Mixture`.

    Rows are scaled so that components that no history moves have factor 1 everywhere: scaling all
    scores of a user alike changes no list, and what is the same for everybody stays one vector.

    Args:
        knots: float64 (n_knots, 2, m).
        cold: Factor of cold items at each knot beside their gain.
        constant: bool (m,).

    Returns:
        (weights float64 (2, m), factors float64 (n_knots, 2, m)).
    """
    scaled = knots.copy()
    scaled[:, 0] *= np.asarray(cold)[:, None]
    level = scaled[:, 1, constant].sum(axis=1)
    if level.max(initial=0.0) > 0:
        level = np.maximum(level, 1e-3 * level.max())
        scaled /= (level / level.max())[:, None, None]
        scaled[:, 1, constant] = scaled[np.argmax(level), 1, constant]
    weights = scaled.max(axis=0)
    return weights, np.divide(scaled, weights, out=np.ones_like(scaled), where=weights > 0)


def mixed_quality(pool: BlendCandidates, weights: Floats, k: int) -> Floats:
    """Compute NDCG@k of the one list without gains, by user, or of warm items where no user has both.

    Args:
        pool: Standardised.
        weights: float64 (2, m).
        k: Length of the lists.
    """
    slate = pool.slate("overall", k)
    slate = slate if len(slate) >= LEAST_USERS else pool.slate("warm", k)
    return slate.ndcg(_mixed(slate, weights))


def slate_quality(slate: CandidateLists, base: Floats | None = None) -> Callable[[Floats], Floats]:
    """Return NDCG per user as a function of weights (m,), or of factors of base weights (n_groups, m)."""
    return lambda w: slate.ndcg(slate.mix(w if base is None else w @ base))


def _mixed(pool: BlendCandidates | CandidateLists, weights: Floats) -> NDArray[np.float32]:
    """Scores before gains, float32 (n_users, width)."""
    cold, warm = (np.tensordot(w.astype(np.float32), pool.values, axes=1) for w in weights)
    return np.where(pool.place == 0, cold, warm)
