"""Recency: the newer events of a history count more in scores that are sums over it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.histories import Histories
from sidelight.models.restore import restore_scorer
from sidelight.models.scorer import (
    ALL,
    HistoryOnly,
    LinearInHistory,
    Places,
    Scorer,
    Scores,
    SpaceChange,
    State,
)
from sidelight.models.term_contributions import WordParts
from sidelight.storage import placed, under


def with_recency(scorer: Scorer, decay: float) -> Scorer:
    """Weigh the events of histories by recency, where the scorer is a sum over them; others stay as they are.

    Args:
        scorer: Fitted.
        decay: In (0, 1], see `RecencyScorer`; 1 changes nothing.
    """
    return RecencyScorer(scorer, decay) if decay < 1 and isinstance(scorer, LinearInHistory) else scorer


@dataclass(frozen=True, eq=False)
class RecencyScorer(HistoryOnly):
    """score(h) = sum_s decay^s w(h_s), with h_s the event s steps from the newest and w the part's weights.

    Histories of unknown order are scored as the part does.

    Args:
        part: A `LinearInHistory`.
        decay: In (0, 1).
    """

    part: Any
    decay: float

    def score(self, histories: Histories | sp.csr_matrix) -> Scores:
        """See `Scorer.score`."""
        ordered = isinstance(histories, Histories)
        found: Scores = self.part.score(histories.decayed(self.decay) if ordered else histories)
        return found

    def similar(self, items: Places, among: Places | slice = ALL) -> Scores:
        """Return the part's similarity."""
        found: Scores = self.part.similar(items, among)
        return found

    def without(self, history: Places, items: Places) -> NDArray[np.float64]:
        """See `Scorer.without`: what is older than the missing event moves one step on."""
        whole = self.part.without(history, items)
        weighted = (whole[0] - whole[1:]) * self._weights(len(history))[:, None]
        total = weighted.sum(axis=0)
        older = np.cumsum(weighted, axis=0) - weighted
        newer = total - weighted - older
        return np.vstack([total, newer + older / self.decay])

    def top_terms(self, history: Places, items: Places, k: int) -> list[WordParts]:
        """See `Scorer.top_terms`."""
        weights = self._weights(len(history)).astype(np.float32)
        found: list[WordParts] = self.part.weighted_terms(history, items, k, weights)
        return found

    def _weights(self, length: int) -> NDArray[np.float64]:
        return self.decay ** np.arange(length - 1, -1, -1, dtype=np.float64)

    def with_items(self, items: pl.DataFrame) -> Self:
        """See `Scorer.with_items`."""
        return replace(self, part=self.part.with_items(items))

    def revised(self, rows: pl.DataFrame, at: Places) -> Self:
        """See `Scorer.revised`."""
        return replace(self, part=self.part.revised(rows, at))

    def with_spaces(self, change: SpaceChange) -> Self:
        """See `Scorer.with_spaces`."""
        return replace(self, part=self.part.with_spaces(change))

    @property
    def supports_cold_items(self) -> bool:
        """Return what the part says."""
        return bool(self.part.supports_cold_items)

    def state(self) -> tuple[State, dict[str, Any]]:
        """See `Scorer.state`."""
        inner, options = self.part.state()
        about = {"kind": type(self.part).__name__, "options": options}
        return placed("part", inner), {"part": about, "decay": self.decay}

    @classmethod
    def restore(cls, arrays: State, meta: dict[str, Any]) -> Self:
        """See `Scorer.restore`."""
        about = meta["part"]
        part = restore_scorer(about["kind"], under("part", arrays), about["options"])
        return cls(part, float(meta["decay"]))
