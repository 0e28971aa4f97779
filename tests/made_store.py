"""Models of a few items, made without fitting, and bundles that are poisoned in one place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp

import sidelight as sl
from sidelight import storage
from sidelight.data.histories import Histories
from sidelight.models.items import Items
from sidelight.models.people import People
from sidelight.models.recommender import Recommender
from sidelight.models.similarity_scorers import DenseSimilarityScorer

USERS, ITEMS = 8, 14


def model(seed: int = 0) -> Recommender:
    """Random item-item weights over random histories; another seed answers otherwise."""
    rng = np.random.default_rng(seed)
    seen = sp.csr_matrix((rng.random((USERS, ITEMS)) < 0.3).astype(np.float32))
    weights = rng.random((ITEMS, ITEMS), dtype=np.float32)
    item_ids = np.array([f"i{n:02d}" for n in range(ITEMS)])
    items = Items(
        item_ids,
        pl.DataFrame({"item_id": item_ids, "title": [f"thing {n}" for n in range(ITEMS)]}),
        np.asarray(seen.sum(axis=0), dtype=np.float32).ravel(),
        f"data of seed {seed}",
    )
    people = People(np.array([f"u{n:02d}" for n in range(USERS)]), Histories.of_matrix(seen))
    return Recommender(sl.EASE(), DenseSimilarityScorer(weights, np.arange(ITEMS), ITEMS), items, people)


def poisoned(
    folder: Path, made: Recommender, change: Callable[[dict[str, Any], dict[str, Any]], object]
) -> Path:
    """A bundle whose hashes are right and whose contents are not.

    Args:
        folder: Where to write it.
        made: The sound model.
        change: Called with its arrays and its meta data, to spoil them in place.
    """
    arrays, meta, files = made.to_arrays()
    change(arrays, meta)
    return storage.write_folder(folder, arrays, meta, files)
