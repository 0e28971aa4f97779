"""`TowerScorer`: trained towers as arrays; numpy alone scores, explains and places new items."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.content.features import Features
from sidelight.data.histories import Histories, matrix_of
from sidelight.models.content_space import ContentSpace
from sidelight.models.scorer import (
    ALL,
    Context,
    Places,
    Scores,
    SpaceChange,
    State,
    column_blocks,
    one_history,
)
from sidelight.models.term_contributions import WordParts, largest
from sidelight.storage import placed, under
from sidelight.towers.side_features import NOTHING, SideFeatures

Dense = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TowerScorer:
    """score(h, j) = (default + pooled(h) + attributes of the user and the moment) . vector_j.

    Args:
        vectors: float32 (n_items, dim), unit length.
        space: The content, to place new items and to name words.
        maps: float32 (columns of the modality, dim), one a modality.
        gates: float32 (n_modalities,), weights of the modalities; 0 where one is not looked at.
        query: float32 (dim,) of attention pooling, or empty for the mean.
        default: float32 (dim,), the vector of somebody without a history.
        trace: What training recorded.
        people, moments: Encoded attributes of the stored users, and encoders of moments; may be none.
        user_maps, moment_maps: float32 (columns of the modality, dim), one a modality of each.
        added: float32 (n_rows, dim), attributes of the rows to be scored, once `with_context`.
    """

    vectors: Dense
    space: ContentSpace
    maps: tuple[Dense, ...]
    gates: Dense
    query: Dense
    default: Dense
    trace: dict[str, Any] = field(default_factory=dict)
    people: SideFeatures = NOTHING
    moments: SideFeatures = NOTHING
    user_maps: tuple[Dense, ...] = ()
    moment_maps: tuple[Dense, ...] = ()
    added: Dense | None = None

    def _pooled(self, histories: sp.csr_matrix) -> sp.csr_matrix:
        """Weights of the history items, CSR (n_rows, n_items): 1 / sqrt(length), times attention."""
        rows = sp.csr_matrix(histories, dtype=np.float32, copy=True)
        length = np.diff(rows.indptr)
        rows.data = np.repeat(1 / np.sqrt(np.maximum(length, 1)), length).astype(np.float32)
        if len(self.query):
            score = np.exp(np.clip(self.vectors[rows.indices] @ self.query, -20, 20))
            row = np.repeat(np.arange(len(length)), length)
            total = np.bincount(row, score, minlength=len(length))
            rows.data = (rows.data * score / total[row] * length[row]).astype(np.float32)
        return rows

    def queries(self, histories: Histories | sp.csr_matrix) -> Dense:
        """float32 (n_rows, dim): score = queries @ vectors.T."""
        users = np.asarray(self._pooled(matrix_of(histories)) @ self.vectors + self.default, dtype=np.float32)
        if self.added is not None:
            users += self.added
        return users

    def score(self, histories: Histories | sp.csr_matrix) -> Scores:
        """float32 (n_rows, n_items)."""
        scores: Scores = self.queries(histories) @ self.vectors.T
        return scores

    @property
    def context(self) -> tuple[str, ...]:
        """Columns of context it was trained with."""
        return self.moments.columns

    def with_context(self, users: NDArray[np.int64], context: Context) -> TowerScorer:
        """See `ContextAware.with_context`; an attribute that is absent adds nothing."""
        if not self.user_maps and not self.moment_maps:
            return self
        added = np.zeros((len(users), self.vectors.shape[1]), dtype=np.float32)
        stored = users >= 0
        for f, table in zip(self.people.features, self.user_maps, strict=True):
            own = users[stored]
            added[stored] += f.present[own][:, None] * np.asarray(f.values[own] @ table, dtype=np.float32)
        for f, table in zip(self.moments.moment(context), self.moment_maps, strict=True):
            added += f.present[:, None] * np.asarray(f.values @ table, dtype=np.float32)
        return replace(self, added=added)

    def without_users(self) -> TowerScorer:
        """See `ContextAware.without_users`."""
        return replace(self, people=NOTHING, user_maps=(), added=None)

    def uses_context(self) -> NDArray[np.bool_] | None:
        """Rows to which attributes add anything."""
        return None if self.added is None else np.asarray(self.added.any(axis=1))

    def user_independent_scores(
        self, length: NDArray[np.integer[Any]], items: NDArray[np.integer[Any]]
    ) -> Scores:
        """Scores of an empty history, float32 (n_rows, k)."""
        return np.asarray(self.vectors[items] @ self.default, dtype=np.float32)

    def similar(self, items: Places, among: Places | slice = ALL) -> Scores:
        """Cosine of the vectors, float32 (n_queries, n_items)."""
        scores: Scores = self.vectors[items] @ self.vectors[among].T
        return scores

    def without(self, history: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float64]:
        """See `Scorer.without`."""
        queries = self.queries(column_blocks(history, len(self.vectors)))
        return np.asarray(queries @ self.vectors[items].T, dtype=np.float64)

    def top_terms(self, history: NDArray[np.int64], items: NDArray[np.int64], k: int) -> list[WordParts]:
        """Words of the items: the score's part v.u' of the pooled history u', along the content of v.

        With c an item's content vector, the part (v.c / |c|) (c.u') / |c| falls to the content, and to
        each word what it adds to c.u'.
        """
        user = np.asarray(self._pooled(one_history(history, len(self.vectors))) @ self.vectors)[0]
        rows = [Features(f.name, f.values[items], f.present[items], f.names) for f in self.space.features]
        content = self._content(rows)
        size = (content * content).sum(axis=1)
        along = (self.vectors[items] * content).sum(axis=1)
        along = np.divide(along, size, out=np.zeros_like(along), where=size > 0)
        parts = []
        for features, table, gate in zip(rows, self.maps, self.gates, strict=True):
            if features.sparse and features.names:
                own = sp.csr_matrix(features.values, copy=True)
                own.data = own.data * (table[own.indices] @ user) * gate
                own.data *= np.repeat(along, np.diff(own.indptr))
                parts.append((features.names, own))
        return largest(parts, len(items), k)

    def with_items(self, items: pl.DataFrame) -> TowerScorer:
        """New items are placed by their content alone."""
        space = self.space.with_items(items)
        old = len(self.vectors)
        new = [Features(f.name, f.values[old:], f.present[old:], f.names) for f in space.features]
        return replace(self, space=space, vectors=np.vstack([self.vectors, self.place(new)]))

    def place(self, features: list[Features]) -> Dense:
        """Content vectors of some rows of features, float32 (n, dim); zero where nothing is known."""
        out = self._content(features)
        norm = np.linalg.norm(out, axis=1, keepdims=True)
        found: Dense = np.divide(out, norm, out=np.zeros_like(out), where=norm > 0)
        return found

    def _content(self, features: list[Features]) -> Dense:
        """Gated sum of the modalities of some rows, float32 (n, dim), of any length."""
        out = np.zeros((len(features[0]), self.vectors.shape[1]), dtype=np.float32)
        for f, table, gate in zip(features, self.maps, self.gates, strict=True):
            out += gate * f.present[:, None] * np.asarray(f.values @ table, dtype=np.float32)
        return out

    def revised(self, rows: pl.DataFrame, at: Places) -> TowerScorer:
        """Place the items by their new content."""
        space, fresh = self.space.replaced(rows, at)
        vectors = self.vectors.copy()
        vectors[at] = self.place(list(fresh))
        return replace(self, space=space, vectors=vectors)

    def with_spaces(self, change: SpaceChange) -> TowerScorer:
        """See `Scorer.with_spaces`."""
        return replace(self, space=change(self.space))

    @property
    def supports_cold_items(self) -> bool:
        """True: content places them."""
        return True

    def state(self) -> tuple[State, dict[str, Any]]:
        """Vectors, maps, gates, the content space, and the attributes of users and moments."""
        inner, about = self.space.state()
        arrays: State = {
            "vectors": self.vectors,
            "gates": self.gates,
            "query": self.query,
            "default": self.default,
        }
        arrays |= {f"map/{at}": table for at, table in enumerate(self.maps)}
        arrays |= {f"user_map/{at}": table for at, table in enumerate(self.user_maps)}
        arrays |= {f"moment_map/{at}": table for at, table in enumerate(self.moment_maps)}
        (people, of_users), (moments, of_moments) = self.people.state(), self.moments.state()
        arrays |= placed("space", inner) | placed("people", people) | placed("moments", moments)
        return arrays, {"space": about, "trace": self.trace, "people": of_users, "moments": of_moments}

    @classmethod
    def restore(cls, arrays: State, meta: dict[str, Any]) -> Self:
        """The scorer that `state` described."""
        space = ContentSpace.restore(under("space", arrays), meta["space"])
        maps = tuple(arrays[f"map/{at}"] for at in range(len(space.features)))
        return cls(
            arrays["vectors"],
            space,
            maps,
            arrays["gates"],
            arrays["query"],
            arrays["default"],
            dict(meta.get("trace", {})),
            *_attributes(arrays, meta),
        )


def _attributes(
    arrays: State, meta: dict[str, Any]
) -> tuple[SideFeatures, SideFeatures, tuple[Dense, ...], tuple[Dense, ...]]:
    """Attributes of users and moments with their maps; bundles of before there were any have none."""
    sides, maps = [], []
    for name, table in (("people", "user_map"), ("moments", "moment_map")):
        side = SideFeatures.restore(under(name, arrays), meta[name]) if name in meta else NOTHING
        sides.append(side)
        maps.append(tuple(arrays[f"{table}/{at}"] for at in range(len(side.features))))
    return sides[0], sides[1], maps[0], maps[1]
