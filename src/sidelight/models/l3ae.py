"""`L3AE`: one linear model for old and new items, a linear autoencoder drawn towards likeness in content."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.content.cache import Cache
from sidelight.content.protocols import Content
from sidelight.data.histories import Histories, matrix_of
from sidelight.data.split.split import Split
from sidelight.models.check_arguments import need_split
from sidelight.models.content_basis import ContentBasis
from sidelight.models.content_space import ContentSpace, Dense
from sidelight.models.linear import inverse_spd, precision
from sidelight.models.recommender import Recommender
from sidelight.models.scorer import (
    ContentBased,
    HistoryOnly,
    LinearInHistory,
    Places,
    Scores,
    SpaceChange,
    State,
    additive,
    one_history,
)
from sidelight.models.term_contributions import WordParts
from sidelight.option_types import SOME, Dim, Positive, checked
from sidelight.progress import Progress
from sidelight.storage import placed, under

BLOCK = 1024  # columns of the weights made at a time
ARRAYS = ("weights", "known", "map", "targets", "inner")  # fields of the scorer


@dataclass(frozen=True)
@checked
class L3AE:
    """Linear autoencoder over interactions whose weights are drawn towards those of content.

    C = Z (Z^T Z + content_reg I)^-1 Z^T, each column divided by 1 - its diagonal, is the linear
    autoencoder of the content Z over the whole catalogue, items without interactions included. The
    weights B of the touched items minimise

        |X - X B|^2 + reg |B - strength C|^2    with a zero diagonal,

    so that an item with few users gets its weights from content and one with many from its users.
    With P = (X^T X + reg I)^-1 and D = reg strength P C this is B = D - P diag(diag(D) / diag(P)) plus
    the weights of `EASE`. The column of an item that no user touched is that of D: no refit for new
    items, and every score is a sum over the history.

    Stronger on known items than `EASE` where content says something about taste, as titles of articles
    and goods do. Take `EASE` where it does not: plots of films made it worse. On new items alone
    `ContentKNN` is better: put both in a `Blend`.

    Args:
        content: Modalities of Z; sparse ones wider than `dim` are projected on their `dim` leading
            directions.
        weights: One per modality; empty means 1 each.
        reg: L2 regularisation, in units of users.
        strength: Scale of the content weights that B is drawn to.
        content_reg: L2 regularisation of the content weights, in units of items.
        dim: Directions kept of a sparse modality.
        floor: Add popularity to the scores of short histories, see `models.score_floor.with_floor`.

    Source: Moon et al., "LLM-Enhanced Linear Autoencoders for Recommendation" (CIKM 2025), after Steck
    (WWW 2019); theirs takes one kind of vectors, and scores touched items.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> model = sl.L3AE((sl.Categories("category"),)).fit(split)
        >>> model.recommend(users=[1], k=3)["rank"].to_list()
        [1, 2, 3]
    """

    content: Annotated[tuple[Content, ...], SOME]
    weights: tuple[Positive, ...] = ()
    reg: Positive = 30.0
    strength: Positive = 2.0
    content_reg: Positive = 5.0
    dim: Dim = 256
    floor: bool = True

    def fit(self, split: Split, progress: Progress | None = None) -> Recommender:
        """Solve for the weights: time and memory of `EASE`, and one product of it with the content."""
        split = need_split(split, self)
        histories = split.fitting()
        touched = histories.getnnz(axis=0) > 0
        known = np.flatnonzero(touched)
        space = ContentSpace.fit(self.content, split.data, self.weights, Cache(), progress, touched)
        basis = ContentBasis.fit(space, self.dim)
        inverse = precision(histories[:, known], self.reg)
        scorer = L3AEScorer.solve(basis, known, inverse, self.reg * self.strength, self.content_reg)
        return Recommender.of(self, scorer, split)


@dataclass(frozen=True, eq=False)
class L3AEScorer(LinearInHistory, HistoryOnly, ContentBased):
    """score(h) = h[known] weights at the known items, h[known] map targets^T at the others.

    Args:
        weights: float32 (n_known, n_known); row = history item, column = scored item.
        known: int64 (n_known,), touched items, ascending.
        map: float32 (n_known, dim), from a history to its content profile.
        targets: float32 (n_items, dim), rows of the basis divided by 1 - leverage.
        inner: float32 (dim, dim), (Z^T Z + content_reg I)^-1, which gives the leverage of new items.
        space: The content.
        axes: See `ContentBasis`.
    """

    weights: Dense
    known: NDArray[np.int64]
    map: Dense
    targets: Dense
    inner: Dense
    space: ContentSpace
    axes: tuple[Dense, ...]

    @classmethod
    def solve(
        cls,
        basis: ContentBasis,
        known: NDArray[np.int64],
        inverse: Dense,
        strength: float,
        content_reg: float,
    ) -> Self:
        """Solve for the weights, see `L3AE`.

        Args:
            basis: The content.
            known: int64 (n_known,), touched items.
            inverse: float32 (n_known, n_known), (X^T X + reg I)^-1 over them; becomes the weights.
            strength: `L3AE.reg` times `L3AE.strength`.
            content_reg: > 0.
        """
        rows = basis.rows()
        normal = rows.T @ rows
        normal[np.diag_indices(len(normal))] += np.float32(content_reg)
        inner = inverse_spd(normal)
        factor = rows @ inner
        targets = rows / (1.0 - np.einsum("id,id->i", factor, rows))[:, None]
        profile = np.float32(strength) * (inverse @ factor[known])
        diagonal = np.einsum("id,id->i", profile, targets[known])
        inverse *= -(1.0 + diagonal) / np.diag(inverse)
        for start in range(0, len(known), BLOCK):
            inverse[:, start : start + BLOCK] += profile @ targets[known[start : start + BLOCK]].T
        inverse[np.diag_indices(len(known))] = 0.0
        return cls(inverse, known, profile, targets, inner, basis.space, basis.axes)

    @property
    def basis(self) -> ContentBasis:
        """The content as short rows."""
        return ContentBasis(self.space, self.axes)

    def score(self, histories: Histories | sp.csr_matrix) -> Scores:
        """See `Scorer.score`."""
        inside = matrix_of(histories)[:, self.known]
        out = np.asarray((inside @ self.map) @ self.targets.T, dtype=np.float32)
        out[:, self.known] = inside @ self.weights
        return out

    def without(self, history: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float64]:
        """See `Scorer.without`."""
        rows, at = self._places(history)
        columns, to = self._places(items)
        found = np.zeros((len(history), len(items)), dtype=np.float32)
        found[rows] = self.map[at] @ self.targets[items].T
        found[np.ix_(rows, columns)] = self.weights[np.ix_(at, to)]
        return additive(found)

    def _places(self, items: Places) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the positions of known items in `items`, and their indices among the known."""
        rows = np.flatnonzero(np.isin(items, self.known))
        return rows, np.searchsorted(self.known, items[rows])

    def weighted_terms(self, history: Places, items: Places, k: int, weights: Scores) -> list[WordParts]:
        """Return the parts of words and attributes in what content adds to each score."""
        profile = (one_history(history, len(self.targets), weights)[:, self.known] @ self.map)[0]
        rows = self.basis.rows(items)
        length, scaled = (np.einsum("id,id->i", x, x) for x in (rows, self.targets[items]))
        scale = np.sqrt(np.divide(scaled, length, out=np.zeros_like(length), where=length > 0))
        return self.basis.top_terms(profile, items, scale, k)

    def with_items(self, items: pl.DataFrame) -> L3AEScorer:
        """Give new items the weights of their content; nothing else changes."""
        grown = replace(self, space=self.space.with_items(items))
        fresh = grown.placed(np.arange(self.space.n_items, grown.space.n_items))
        return replace(grown, targets=np.vstack([self.targets, fresh]))

    def revised(self, rows: pl.DataFrame, at: Places) -> Self:
        """Give revised items the weights of their new content."""
        moved = replace(self, space=self.space.replaced(rows, at)[0], targets=self.targets.copy())
        moved.targets[at] = moved.placed(at)
        return moved

    def placed(self, items: Places) -> Dense:
        """Compute `targets` of items that were not there at the fit, float32 (n_items, dim)."""
        rows = self.basis.rows(items)
        # An item outside of Z with leverage h would have h / (1 + h) inside, and 1 - that is 1 / (1 + h).
        leverage = np.einsum("id,id->i", rows @ self.inner, rows)
        found: Dense = rows * (1.0 + leverage)[:, None]
        return found

    def with_spaces(self, change: SpaceChange) -> Self:
        """See `Scorer.with_spaces`."""
        return replace(self, space=change(self.space))

    def state(self) -> tuple[State, dict[str, Any]]:
        """See `Scorer.state`."""
        inner, meta = self.space.state()
        arrays = {name: getattr(self, name) for name in ARRAYS}
        arrays |= {f"axes{at}": axes for at, axes in enumerate(self.axes)}
        return {**placed("space", inner), **arrays}, {"space": meta, "modalities": len(self.axes)}

    @classmethod
    def restore(cls, arrays: State, meta: dict[str, Any]) -> Self:
        """See `Scorer.restore`."""
        space = ContentSpace.restore(under("space", arrays), meta["space"])
        axes = tuple(arrays[f"axes{at}"] for at in range(int(meta["modalities"])))
        return cls(**{name: arrays[name] for name in ARRAYS}, space=space, axes=axes)
