"""The steps of `rules.apply`: matching, moving scores, filling slots, and the cost."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sidelight.errors import DataError, SpecError, complain
from sidelight.serving.fair_turns import checkpoint
from sidelight.serving.rerank.candidates import CandidatePool, Mask, Places

if TYPE_CHECKING:
    from sidelight.serving.rerank.rules import ItemCondition, Rules

Floats = NDArray[np.float64]
Active = tuple[str, ...]

SPREAD = 4.0  # a pool spans about this many standard deviations: on that scale relevance is about 0..1


@dataclass(frozen=True, eq=False)
class RuleContext:
    """One pool with what the rules do to it, worked out once and then combined as often as needed.

    Args:
        rules, pool, k: As given to `apply`.
        gap: Scores minus the best one, float64 (n,): all that is used of them, so a constant plays no part.
        unit: Standard deviation of the scores; 1 where all are equal.
        base: Positions by score, best first, (n,).
        moves: What each soft rule adds to the scores, in units, by kind of rule, (n,) each.
        blocked: bool (n,).
        pins: (position, place) of the pinned items that the pool has.
        likeness: position -> likeness of each item to that one, 0..1, (n,).
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
    likeness: Callable[[int], Floats]

    @classmethod
    def of(cls, rules: Rules, pool: CandidatePool, k: int) -> RuleContext:
        """The scene of one request."""
        scores = np.asarray(pool.scores, dtype=np.float64)
        gap = scores - scores.max(initial=-np.inf)
        by_id = rules.pin or any(where.items for where in (*rules.boost, *rules.bury, *rules.block))
        at = dict(zip(np.asarray(pool.ids).tolist(), range(len(gap)), strict=True)) if by_id else {}
        moves = {}
        if rules.boost:
            moves["boost"] = _pushed(rules.boost, pool, at)
        if rules.bury:
            moves["bury"] = -_pushed(rules.bury, pool, at)
        if rules.freshness > 0 and pool.age is not None:
            moves["freshness"] = rules.freshness * _youth(pool.age, rules.half_life_days)
        blocked = np.zeros(len(gap), dtype=bool)
        for where in rules.block:
            blocked |= _matching(where, pool, at)
        return cls(
            rules, pool, k, gap,
            unit=(float(gap.std()) if len(gap) else 0.0) or 1.0,
            base=np.argsort(-gap, kind="stable"),
            moves=moves, blocked=blocked,
            pins=tuple((at[pin.item], pin.place) for pin in rules.pin if pin.item in at),
            likeness=functools.cache(functools.partial(_likeness, pool)),
        )  # fmt: skip

    def value(self, active: Active) -> Floats:
        """Scores after the soft rules among `active`, on the scale of `gap`, (n,)."""
        total = np.zeros(len(self.gap))
        for kind in active:
            if kind in self.moves:
                total += self.moves[kind]
        return self.gap + self.unit * total

    def ranked(self, value: Floats, active: Active) -> Places:
        """Positions by value, best first, equal ones by score; without what is blocked or pinned."""
        order = self.base[np.argsort(-value[self.base], kind="stable")]
        out = self.blocked.copy() if "block" in active else np.zeros(len(order), dtype=bool)
        if "pin" in active:
            out[[at for at, _ in self.pins]] = True
        kept: Places = order[~out[order]]
        return kept

    def arrange(self, active: Active) -> Places:
        """The list under the `active` kinds of rules: positions in the pool, best first, at most k."""
        value = self.value(active)
        free = self.ranked(value, active)
        held = self._held(active, len(free))
        size = min(self.k, len(free) + len(held))
        n_open, new = size - len(held), self.pool.new
        owed = 0
        if "floor" in active:
            owed = self.owed(size) - sum(bool(new[at]) for at in held.values())
            owed = min(max(owed, 0), n_open, int(new[free].sum()))
        if "diversity" in active:
            chosen = self._unlike(free, value, n_open, owed, list(held.values()))
        else:
            chosen = _best(free, n_open, owed, new)
        if not held:
            return chosen
        order = np.full(size, -1, dtype=np.int64)
        order[list(held)] = list(held.values())
        order[order < 0] = chosen
        return order

    def owed(self, size: int) -> int:
        """New items that the floor asks of a list of this size."""
        # 0.28 * 25 is a little more than 7 in floating point.
        return math.ceil(self.rules.floor * size - 1e-9)

    def _held(self, active: Active, n_free: int) -> dict[int, int]:
        """Pinned items by slot, from 0; those beyond the end of a list that is too short stand last in it."""
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

    def _unlike(self, free: Places, value: Floats, n_open: int, owed: int, shown: list[int]) -> Places:
        """Maximal marginal relevance (Carbonell and Goldstein 1998) over the free items, (n_open,).

        Next comes the largest (1 - d) * value / (4 * unit) - d * (largest likeness to what is shown), where
        pinned items count as shown from the start and the scale does not depend on the rules.
        """
        weight, new = self.rules.diversity, self.pool.new[free]
        gain = (1.0 - weight) * value[free] / (SPREAD * self.unit)
        near = np.zeros(len(free))
        for at in shown:
            np.maximum(near, self.likeness(at)[free], out=near)
        chosen = np.empty(n_open, dtype=np.int64)
        for slot in range(n_open):
            checkpoint()
            total = gain - weight * near
            if owed == n_open - slot:  # the floor can wait no longer
                total[~new] = -np.inf
            best = int(np.argmax(total))
            chosen[slot] = free[best]
            gain[best] = -np.inf
            owed = max(owed - int(new[best]), 0)
            if slot + 1 < n_open:
                np.maximum(near, self.likeness(int(free[best]))[free], out=near)
        return chosen


def _best(free: Places, n_open: int, owed: int, new: Mask) -> Places:
    """The first n_open items, with at least `owed` new ones: the last old ones make room for the best new."""
    head = free[:n_open]
    if not owed or int(new[head].sum()) >= owed:
        return head
    is_new = new[free]
    keep = np.zeros(len(new), dtype=bool)
    keep[free[is_new][:owed]] = True
    keep[free[~is_new][: n_open - owed]] = True
    return free[keep[free]]


def _pushed(conditions: tuple[ItemCondition, ...], pool: CandidatePool, at: Mapping[str, int]) -> Floats:
    """Sum of the strengths of the conditions that match, float64 (n,)."""
    total = np.zeros(len(pool.scores))
    for where in conditions:
        total += where.strength * _matching(where, pool, at)
    return total


def _matching(where: ItemCondition, pool: CandidatePool, at: Mapping[str, int]) -> Mask:
    """bool (n,): the items of the pool that a condition is about."""
    if where.column is None or where.value is None:
        mask = np.zeros(len(pool.scores), dtype=bool)
        mask[[at[item] for item in where.items if item in at]] = True
        return mask
    if pool.matches is None:
        raise SpecError(complain("a pool that knows columns", "one without `matches`", "rules"))
    return np.asarray(pool.matches(where.column, where.value), dtype=bool)


def _youth(age: NDArray[np.floating], half_life: float) -> Floats:
    """2^(1 - age / half_life) - 1, in -1..1, and 0 where the age is unknown, float64 (n,)."""
    days = np.maximum(np.asarray(age, dtype=np.float64), 0.0)
    return np.nan_to_num(np.exp2(1.0 - days / half_life) - 1.0, nan=0.0)


def _likeness(pool: CandidatePool, at: int) -> Floats:
    """Likeness of each item to one, as a share of its likeness to itself, clipped to 0..1, (n,).

    Where that is not above 0 (models whose items do not resemble themselves), a share of the largest.
    """
    if pool.similarity is None:
        raise SpecError(complain("a pool that knows similarity", "one without it", "rules, diversity"))
    row = np.asarray(pool.similarity(at), dtype=np.float64)
    if row.shape != np.shape(pool.scores) or not np.isfinite(row).all():
        found = f"shape {row.shape}, finite: {bool(np.isfinite(row).all())}"
        raise DataError(complain(f"finite similarities of {len(pool.scores)} items", found, "a pool"))
    scale = float(row[at]) if row[at] > 0 else float(row.max())
    return np.clip(row, 0.0, scale) / scale if scale > 0 else np.zeros(len(row))


def cost(scene: RuleContext, plain: Places, ruled: Places) -> float:
    """The share of the discounted relevance of the plain list that the ruled one loses, see `RuleCost`."""
    gain = scene.gap - scene.gap.min(initial=0.0)
    weight = 1.0 / np.log2(np.arange(2, len(plain) + 2))
    best, kept = float(gain[plain] @ weight), float(gain[ruled] @ weight[: len(ruled)])
    return min(max(1.0 - kept / best, 0.0), 1.0) if best > 0 else 0.0
