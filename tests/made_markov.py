"""A model of another package in one file: the item that most often followed the last one, and its scorer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from sidelight.data.histories import Histories, histories_of
from sidelight.models import Recommender, register_scorer
from sidelight.models.check_arguments import need_split
from sidelight.models.scorer import ALL, HistoryOnly, InteractionsOnly


@register_scorer
@dataclass(frozen=True, eq=False)
class AfterLast(InteractionsOnly, HistoryOnly):
    """Scores 1 for the item that followed the last one most often in training, 0 for all others."""

    following: np.ndarray

    def score(self, histories: Histories) -> np.ndarray:
        histories = histories_of(histories)
        scores = np.zeros(histories.shape, dtype=np.float32)
        for at in np.flatnonzero(histories.lengths):
            scores[at, self.following[histories.row(at)[-1]]] = 1.0
        return scores

    def similar(self, items: np.ndarray, among: Any = ALL) -> np.ndarray:
        return np.eye(len(self.following), dtype=np.float32)[self.following[items]][:, among]

    def without(self, history: np.ndarray, items: np.ndarray) -> np.ndarray:
        rows = [history, *(np.delete(history, at) for at in range(len(history)))]
        return self.score(Histories.of_distinct(rows, len(self.following)))[:, items].astype(np.float64)

    def with_items(self, items: pl.DataFrame) -> AfterLast:
        return AfterLast(np.append(self.following, np.arange(len(items)) + len(self.following)))

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"following": self.following}, {}

    @classmethod
    def restore(cls, arrays: dict[str, Any], meta: dict[str, Any]) -> AfterLast:
        return cls(arrays["following"])


@dataclass(frozen=True)
class Markov:
    """Spec of `AfterLast`."""

    def fit(self, split: Any, progress: Any = None) -> Recommender:
        split = need_split(split, self)
        known = split.histories()
        counts = np.zeros((known.n_items, known.n_items))
        for at in range(len(known)):
            row = known.row(at)
            np.add.at(counts, (row[:-1], row[1:]), 1)
        return Recommender.of(self, AfterLast(counts.argmax(axis=1)), split)
