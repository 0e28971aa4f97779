"""Re-ranking of one pool of candidates by business rules, and the cost of the rules.

Numpy only; nothing here knows a model, a user or a database.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sidelight.errors import DataError, SpecError, complain
from sidelight.serving.fair_turns import checkpoint
from sidelight.serving.rerank.candidates import CandidatePool, Mask, Places, RuleResult
from sidelight.serving.rerank.rules import ItemCondition, Rules
from sidelight.serving.responses import RuleCost

Floats = NDArray[np.float64]
Active = tuple[str, ...]

SPREAD = 4.0  # standard deviations that a pool spans: on that scale relevance is about 0..1


def apply_rules(rules: Rules, pool: CandidatePool, k: int) -> RuleResult:
    """Re-rank a pool by rules, and measure what each rule costs.

    Equal scores keep the order of the pool, so equal inputs give equal lists. Adding a constant to all
    scores changes nothing.

    Args:
        rules: The rules.
        pool: The best candidates (some hundreds), the pinned items and, for `floor`, the best k new items.
        k: Length of the list, >= 1; it is shorter when fewer items may be shown.

    Raises:
        SpecError: k < 1, an unknown column, or a value that its column cannot be compared with.
        DataError: Scores or similarities that are not finite.
    """
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise SpecError(complain("a whole number k >= 1", repr(k)[:80], "rules"))
    effects = RuleEffects.of(rules, pool, int(k))
    active = rules.active
    plain, ruled = effects.arrange(()), effects.arrange(active)
    lists = {kind: ruled if active == (kind,) else effects.arrange((kind,)) for kind in active}
    cost = RuleCost(
        total=effects.cost(plain, ruled),
        by_rule={kind: effects.cost(plain, single) for kind, single in lists.items()},
        slots_new_before=int(pool.new[plain].sum()),
        slots_new_after=int(pool.new[ruled].sum()),
    )
    rank = np.empty(len(effects.base), dtype=np.int64)
    rank[effects.base] = np.arange(len(rank))
    candidates = effects.ranked(effects.value(active), active)
    shown = {str(pool.ids[at]) for at, _ in effects.pins if at in ruled}
    return RuleResult(
        order=ruled,
        moved=rank[ruled] - np.arange(len(ruled)),
        cost=cost,
        pinned=np.isin(ruled, [at for at, _ in effects.pins]),
        fresh=candidates[pool.new[candidates]],
        unplaced=tuple(item for item in rules.pinned if item not in shown),
        floor_missing=max(effects.required(len(ruled)) - cost.slots_new_after, 0),
    )


@dataclass(frozen=True, eq=False)
class RuleEffects:
    """Precomputed effect of each rule on one candidate pool; rules are then combined as often as needed.

    Args:
        rules, pool, k: As given to `apply_rules`.
        gap: Scores minus the best one, float64 (n,): only differences count, so a constant plays no part.
        unit: Standard deviation of the scores; 1 where all are equal.
        base: Positions by score, best first, (n,).
        moves: Shift of the scores by each kind of soft rule, in units, (n,) each.
        blocked: bool (n,).
        pins: (position, place) of the pinned items that are in the pool.
        similarity: position -> similarity of each item to that one, 0..1, (n,).
    """

    rules: Rules
    pool: CandidatePool
    k: int
    gap: Floats
    unit: float
    base: Places
    moves: Mapping[str, Floats]
    blocked: Mask
    pins: tuple[tuple[int, int], ...]
    similarity: Callable[[int], Floats]

    @classmethod
    def of(cls, rules: Rules, pool: CandidatePool, k: int) -> RuleEffects:
        """Compute the effects of the rules on a pool."""
        scores = np.asarray(pool.scores, dtype=np.float64)
        gap = scores - scores.max(initial=-np.inf)
        by_id = rules.pin or any(each.items for each in (*rules.boost, *rules.bury, *rules.block))
        at = dict(zip(np.asarray(pool.ids).tolist(), range(len(gap)), strict=True)) if by_id else {}
        moves = {}
        if rules.boost:
            moves["boost"] = _strength(rules.boost, pool, at)
        if rules.bury:
            moves["bury"] = -_strength(rules.bury, pool, at)
        if rules.freshness > 0 and pool.age is not None:
            moves["freshness"] = rules.freshness * _freshness(pool.age, rules.half_life_days)
        blocked = np.zeros(len(gap), dtype=bool)
        for condition in rules.block:
            blocked |= _matching(condition, pool, at)
        return cls(
            rules, pool, k, gap,
            unit=(float(gap.std()) if len(gap) else 0.0) or 1.0,
            base=np.argsort(-gap, kind="stable"),
            moves=moves, blocked=blocked,
            pins=tuple((at[pin.item], pin.place) for pin in rules.pin if pin.item in at),
            similarity=functools.cache(functools.partial(_similarity, pool)),
        )  # fmt: skip

    def value(self, active: Active) -> Floats:
        """Scores after the soft rules among `active`, on the scale of `gap`, (n,)."""
        total = np.zeros(len(self.gap))
        for kind in active:
            if kind in self.moves:
                total += self.moves[kind]
        return self.gap + self.unit * total

    def ranked(self, value: Floats, active: Active) -> Places:
        """Positions by value, best first, equal ones by score; without blocked and pinned items."""
        order = self.base[np.argsort(-value[self.base], kind="stable")]
        out = self.blocked.copy() if "block" in active else np.zeros(len(order), dtype=bool)
        if "pin" in active:
            out[[at for at, _ in self.pins]] = True
        kept: Places = order[~out[order]]
        return kept

    def arrange(self, active: Active) -> Places:
        """Compute the list under `active` kinds of rules: positions in the pool, best first, at most k."""
        value = self.value(active)
        free = self.ranked(value, active)
        held = self._pinned_slots(active, len(free))
        size = min(self.k, len(free) + len(held))
        n_open, new = size - len(held), self.pool.new
        required = 0
        if "floor" in active:
            required = self.required(size) - sum(bool(new[at]) for at in held.values())
            required = min(max(required, 0), n_open, int(new[free].sum()))
        if "diversity" in active:
            chosen = self._diversified(free, value, n_open, required, list(held.values()))
        else:
            chosen = _best(free, n_open, required, new)
        if not held:
            return chosen
        order = np.full(size, -1, dtype=np.int64)
        order[list(held)] = list(held.values())
        order[order < 0] = chosen
        return order

    def required(self, size: int) -> int:
        """Number of new items that the floor requires in a list of this size."""
        # 0.28 * 25 is a little more than 7 in floating point.
        return math.ceil(self.rules.floor * size - 1e-9)

    def cost(self, plain: Places, ruled: Places) -> float:
        """Share of the discounted relevance of the plain list that the ruled one loses, see `RuleCost`."""
        gain = self.gap - self.gap.min(initial=0.0)
        weight = 1.0 / np.log2(np.arange(2, len(plain) + 2))
        best, kept = float(gain[plain] @ weight), float(gain[ruled] @ weight[: len(ruled)])
        return min(max(1.0 - kept / best, 0.0), 1.0) if best > 0 else 0.0

    def _pinned_slots(self, active: Active, n_free: int) -> dict[int, int]:
        """Pinned items by slot, from 0; pins beyond the end of a short list take its last slots."""
        if "pin" not in active:
            return {}
        shown = [
            (place, at)
            for at, place in self.pins
            if place <= self.k and not ("block" in active and self.blocked[at])
        ]
        size = min(self.k, n_free + len(shown))
        held = {place - 1: at for place, at in shown if place <= size}
        still_open = [slot for slot in range(size) if slot not in held]
        for _, at in sorted(((place, at) for place, at in shown if place > size), reverse=True):
            held[still_open.pop()] = at
        return held

    def _diversified(
        self, free: Places, value: Floats, n_open: int, required: int, shown: list[int]
    ) -> Places:
        """Select n_open free items by maximal marginal relevance (Carbonell and Goldstein 1998).

        The next item has the largest (1 - d) * value / (4 * unit) - d * (largest similarity to a shown item);
        pinned items count as shown from the start, and the scale does not depend on the rules.
        """
        weight, new = self.rules.diversity, self.pool.new[free]
        gain = (1.0 - weight) * value[free] / (SPREAD * self.unit)
        near = np.zeros(len(free))
        for at in shown:
            np.maximum(near, self.similarity(at)[free], out=near)
        chosen = np.empty(n_open, dtype=np.int64)
        for slot in range(n_open):
            checkpoint()
            total = gain - weight * near
            if required == n_open - slot:  # all slots that are left have to be new items
                total[~new] = -np.inf
            best = int(np.argmax(total))
            chosen[slot] = free[best]
            gain[best] = -np.inf
            required = max(required - int(new[best]), 0)
            if slot + 1 < n_open:
                np.maximum(near, self.similarity(int(free[best]))[free], out=near)
        return chosen


def _best(free: Places, n_open: int, required: int, new: Mask) -> Places:
    """Select the first n_open items; the last old ones are replaced where new ones are required."""
    head = free[:n_open]
    if not required or int(new[head].sum()) >= required:
        return head
    is_new = new[free]
    keep = np.zeros(len(new), dtype=bool)
    keep[free[is_new][:required]] = True
    keep[free[~is_new][: n_open - required]] = True
    return free[keep[free]]


def _strength(conditions: tuple[ItemCondition, ...], pool: CandidatePool, at: Mapping[str, int]) -> Floats:
    """Sum of the strengths of the conditions that match, float64 (n,)."""
    total = np.zeros(len(pool.scores))
    for condition in conditions:
        total += condition.strength * _matching(condition, pool, at)
    return total


def _matching(condition: ItemCondition, pool: CandidatePool, at: Mapping[str, int]) -> Mask:
    """bool (n,): items of the pool that match a condition."""
    if condition.column is None or condition.value is None:
        mask = np.zeros(len(pool.scores), dtype=bool)
        mask[[at[item] for item in condition.items if item in at]] = True
        return mask
    if pool.matches is None:
        raise SpecError(complain("a pool with columns", "one without `matches`", "rules"))
    return np.asarray(pool.matches(condition.column, condition.value), dtype=bool)


def _freshness(age: NDArray[np.floating], half_life: float) -> Floats:
    """2^(1 - age / half_life) - 1, in -1..1, and 0 where the age is unknown, float64 (n,)."""
    days = np.maximum(np.asarray(age, dtype=np.float64), 0.0)
    return np.nan_to_num(np.exp2(1.0 - days / half_life) - 1.0, nan=0.0)


def _similarity(pool: CandidatePool, at: int) -> Floats:
    """Similarity of each item to one, as a share of its similarity to itself, clipped to 0..1, (n,).

    Where that is not above 0 (models whose items are not similar to themselves), a share of the largest.
    """
    if pool.similarity is None:
        raise SpecError(complain("a pool with similarities", "one without them", "rules, diversity"))
    row = np.asarray(pool.similarity(at), dtype=np.float64)
    if row.shape != np.shape(pool.scores) or not np.isfinite(row).all():
        found = f"shape {row.shape}, finite: {bool(np.isfinite(row).all())}"
        raise DataError(complain(f"finite similarities of {len(pool.scores)} items", found, "a pool"))
    scale = float(row[at]) if row[at] > 0 else float(row.max())
    return np.clip(row, 0.0, scale) / scale if scale > 0 else np.zeros(len(row))
