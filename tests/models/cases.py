"""Cases that several test files of this folder share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from made_splits import TRAIN, VALIDATION, split_of

import sidelight as sl
from sidelight.models.blend_candidates import BlendCandidates
from sidelight.models.content_space import ContentSpace


def made_pool(cold_scale=0.01):
    rng = np.random.default_rng(0)
    n, width = 50, 60
    items = np.tile(np.arange(width, dtype=np.int32), (n, 1))
    cold = items < 20
    scores = rng.random((n, width)).astype(np.float32) * np.where(cold, cold_scale, 1.0).astype(np.float32)
    relevant = rng.random((n, width)) < 0.1
    sides = (relevant & cold).sum(axis=1), (relevant & ~cold).sum(axis=1)
    counts = np.array([*sides, sides[0] + sides[1]], dtype=np.float64)
    return BlendCandidates(
        scores[None], items, relevant, np.where(cold, 0, 1), counts, np.ones(n, dtype=bool)
    )


@dataclass(frozen=True)
class Told:
    """A scorer that notes the users and the context it is told of, and gives every item 0."""

    context: tuple[str, ...] = ("hour",)
    stored: bool = True
    told: list[Any] = field(default_factory=list)

    def with_context(self, users, context):
        self.told.append((users.tolist(), context))
        return self

    def without_users(self):
        return replace(self, stored=False)

    def uses_context(self):
        return None

    def score(self, histories):
        return np.zeros(histories.shape, dtype=np.float32)


WORDS = ["red", "blue", "green", "tall", "small", "round"]


def _with_items(split, items):
    from dataclasses import replace

    return replace(split, data=replace(split.data, items=items))


def chain():
    """Item 0 is touched; 1 shares a word with it, 2 with 1 alone; 3 with none of them."""
    parts = np.zeros((3, 5), dtype=int)
    parts[:, 0], parts[0, 4], parts[:, 2] = TRAIN, TRAIN, VALIDATION
    made = split_of(parts, np.array([False, True, True, True, False]))
    titles = ["red pot", "pot lamp", "lamp chair", "stone brick", "tent rope"]
    items = made.data.items.with_columns(pl.Series("title", titles))
    return replace(made, data=replace(made.data, items=items))


TITLE = sl.Text("title", min_df=1)


def _space(split, *content, **options):
    return ContentSpace.fit(content or (sl.Text("title", min_df=1),), split.data, **options)


def _train(split):
    return split.histories().matrix().toarray().astype(np.float64)
