"""Small splits and models for evaluation tests, built straight from arrays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from hypothesis import strategies as st

from sidelight.data.dataset import Dataset
from sidelight.data.histories import Histories, matrix_of
from sidelight.data.interactions import Interactions
from sidelight.data.schema import Column, Schema
from sidelight.data.split.split import Split

TRAIN, VALIDATION, TEST = 1, 2, 3


def without_order(data: Dataset) -> Dataset:
    """The same events, but nothing says which came first."""
    return replace(data, interactions=replace(data.interactions, timestamp=None, position=None))


class Fixed:
    """A model with a given score for every user and item, found again by the history; 0 for an empty one."""

    def __init__(self, scores: np.ndarray, histories: sp.csr_matrix) -> None:
        self.scores = scores
        self.rows = {histories[u].indices.tobytes(): u for u in range(histories.shape[0])}
        self.blocks: list[int] = []

    def score(self, histories: Histories | sp.csr_matrix) -> np.ndarray:
        histories = matrix_of(histories)
        if not histories.nnz and b"" not in self.rows:
            return np.zeros(histories.shape, np.float32)
        self.blocks.append(histories.shape[0])
        users = [self.rows[histories[u].indices.tobytes()] for u in range(histories.shape[0])]
        return self.scores[users].copy()


def split_of(parts: np.ndarray, cold: np.ndarray, fingerprint: str = "made", **options: Any) -> Split:
    """A split from a matrix (n_users, n_items) of 0, TRAIN, VALIDATION or TEST."""
    n_users, n_items = parts.shape
    user, item = np.nonzero(parts)
    log = Interactions(user.astype(np.int32), item.astype(np.int32), np.ones(len(user), np.float32))
    items = pl.DataFrame(
        {
            "item_id": np.arange(n_items),
            "brand": [None if i % 5 == 4 else "ab"[i % 2] for i in range(n_items)],
            "tags": [["x"] * (i % 2 == 0) + ["y"] * (i % 3 == 0) for i in range(n_items)],
            "price": [float("nan") if i % 7 == 6 else float(i) for i in range(n_items)],
            "title": ["t"] * n_items,
        }
    )
    users = pl.DataFrame({"user_id": np.arange(n_users), "gender": ["fm"[u % 2] for u in range(n_users)]})
    roles = {"brand": "category", "tags": "tags", "price": "number", "title": "text"}
    schema = Schema(
        items=tuple(Column(name, role) for name, role in roles.items()),
        users=(Column("gender", "category", sensitive=True),),
    )
    data = Dataset(log, np.arange(n_items), np.arange(n_users), items, users, schema, fingerprint)
    kind = parts[user, item]
    rows = [np.flatnonzero(kind == part) for part in (TRAIN, VALIDATION, TEST)]
    options = {"candidates": np.ones(n_items, bool), "how": {"rule": "made"}} | options
    return Split(data, *rows, cold=cold, simulated=np.zeros(n_items, bool), **options)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Split, Fixed]:
    """A split with every oddity (no history, no cold truth, few candidates, ties) and its model."""
    n_users, n_items = draw(st.integers(2, 9)), draw(st.integers(3, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    share = draw(st.sampled_from([0.1, 0.4]))
    parts = rng.choice(4, p=[1 - 3 * share / 2, share / 2, share / 2, share / 2], size=(n_users, n_items))
    cold = rng.random(n_items) < draw(st.sampled_from([0.0, 0.3, 1.0]))
    parts[:, cold] = np.where(parts[:, cold] == TRAIN, 0, parts[:, cold])
    parts[0, 0], parts[0, 1] = VALIDATION, TEST  # somebody always has something relevant
    candidates = rng.random(n_items) < draw(st.sampled_from([0.6, 1.0]))
    candidates[:2] = True
    split = split_of(
        parts,
        cold,
        candidates=candidates,
        mask=draw(st.sampled_from(["seen", "others"])),
        overall_users=draw(st.sampled_from(["any", "both"])),
    )
    levels = draw(st.sampled_from([1, 3, 10**6]))
    scores = rng.integers(-levels, levels + 1, (n_users, n_items)).astype(np.float32)
    # Users with equal histories cannot be told apart by a model, so they get equal scores.
    model = Fixed(scores, split.histories().matrix())
    return split, model
