"""Labels of some items predicted for all, by a ridge regression from content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.content.directions import leading_directions
from sidelight.content.features import Features
from sidelight.content.label_regression import Block, Dense, PredictedEncoder, joint, mixed, projected
from sidelight.content.normalise import centre_of, scaled
from sidelight.content.protocols import Content, Encoder, fit_features
from sidelight.content.spec_fields import nothing_there
from sidelight.errors import SpecError, complain
from sidelight.option_types import SOME, Dim, Positive, Share, checked
from sidelight.progress import Progress

if TYPE_CHECKING:
    from sidelight.content.cache import Cache

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
@checked
class PredictedLabels:
    """Labels predicted from content, dense float32 (n_items, dim), rows of unit length.

    The rows of the label matrix L of the items whose labels may be seen, of unit length, are projected
    on its `dim` leading right singular vectors V: y = L V, scaled to unit length (V = I where there are
    no more labels than `dim`). A ridge regression
    W = (X^T X + reg I)^-1 X^T Y from the content X predicts y for every item. An item whose labels may
    be seen gets true_share y + (1 - true_share) x W / |x W|, the others x W / |x W|.

    Labels may be privileged: those of a column that the schema says is not known at launch are seen
    for items with training interactions only. They say something about a new item through the
    regression alone, so this gives no `LateContentWarning`. Labels that are known at launch are seen
    for every item, new ones included. Unlike the labels themselves it fills gaps, and it brings
    together items that are labelled alike under different words.

    Args:
        labels: `Tags`, `Categories` or any other content with labels as columns.
        content: Predictors; must be known at launch.
        dim: Size of the label space at most.
        reg: L2 regularisation, in units of items.
        true_share: In [0, 1], weight of an item's own labels where they may be seen.

    Source: privileged information as of Vapnik and Vashist (2009); label space by truncated SVD as
    of Tai and Lin (2012); the mixture is ours.

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.PredictedLabels(sl.Tags("tags"), (sl.Text("title"),))
        >>> sl.ContentKNN((sl.Text("title"), spec)).content[1] == spec
        True
    """

    labels: Content
    content: Annotated[tuple[Content, ...], SOME]
    dim: Dim = 256
    reg: Positive = 30.0
    true_share: Share = 0.5

    def __post_init__(self) -> None:
        if any(isinstance(each, PredictedLabels) for each in (self.labels, *self.content)):
            raise SpecError(complain("labels and content of items", "predicted labels", "PredictedLabels"))

    @property
    def name(self) -> str:
        """Name of the modality, e.g. "predicted:tags:genres"."""
        return f"predicted:{self.labels.name}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Item columns that the prediction reads; those of the labels are not among them."""
        return tuple(dict.fromkeys(c for each in self.content for c in getattr(each, "columns", ())))

    def fit(
        self, items: pl.DataFrame, cache: Cache | None = None, progress: Progress | None = None
    ) -> PredictedEncoder:
        """Fit an encoder on the labels of all rows, which it also reads of new rows."""
        return self.fit_seen(items, None, cache, progress)[0]

    def fit_seen(
        self,
        items: pl.DataFrame,
        seen: Mask | None,
        cache: Cache | None = None,
        progress: Progress | None = None,
    ) -> tuple[PredictedEncoder, Features]:
        """Fit an encoder on the labels of some rows and encode all rows.

        Args:
            items: The item table.
            seen: bool (n_items,), rows whose labels may be looked at; the encoder then reads no labels
                of new rows. None looks at all.
            cache: Store of slow vectors.
            progress: Called as (done, total, label).

        Raises:
            DataError: No row with labels that may be seen has content.
        """
        known = np.ones(len(items), dtype=bool) if seen is None else seen
        fitted = [fit_features(each, items, cache, progress) for each in self.content]
        centres = tuple(centre_of(raw) for _, raw in fitted)
        content = [scaled(raw, at).values for (_, raw), at in zip(fitted, centres, strict=True)]
        reader, labels = self._labels(items, known, cache)
        rows = np.flatnonzero(known)[labels.present]
        rows = rows[_filled(content, rows)]
        if not len(rows):
            raise nothing_there("PredictedLabels", getattr(self.labels, "columns", (self.labels.name,)))
        axes = _axes(labels.normalised()[labels.present], self.dim)
        true = np.zeros((len(items), axes.shape[1]), dtype=np.float32)
        true[known] = projected(labels, axes)
        solution = _ridge([x[rows] for x in content], true[rows], self.reg)
        widths = tuple(int(x.shape[1]) for x in content)
        encoder = PredictedEncoder(
            self.name, tuple(e for e, _ in fitted), centres, widths, solution, self.true_share,
            reader if seen is None else None, axes if seen is None else None,
        )  # fmt: skip
        return encoder, mixed(self.name, joint(content, solution), true, self.true_share)

    def _labels(self, items: pl.DataFrame, known: Mask, cache: Cache | None) -> tuple[Encoder, Features]:
        # Fitted on visible rows alone: vocabulary and weights come from nothing else.
        import polars as pl

        return fit_features(self.labels, items.filter(pl.Series(known, dtype=pl.Boolean)), cache)


def _filled(content: Sequence[Block], rows: NDArray[np.int64]) -> Mask:
    out = np.zeros(len(rows), dtype=bool)
    for x in content:
        out |= np.asarray(abs(x[rows]).sum(axis=1)).ravel() > 0
    return out


def _axes(labels: Block, dim: int) -> Dense:
    """Leading right singular vectors, float32 (n_labels, <= dim); all labels as they are where they fit."""
    if labels.shape[1] <= dim:
        return np.eye(labels.shape[1], dtype=np.float32)
    values, axes = leading_directions(labels, dim)
    return np.ascontiguousarray(axes[:, values > 1e-5 * values[0]])


def _ridge(content: list[Block], target: Dense, reg: float) -> Dense:
    """(X^T X + reg I)^-1 X^T Y, float32 (dim, n_targets), solved on the smaller side.

    min(n_rows, dim)^3 / 3 multiply-adds and one float32 square matrix of that size.
    """
    from scipy.linalg import cho_factor, cho_solve

    rows, width = len(target), sum(x.shape[1] for x in content)
    if width <= rows:
        normal = np.vstack([np.hstack([_dense(a.T @ b) for b in content]) for a in content])
        normal[np.diag_indices(width)] += np.float32(reg)
        right = np.vstack([x.T @ target for x in content])
        found = cho_solve(cho_factor(normal, lower=True, overwrite_a=True), right)
        return np.ascontiguousarray(found, dtype=np.float32)
    kernel = np.zeros((rows, rows), dtype=np.float32)
    for x in content:
        kernel += _dense(x @ x.T)
    kernel[np.diag_indices(rows)] += np.float32(reg)
    dual = cho_solve(cho_factor(kernel, lower=True, overwrite_a=True), target)
    return np.ascontiguousarray(np.vstack([x.T @ dual for x in content]), dtype=np.float32)


def _dense(matrix: Block) -> Dense:
    return np.asarray(matrix.toarray() if sp.issparse(matrix) else matrix, dtype=np.float32)
