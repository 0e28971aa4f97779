"""Ridge from content to preference: what a user's history says about words and vectors."""

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
from sidelight.models.content_space import Block, ContentSpace
from sidelight.models.linear import EASE, ease_of, inverse_spd
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
    single_items,
)
from sidelight.models.term_contributions import WordParts, largest
from sidelight.option_types import SOME, NonNegative, Positive, checked
from sidelight.progress import Progress
from sidelight.storage import placed, under

Dense = NDArray[np.float32]
CELLS = 1 << 25  # entries of profiles held at a time: 128 MiB of float32


@dataclass(frozen=True)
@checked
class Ridge:
    """Each user's ridge regression from item content to touched / not touched, for all users at once.

    With X the content of the touched items and y a user's history over them, the user's profile is
    w = (X^T X + reg I)^-1 X^T y and any item, old or new, scores x.w. Solved in whichever of
    the two sizes is smaller (content columns, or touched items): both give the same profile.

    With a `teacher`, y is completed by what a collaborative model predicts: y' = y (I + strength B),
    so that a short history speaks for the items its neighbours touched.

    Args:
        content: Modalities of x, unit length each.
        weights: One a modality; empty means 1 each.
        reg: L2 regularisation.
        teacher: EASE whose predictions complete the histories, or None.
        strength: Weight of these predictions.
        floor: Add popularity to the scores of short histories, see `models.score_floor.with_floor`.

    Source: Ridge regression (Hoerl and Kennard 1970) a user, as in content-based filtering (Pazzani
    and Billsus 2007); the completion by EASE is ours.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> model = sl.Ridge((sl.Text("title"),)).fit(split)
        >>> model.recommend(users=[1], k=3)["rank"].to_list()
        [1, 2, 3]
    """

    content: Annotated[tuple[Content, ...], SOME]
    weights: tuple[Positive, ...] = ()
    reg: Positive = 30.0
    teacher: EASE | None = None
    strength: NonNegative = 3.0
    floor: bool = True

    def fit(self, split: Split, progress: Progress | None = None) -> Recommender:
        """Solve for the map from history to profile."""
        split = need_split(split, self)
        histories = split.fitting()
        touched = histories.getnnz(axis=0) > 0
        space = ContentSpace.fit(self.content, split.data, self.weights, Cache(), progress, touched)
        known = np.flatnonzero(touched)
        smooth = None
        if self.teacher is not None:
            smooth = ease_of(histories[:, known], self.teacher.reg)
            smooth *= np.float32(self.strength)
            smooth[np.diag_indices(len(known))] += 1.0
        scorer = RidgeScorer.solve(space, known, self.reg, smooth)
        return Recommender.of(self, scorer, split)


@dataclass(frozen=True, eq=False)
class RidgeScorer(LinearInHistory, HistoryOnly, ContentBased):
    """score(h) = profile(h) X^T, where every history item adds a fixed vector to the profile.

    Args:
        left: float32 (n_known, n_known) when `dual`, else (n_known, dim).
        known: int64 (n_known,), history items that count.
        space: The content.
        dual: profile = h left X[known] when True, h left when False.
    """

    left: Dense
    known: NDArray[np.int64]
    space: ContentSpace
    dual: bool

    @classmethod
    def solve(
        cls, space: ContentSpace, known: NDArray[np.int64], reg: float, smooth: Dense | None = None
    ) -> Self:
        """Solve for the map of histories h' = h smooth (None: h itself).

        Args:
            space: The content.
            known: int64 (n_known,), touched items.
            reg: > 0.
            smooth: float32 (n_known, n_known) or None.
        """
        rows = space.blocks(known)
        if space.dim >= len(known):
            kernel = space.gram(known, known)
            kernel[np.diag_indices(len(known))] += np.float32(reg)
            inner = inverse_spd(kernel)
            return cls(inner if smooth is None else smooth @ inner, known, space, True)
        normal = _normal(rows)
        normal[np.diag_indices(space.dim)] += np.float32(reg)
        inner = inverse_spd(normal)
        content = rows if smooth is None else [_right(smooth, x) for x in rows]
        left = np.zeros((len(known), space.dim), dtype=np.float32)
        at = 0
        for x in content:
            left += x @ inner[at : at + x.shape[1]]
            at += x.shape[1]
        return cls(left, known, space, False)

    def profiles(self, histories: sp.csr_matrix) -> Dense:
        """Return the content profile of each history, float32 (n_rows, dim)."""
        first = np.asarray(histories[:, self.known] @ self.left, dtype=np.float32)
        if not self.dual:
            return first
        return np.hstack([_right(first, x) for x in self.space.blocks(self.known)])

    def score(self, histories: Histories | sp.csr_matrix) -> Scores:
        """See `Scorer.score`. Profiles are wide, and made for some rows at a time."""
        histories = matrix_of(histories)
        total = np.zeros((histories.shape[0], self.space.n_items), dtype=np.float32)
        step = max(1, CELLS // max(1, self.space.dim))
        for start in range(0, histories.shape[0], step):
            profile = self.profiles(histories[start : start + step])
            at = 0
            for x in self.space.blocks():
                total[start : start + step] += _right(profile[:, at : at + x.shape[1]], x.T)
                at += x.shape[1]
        return total

    def without(self, history: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float64]:
        """See `Scorer.without`."""
        profile = self.profiles(single_items(history, self.space.n_items))
        found, at = np.zeros((len(history), len(items))), 0
        for x in self.space.blocks(items):
            found += _right(profile[:, at : at + x.shape[1]], x.T)
            at += x.shape[1]
        return additive(found)

    def weighted_terms(self, history: Places, items: Places, k: int, weights: Scores) -> list[WordParts]:
        """Return the exact part of each word in each score: profile times content."""
        profile, parts, at = self.profiles(one_history(history, self.space.n_items, weights))[0], [], 0
        for f, x in zip(self.space.features, self.space.blocks(items), strict=True):
            own = profile[at : at + f.dim]
            at += f.dim
            if f.names and f.sparse:
                parts.append((f.names, sp.csr_matrix(x.multiply(own))))
        return largest(parts, len(items), k)

    def with_items(self, items: pl.DataFrame) -> RidgeScorer:
        """Score new items by their content; profiles do not change."""
        return replace(self, space=self.space.with_items(items))

    def revised(self, rows: pl.DataFrame, at: Places) -> Self:
        """Replace the content; profiles do not change."""
        return replace(self, space=self.space.replaced(rows, at)[0])

    def with_spaces(self, change: SpaceChange) -> Self:
        """See `Scorer.with_spaces`."""
        return replace(self, space=change(self.space))

    def state(self) -> tuple[State, dict[str, Any]]:
        """See `Scorer.state`."""
        inner, meta = self.space.state()
        arrays = {**placed("space", inner), "left": self.left, "known": self.known}
        return arrays, {"space": meta, "dual": self.dual}

    @classmethod
    def restore(cls, arrays: State, meta: dict[str, Any]) -> Self:
        """See `Scorer.restore`."""
        space = ContentSpace.restore(under("space", arrays), meta["space"])
        return cls(arrays["left"], arrays["known"], space, bool(meta["dual"]))


def _right(dense: Dense, block: Block) -> Dense:
    """Compute dense @ block for a block that may be sparse."""
    if sp.issparse(block):
        return np.ascontiguousarray((block.T.tocsr() @ np.ascontiguousarray(dense.T)).T, dtype=np.float32)
    return np.asarray(dense @ block, dtype=np.float32)


def _normal(rows: list[Block]) -> Dense:
    """Compute X^T X of the blocks side by side, float32 (dim, dim)."""
    table = []
    for a in rows:
        line = []
        for b in rows:
            part = a.T @ b
            line.append(part.toarray() if sp.issparse(part) else np.asarray(part))
        table.append(np.hstack(line))
    return np.ascontiguousarray(np.vstack(table), dtype=np.float32)
