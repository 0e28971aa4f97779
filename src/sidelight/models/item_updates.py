"""Replacing the rows of items that a fitted model has already; nothing is retrained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import singledispatch
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.content.features import Features
from sidelight.content.protocols import Encoder
from sidelight.data.read_items import item_rows
from sidelight.errors import DataError, complain
from sidelight.models.blend_scorer import BlendScorer
from sidelight.models.content_knn import ContentKNNScorer
from sidelight.models.content_space import ContentSpace
from sidelight.models.items import without_images
from sidelight.models.recommender import Recommender
from sidelight.models.ridge import RidgeScorer
from sidelight.models.scorer import Scorer
from sidelight.models.tower_scorer import TowerScorer

Places = NDArray[np.int64]


def with_revised_items(model: Recommender, rows: Any) -> Recommender:
    """A recommender with other content for some of its items.

    A row takes the place of the whole old row: a column that it lacks is missing from now on. Items
    that nobody had touched in training are placed anew by what they say now. Items with clicks keep
    their place, which those clicks had a part in; their new content counts from the next training.

    Args:
        model: The model.
        rows: Column `item_id` of known items and any item columns; a polars or pandas frame, or a
            dict of columns.

    Raises:
        UnknownIdError: An item is not in the catalogue.
        DataError: An id is repeated, or a column is unknown or of another type.
    """
    own = model.items
    frame = item_rows(rows, own.table, "changed items")
    ids = frame["item_id"].to_list() if "item_id" in frame.columns else []
    if len(set(ids)) != len(ids) or None in ids:
        raise DataError(complain("one row an item", "null or repeated ids", "changed items"))
    at = own.need(ids, "changed items")
    full = own.typed(frame, "changed items")
    table = pl.concat([own.rows, without_images(full)])[_places(len(own), at)]
    free = np.flatnonzero(own.popular[at] == 0)
    free = free[np.argsort(at[free])]  # neighbour graphs want their targets in order
    scorer = rescored(model.scorer, full[free], at[free]) if len(free) else model.scorer
    return replace(model, scorer=scorer, items=replace(own, rows=table))


@singledispatch
def rescored(scorer: Scorer, rows: pl.DataFrame, at: Places) -> Scorer:
    """The scorer with some items placed by other content; one that knows clicks alone stays as it is.

    Args:
        scorer: Of a fitted model.
        rows: Content rows.
        at: int64 (n_rows,), ascending, their items; nobody touched these in training.
    """
    return scorer


@rescored.register
def _(scorer: BlendScorer, rows: pl.DataFrame, at: Places) -> Scorer:
    return replace(scorer, parts=tuple(rescored(part, rows, at) for part in scorer.parts))


@rescored.register
def _(scorer: RidgeScorer, rows: pl.DataFrame, at: Places) -> Scorer:
    return replace(scorer, space=respaced(scorer.space, rows, at)[0])


@rescored.register
def _(scorer: TowerScorer, rows: pl.DataFrame, at: Places) -> Scorer:
    space, fresh = respaced(scorer.space, rows, at)
    vectors = scorer.vectors.copy()
    vectors[at] = scorer.place(list(fresh))
    return replace(scorer, space=space, vectors=vectors)


@rescored.register
def _(scorer: ContentKNNScorer, rows: pl.DataFrame, at: Places) -> Scorer:
    space, _ = respaced(scorer.space, rows, at)
    kept = np.ones(space.n_items, dtype=bool)
    kept[at] = False
    old = scorer.graph
    graph = sp.csr_matrix((old.data * kept[old.indices], old.indices, old.indptr), shape=old.shape)
    graph = sp.csr_matrix(graph + replace(scorer, space=space).links(at))
    graph.eliminate_zeros()
    return replace(scorer, graph=graph, space=space)


def respaced(
    space: ContentSpace, rows: pl.DataFrame, at: Places
) -> tuple[ContentSpace, tuple[Features, ...]]:
    """The content with some rows replaced, and the features of these rows alone.

    Args:
        space: The content of a catalogue.
        rows: Content rows.
        at: int64 (n_rows,), their items.
    """
    nothing = tuple(Features(f.name, f.values[:0], f.present[:0], f.names) for f in space.features)
    fresh = ContentSpace(space.encoders, nothing, space.weights, space.centres).with_items(rows).features
    grown = []
    for old, new in zip(space.features, fresh, strict=True):
        present = old.present.copy()
        present[at] = new.present
        if old.sparse:
            values = sp.csr_matrix(sp.vstack([old.values, new.values]), dtype=np.float32)[
                _places(len(old), at)
            ]
        else:
            values = old.values.copy()
            values[at] = new.values
        grown.append(Features(old.name, values, present, old.names))
    return ContentSpace(space.encoders, tuple(grown), space.weights, space.centres), fresh


def with_spaces(scorer: Scorer, change: Callable[[ContentSpace], ContentSpace]) -> Scorer:
    """The scorer with the content of each of its parts changed, e.g. to other encoders.

    Args:
        scorer: Of a fitted model.
        change: From the content of one part to another one of the same size.
    """
    if isinstance(scorer, BlendScorer):
        return replace(scorer, parts=tuple(with_spaces(part, change) for part in scorer.parts))
    if isinstance(scorer, RidgeScorer | TowerScorer | ContentKNNScorer):
        return replace(scorer, space=change(scorer.space))
    return scorer


def encoders_of(scorer: Scorer) -> list[Encoder]:
    """The content encoders of all its parts."""
    found: list[Encoder] = []

    def look(space: ContentSpace) -> ContentSpace:
        found.extend(space.encoders)
        return space

    with_spaces(scorer, look)
    return found


def _places(size: int, at: Places) -> Places:
    """Where each of `size` rows is found once the new rows stand behind the old ones."""
    index = np.arange(size)
    index[at] = size + np.arange(len(at))
    return index
