"""EASE, plain and with side information: linear item-item models in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.content.cache import Cache
from sidelight.content.protocols import Content
from sidelight.data.split.split import Split
from sidelight.errors import SpecError, complain
from sidelight.models.check_arguments import need_split
from sidelight.models.content_space import ContentSpace
from sidelight.models.recommender import Recommender
from sidelight.models.similarity_scorers import DenseSimilarityScorer
from sidelight.option_types import SOME, NonNegative, Positive, checked
from sidelight.progress import Progress

Dense = NDArray[np.float32]
CELLS = 1 << 24  # entries of a block held at a time, twice: 64 MiB of float32 each
SPARSE = 100  # one step of a sparse product takes this many steps of a dense inverse (measured)


def inverse_spd(matrix: Dense) -> Dense:
    """Inverse of a symmetric positive definite matrix, in place: float32 (n, n), both triangles.

    Cholesky factor and LAPACK potri; the peak is the matrix itself plus one block of rows.

    Args:
        matrix: float32 (n, n), C order; overwritten.

    Raises:
        SpecError: The matrix is not positive definite (the regularisation is too small).
    """
    from scipy.linalg import lapack

    # A symmetric C-ordered matrix is its own Fortran-ordered transpose: no copy is made.
    factor, info = lapack.spotrf(matrix.T, lower=True, overwrite_a=True, clean=False)
    if info == 0:
        inverse, info = lapack.spotri(factor, lower=True, overwrite_c=True)
    if info != 0:
        raise SpecError(complain("a positive definite matrix", f"LAPACK info {info}", fix="raise reg"))
    _mirror(inverse)
    out: Dense = inverse.T  # symmetric: back to C order without a copy
    return out


def _mirror(matrix: Dense, block: int = 1024) -> None:
    """Copy the lower triangle into the upper one, block by block."""
    n = len(matrix)
    for start in range(0, n, block):
        stop = min(start + block, n)
        matrix[start:stop, stop:] = matrix[stop:, start:stop].T
        corner = matrix[start:stop, start:stop]
        upper = np.triu_indices(stop - start, 1)
        corner[upper] = corner.T[upper]


def ease_weights(gram: Dense, reg: float) -> Dense:
    """EASE weights of a Gram matrix: B = I - P / diag(P), P = (G + reg I)^-1, zero diagonal.

    Args:
        gram: float32 (n, n), symmetric, C order; overwritten.
        reg: Added to the diagonal, > 0.

    Returns:
        float32 (n, n); row = history item, column = scored item.

    Source: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data" (WWW 2019), eq. 8.
    """
    diagonal = np.diag_indices(len(gram))
    gram[diagonal] += np.float32(reg)
    return _without_diagonal(inverse_spd(gram))


def precision(histories: sp.csr_matrix, reg: float) -> Dense:
    """P = (X^T X + reg I)^-1 of a history matrix, solved on whichever side costs less.

    Over the items, X^T X is inverted: n_items^3 time and one float32 (n_items, n_items) of memory.
    With fewer users the same follows by the Woodbury identity from the users' kernel,
    P = (I - X^T K X) / reg, K = (X X^T + reg I)^-1: n_users^3 time plus two products with sparse X;
    float32 (n_users, n_users) and (n_items, n_items) at the peak, plus 128 MiB.

    Args:
        histories: CSR float32 (n_users, n_items).
        reg: > 0.

    Returns:
        float32 (n_items, n_items), symmetric, C order.

    Raises:
        SpecError: reg is too small for float32.

    Source: Woodbury (1950).
    """
    busy = sp.csr_matrix(histories[np.flatnonzero(histories.getnnz(axis=1))], dtype=np.float32)
    n_users, n_items = busy.shape
    if n_users**3 + SPARSE * busy.nnz * (n_users + n_items) >= n_items**3:
        gram = (busy.T @ busy).toarray()
        gram[np.diag_indices(n_items)] += np.float32(reg)
        return inverse_spd(gram)
    return _precision_by_users(busy, reg)


def _precision_by_users(histories: sp.csr_matrix, reg: float) -> Dense:
    n_users, n_items = histories.shape
    kernel = (histories @ histories.T).toarray()
    kernel[np.diag_indices(n_users)] += np.float32(reg)
    kernel = inverse_spd(kernel)
    items = sp.csr_matrix(histories.T)
    out = np.empty((n_items, n_items), dtype=np.float32)
    step = max(1, CELLS // max(n_users, n_items, 1))
    for start in range(0, n_items, step):
        stop = min(start + step, n_items)
        half = np.ascontiguousarray((items[start:stop] @ kernel).T)  # K X, a block of columns
        out[start:stop, start:] = (items[start:] @ half).T  # X^T K X is symmetric: its columns are its rows
        out[stop:, start:stop] = out[start:stop, stop:].T
    out /= np.float32(-reg)
    diagonal = np.diag_indices(n_items)
    out[diagonal] += np.float32(1 / reg)
    if n_items and not out[diagonal].min() > 0:
        raise SpecError(complain("a positive definite matrix", "one that float32 rounds", fix="raise reg"))
    return out


def ease_of(histories: sp.csr_matrix, reg: float) -> Dense:
    """EASE weights of a history matrix, see `precision` for time and memory.

    Args:
        histories: CSR float32 (n_users, n_items).
        reg: > 0, see `ease_weights`.

    Returns:
        float32 (n_items, n_items) as of `ease_weights`.
    """
    return _without_diagonal(precision(histories, reg))


def _without_diagonal(inverse: Dense) -> Dense:
    """I - P / diag(P) with a zero diagonal, in place."""
    diagonal = np.diag_indices(len(inverse))
    inverse /= -inverse[diagonal].copy()
    inverse[diagonal] = 0.0
    return inverse


@dataclass(frozen=True)
@checked
class EASE:
    """The linear autoencoder with zero diagonal, over the touched items. Strong on warm items.

    Args:
        reg: L2 regularisation, in units of users; 10 to 1000 are usual.
        floor: Add popularity to the scores of short histories, see `models.score_floor.with_floor`.

    Source: Steck (WWW 2019).

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> model = sl.EASE(reg=30.0).fit(split)
        >>> model.recommend(users=[1], k=3)["rank"].to_list()
        [1, 2, 3]
    """

    reg: Positive = 100.0
    floor: bool = True

    def fit(self, split: Split, progress: Progress | None = None) -> Recommender:
        """Solve over the touched items or over the users, see `ease_of` for time and memory."""
        split = need_split(split, self)
        histories = split.fitting()
        known = np.flatnonzero(histories.getnnz(axis=0))
        weights = ease_of(histories[:, known], self.reg)
        return Recommender.of(self, DenseSimilarityScorer(weights, known, split.data.n_items), split)


@dataclass(frozen=True)
@checked
class EASESide:
    """EASE on users and content at once, so that new items get weights from what they say.

    G = R^T R + weight X X^T with X the items' content, then as EASE (each content column acts as a
    user who touched the items that have it).

    Args:
        content: Modalities of X, rows of unit length a modality.
        weight: Weight of content.
        reg: L2 regularisation.
        floor: Add popularity to the scores of short histories, see `models.score_floor.with_floor`.

    Source: Jeunen, Van Balen and Goethals, "Closed-Form Models for Collaborative Filtering with
    Side-Information" (RecSys 2020), CEASE; ours takes dense modalities too.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> model = sl.EASESide((sl.Categories("category"),)).fit(split)
        >>> model.recommend(users=[1], k=3)["rank"].to_list()
        [1, 2, 3]
    """

    content: Annotated[tuple[Content, ...], SOME]
    weight: NonNegative = 10.0
    reg: Positive = 100.0
    floor: bool = True

    def fit(self, split: Split, progress: Progress | None = None) -> Recommender:
        """Invert the joint Gram matrix over all items: n^3 time, two float32 (n, n) at the peak."""
        split = need_split(split, self)
        histories = split.fitting()
        touched = histories.getnnz(axis=0) > 0
        space = ContentSpace.fit(self.content, split.data, (), Cache(), progress, touched)
        everything = np.arange(split.data.n_items)
        gram = space.gram(everything)
        gram *= np.float32(self.weight)
        _add_counts(gram, histories)
        weights = ease_weights(gram, self.reg)
        return Recommender.of(self, DenseSimilarityScorer(weights, everything, split.data.n_items), split)


def _add_counts(gram: Dense, histories: sp.csr_matrix) -> None:
    counts = sp.csr_matrix(histories.T @ histories)
    for row in range(len(gram)):
        at = slice(counts.indptr[row], counts.indptr[row + 1])
        gram[row, counts.indices[at]] += counts.data[at]
