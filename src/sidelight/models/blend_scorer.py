"""`BlendScorer`: sum of the scores of several scorers, with a weight per item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.histories import Histories, matrix_of
from sidelight.models.restore import restore_scorer
from sidelight.models.scorer import (
    ALL,
    Context,
    ContextAware,
    Places,
    Scorer,
    Scores,
    SpaceChange,
    State,
    with_context,
    without_users,
)
from sidelight.models.term_contributions import WordParts
from sidelight.storage import placed, under

Factors = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class BlendScorer:
    """Weighted sum of scorers, by item and by length of the history.

    score(h, j) = sum_m factors(n)[side(j), m] * weights[m, j] * score_m(h, j), n = events in h.

    The factors weigh each part for histories of n events. They are given at n = 0, 1,
    3, 7, ..., 2^a - 1 and interpolated linearly in log2(1 + n) between, constant beyond the last.

    Args:
        parts: Scorers of the components.
        weights: float32 (n_components, n_items), gains included.
        fresh: float32 (n_components,), the weights of items that join later (those of cold ones).
        factors: float32 (n_knots, 2, n_components), on cold and on warm items; no knots: 1 everywhere.
        cold: bool (n_items,), items with the factors of cold ones; empty where there are no factors.
        choices: Record of the choice of weights and factors, JSON-able, see `sidelight.models.blend_choices`.
    """

    parts: tuple[Scorer, ...]
    weights: NDArray[np.float32]
    fresh: NDArray[np.float32]
    factors: Factors = field(default_factory=lambda: np.ones((0, 2, 0), dtype=np.float32))
    cold: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    choices: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        parts: Sequence[Scorer],
        weights: NDArray[np.float64],
        gains: NDArray[np.float64],
        buckets: NDArray[np.int64],
        factors: NDArray[np.float64] | None = None,
        choices: dict[str, Any] | None = None,
    ) -> Self:
        """Spread weights and gains over the items; parts without any weight are left out.

        Args:
            parts: m scorers.
            weights: float64 (2, m), on cold and on warm items.
            gains: float64 (n_buckets,).
            buckets: int64 (n_items,), 0 = cold.
            factors: float64 (n_knots, 2, m), or None.
            choices: See the class.
        """
        fresh = weights[0] * gains[0]
        table = np.where(buckets == 0, weights[0][:, None], weights[1][:, None]) * gains[buckets]
        used = np.flatnonzero(np.abs(weights).sum(axis=0)).tolist()
        made = cls(
            tuple(parts[i] for i in used), table[used].astype(np.float32), fresh[used].astype(np.float32),
            choices=choices or {},
        )  # fmt: skip
        if factors is None or np.allclose(factors[..., used], 1.0):
            return made
        return replace(made, factors=factors[..., used].astype(np.float32), cold=buckets == 0)

    def score(self, histories: Histories | sp.csr_matrix) -> Scores:
        """See `Scorer.score`."""
        total = np.zeros((histories.shape[0], self.weights.shape[1]), dtype=np.float32)
        trust = self.trust(np.diff(matrix_of(histories).indptr))
        for at, (part, weight) in enumerate(zip(self.parts, self.weights, strict=True)):
            scores = part.score(histories)
            scores *= weight
            if trust is not None:
                scores *= np.where(self.cold, trust[:, 0, at, None], trust[:, 1, at, None])
            total += scores
        return total

    def trust(self, length: NDArray[np.integer[Any]]) -> Factors | None:
        """Return the factors of histories of some lengths, float32 (n_rows, 2, m); None where all are 1."""
        if not len(self.factors):
            return None
        place = np.minimum(np.log2(1.0 + np.asarray(length)), len(self.factors) - 1)
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, len(self.factors) - 1)
        share = (place - low).astype(np.float32)[:, None, None]
        found: Factors = (1 - share) * self.factors[low] + share * self.factors[high]
        return found

    def at(self, length: NDArray[np.integer[Any]], items: NDArray[np.integer[Any]]) -> Factors:
        """Return the weights of the parts for some items of each row, float32 (m, n_rows, k).

        Args:
            length: int (n_rows,), events in each history.
            items: int (n_rows, k).
        """
        found: Factors = self.weights[:, items]
        trust = self.trust(length)
        if trust is not None:
            side = np.where(self.cold[items], 0, 1)
            found = found * np.moveaxis(trust[np.arange(len(items))[:, None], side], -1, 0)
        return found

    @property
    def context(self) -> tuple[str, ...]:
        """Columns of context that any component reads."""
        found = [name for part in self.parts if isinstance(part, ContextAware) for name in part.context]
        return tuple(dict.fromkeys(found))

    def with_context(self, users: NDArray[np.int64], context: Context) -> BlendScorer:
        """See `ContextAware.with_context`."""
        parts = tuple(with_context(part, users, context) for part in self.parts)
        same = all(one is other for one, other in zip(parts, self.parts, strict=True))
        return self if same else replace(self, parts=parts)

    def without_users(self) -> BlendScorer:
        """See `ContextAware.without_users`."""
        return replace(self, parts=tuple(without_users(part) for part in self.parts))

    def uses_context(self) -> NDArray[np.bool_] | None:
        """See `ContextAware.uses_context`; true if any component's scores change."""
        found = [part.uses_context() for part in self.parts if isinstance(part, ContextAware)]
        known = [rows for rows in found if rows is not None]
        return np.logical_or.reduce(known) if known else None

    def user_independent_scores(
        self, length: NDArray[np.integer[Any]], items: NDArray[np.integer[Any]]
    ) -> Scores:
        """Return the weighted sum of the components' user-independent scores."""
        each = [part.user_independent_scores(length, items) for part in self.parts]
        return np.asarray((self.at(length, items) * np.stack(each)).sum(axis=0), dtype=np.float32)

    def similar(self, items: Places, among: Places | slice = ALL) -> Scores:
        """Sum the similarities of the components, each scaled to at most 1."""
        total = np.zeros((len(items), self.weights[:, among].shape[1]), dtype=np.float32)
        for part, weight in zip(self.parts, self.weights, strict=True):
            if weight.any():
                near = part.similar(items, among)
                top = np.abs(near).max(initial=0.0)
                total += near / top if top > 0 else near
        return total

    def without(self, history: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float64]:
        """See `Scorer.without`."""
        each = np.stack([part.without(history, items) for part in self.parts])
        length = np.full(1 + len(history), len(history) - 1)
        length[0] = len(history)
        found: NDArray[np.float64] = (each * self.at(length, np.tile(items, (len(length), 1)))).sum(axis=0)
        return found

    def top_terms(self, history: NDArray[np.int64], items: NDArray[np.int64], k: int) -> list[WordParts]:
        """Merge the words of all components, weighted like their scores."""
        found: list[dict[str, float]] = [{} for _ in items]
        weights = self.at(np.array([len(history)]), items[None])[:, 0]
        for part, factor in zip(self.parts, weights, strict=True):
            named = part.top_terms(history, items, 4 * k)
            for own, weight, words in zip(found, factor.tolist(), named, strict=True):
                for word, value in words:
                    own[word] = own.get(word, 0.0) + weight * value
        return [sorted(own.items(), key=lambda pair: (-pair[1], pair[0]))[:k] for own in found]

    def with_items(self, items: pl.DataFrame) -> BlendScorer:
        """Add new items to every component, with the weights of cold items."""
        wide = np.repeat(self.fresh[:, None], len(items), axis=1)
        more = np.ones(len(items) if len(self.factors) else 0, dtype=bool)
        parts = tuple(part.with_items(items) for part in self.parts)
        weights = np.hstack([self.weights, wide])
        return replace(self, parts=parts, weights=weights, cold=np.concatenate([self.cold, more]))

    def revised(self, rows: pl.DataFrame, at: Places) -> BlendScorer:
        """Revise every component."""
        return replace(self, parts=tuple(part.revised(rows, at) for part in self.parts))

    def with_spaces(self, change: SpaceChange) -> BlendScorer:
        """Change the content of every component."""
        return replace(self, parts=tuple(part.with_spaces(change) for part in self.parts))

    @property
    def supports_cold_items(self) -> bool:
        """Return True if a component can."""
        return any(part.supports_cold_items for part in self.parts)

    def state(self) -> tuple[State, dict[str, Any]]:
        """See `Scorer.state`."""
        arrays: State = {"weights": self.weights, "fresh": self.fresh}
        meta = []
        for at, part in enumerate(self.parts):
            inner, options = part.state()
            arrays |= placed(str(at), inner)
            meta.append({"kind": type(part).__name__, "options": options})
        if len(self.factors):
            arrays |= {"factors": self.factors, "cold": self.cold}
        return arrays, {"parts": meta, "choices": self.choices}

    @classmethod
    def restore(cls, arrays: State, meta: dict[str, Any]) -> Self:
        """See `Scorer.restore`."""
        parts = []
        for at, each in enumerate(meta["parts"]):
            parts.append(restore_scorer(each["kind"], under(str(at), arrays), each["options"]))
        made = cls(tuple(parts), arrays["weights"], arrays["fresh"], choices=meta.get("choices", {}))
        if "factors" not in arrays:  # every bundle before factors, and those where all are 1
            return made
        return replace(made, factors=arrays["factors"], cold=arrays["cold"].astype(bool))
