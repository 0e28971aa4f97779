"""`Mixture`: the scorer of a blend, a sum of scorers with weights item by item."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.models.scorer import Attentive, Context, Scorer, Scores, State, told
from sidelight.storage import placed, under


@dataclass(frozen=True, eq=False)
class Mixture:
    """score(h) = sum_m weights[m] * score_m(h), item by item.

    Args:
        parts: Scorers of the components.
        weights: float32 (n_components, n_items), gains included.
        fresh: float32 (n_components,), the weights of items that join later (those of cold ones).
    """

    parts: tuple[Scorer, ...]
    weights: NDArray[np.float32]
    fresh: NDArray[np.float32]

    @classmethod
    def build(
        cls,
        parts: list[Scorer],
        weights: NDArray[np.float64],
        gains: NDArray[np.float64],
        buckets: NDArray[np.int64],
    ) -> Self:
        """Spread weights (2, m) and gains (n_buckets,) over the items; unused parts are let go."""
        fresh = weights[0] * gains[0]
        table = np.where(buckets == 0, weights[0][:, None], weights[1][:, None]) * gains[buckets]
        used = np.flatnonzero(np.abs(weights).sum(axis=0))
        return cls(
            tuple(parts[i] for i in used), table[used].astype(np.float32), fresh[used].astype(np.float32)
        )

    def score(self, histories: sp.csr_matrix) -> Scores:
        """See `Scorer.score`."""
        total = np.zeros((histories.shape[0], self.weights.shape[1]), dtype=np.float32)
        for part, weight in zip(self.parts, self.weights, strict=True):
            scores = part.score(histories)
            scores *= weight
            total += scores
        return total

    @property
    def context(self) -> tuple[str, ...]:
        """Columns of context that any component understands."""
        found = [name for part in self.parts if isinstance(part, Attentive) for name in part.context]
        return tuple(dict.fromkeys(found))

    def told(self, users: NDArray[np.int64], context: Context) -> Mixture:
        """See `Attentive.told`."""
        return replace(self, parts=tuple(told(part, users, context) for part in self.parts))

    def informed(self) -> NDArray[np.bool_] | None:
        """Rows of which any component was told something."""
        found = [part.informed() for part in self.parts if isinstance(part, Attentive)]
        known = [rows for rows in found if rows is not None]
        return np.logical_or.reduce(known) if known else None

    def impersonal(self) -> Scores | None:
        """Weighted sum of what the components say to everybody."""
        total: Scores | None = None
        for part, weight in zip(self.parts, self.weights, strict=True):
            constant = part.impersonal()
            if constant is not None:
                total = weight * constant if total is None else total + weight * constant
        return total

    def similar(self, items: NDArray[np.int64]) -> Scores:
        """Weighted sum of the components' similarities, each scaled to at most 1."""
        total = np.zeros((len(items), self.weights.shape[1]), dtype=np.float32)
        for part, weight in zip(self.parts, self.weights, strict=True):
            near = part.similar(items)
            top = np.abs(near).max(initial=0.0)
            total += (near / top if top > 0 else near) * float(weight.any())
        return total

    def contributions(self, history: NDArray[np.int64], item: int) -> NDArray[np.float32]:
        """Weighted sum of what each history item adds in each component, float32 (n_history,)."""
        total = np.zeros(len(history), dtype=np.float32)
        for part, weight in zip(self.parts, self.weights[:, item], strict=True):
            total += weight * part.contributions(history, item)
        return total

    def words(self, history: NDArray[np.int64], item: int, k: int) -> list[tuple[str, float]]:
        """Words of all components, weighted like their scores."""
        found: dict[str, float] = {}
        for part, weight in zip(self.parts, self.weights[:, item], strict=True):
            for word, value in part.words(history, item, 4 * k):
                found[word] = found.get(word, 0.0) + float(weight) * value
        return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:k]

    def extended(self, items: pl.DataFrame) -> Mixture:
        """New items join every component and take the weights of cold items."""
        wide = np.repeat(self.fresh[:, None], len(items), axis=1)
        return Mixture(
            tuple(p.extended(items) for p in self.parts), np.hstack([self.weights, wide]), self.fresh
        )

    @property
    def places_new(self) -> bool:
        """If a component can."""
        return any(part.places_new for part in self.parts)

    def state(self) -> tuple[State, dict[str, Any]]:
        """See `Scorer.state`."""
        arrays: State = {"weights": self.weights, "fresh": self.fresh}
        meta = []
        for at, part in enumerate(self.parts):
            inner, options = part.state()
            arrays |= placed(str(at), inner)
            meta.append({"kind": type(part).__name__, "options": options})
        return arrays, {"parts": meta}

    @classmethod
    def restore(cls, arrays: State, meta: dict[str, Any]) -> Self:
        """See `Scorer.restore`."""
        from sidelight.models.kinds import restore_scorer

        parts = []
        for at, each in enumerate(meta["parts"]):
            parts.append(restore_scorer(each["kind"], under(str(at), arrays), each["options"]))
        return cls(tuple(parts), arrays["weights"], arrays["fresh"])
