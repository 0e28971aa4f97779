"""EASE beside the bare linear algebra under it: fitting, and top lists for all users.

Fitting over the items is compared with torch's Cholesky factor and inverse of the same matrix, and with
fitting over the users, of whom there are fewer; recommending with the bare product of histories and
weights; all in one process, one after the other.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
import shape

from sidelight.data.histories import Histories
from sidelight.models.linear import EASE, ease_of, ease_weights
from sidelight.models.recommender import Recommender
from sidelight.models.similarity_scorers import DenseSimilarityScorer

USERS, ITEMS, A_USER, K = 5_551, 17_000, 24, 20


def clock(work: Callable[[], object]) -> tuple[float, object]:
    """Seconds and result of one call."""
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def histories(seed: int = 0) -> sp.csr_matrix:
    """Random histories with a long tail, binary CSR (USERS, ITEMS), every item touched."""
    rng = np.random.default_rng(seed)
    weight = 1.0 / np.arange(1, ITEMS + 1) ** 0.6
    item = np.concatenate(
        [rng.choice(ITEMS, USERS * A_USER - ITEMS, p=weight / weight.sum()), np.arange(ITEMS)]
    )
    user = rng.integers(0, USERS, len(item))
    out = sp.csr_matrix((np.ones(len(item), np.float32), (user, item)), shape=(USERS, ITEMS))
    out.data[:] = 1.0
    return out


def resident() -> float:
    """Largest resident memory so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and emit the ratios."""
    run = shape.start("ease_speed", needs_data=False)
    seen = histories()
    gram = (seen.T @ seen).toarray()
    before = resident()
    seconds, weights = clock(lambda: ease_weights(gram, 100.0))
    figures = {"ease.fit.seconds": seconds, "ease.fit.extra_mb": resident() - before}
    figures["ease.fit.matrix_mb"] = gram.nbytes / 2**20
    shape.note(f"EASE weights of {ITEMS} items: {seconds:.1f} s, {figures['ease.fit.extra_mb']:.0f} MB more")
    recommending(seen, np.asarray(weights), figures)
    figures["ease.by_users.seconds"], other = clock(lambda: ease_of(seen, 100.0))
    figures["ease.by_users.largest_difference"] = float(np.abs(np.asarray(weights) - np.asarray(other)).max())
    figures["ease.by_users.ratio"] = figures["ease.by_users.seconds"] / seconds
    shape.note(f"the same over {USERS} users: {figures['ease.by_users.seconds']:.1f} s")
    del weights, other
    torch_inverse(seen, figures)
    if "torch.inverse.seconds" in figures:
        figures["ease.fit.ratio"] = figures["ease.fit.seconds"] / figures["torch.inverse.seconds"]
    shape.emit(
        "ease_speed", figures, {}, seconds=run.seconds(), peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint=f"synthetic {USERS} x {ITEMS}", threads=os.environ.get("OMP_NUM_THREADS", "all"),
    )  # fmt: skip


def recommending(seen: sp.csr_matrix, weights: np.ndarray, figures: dict[str, float]) -> None:
    """Top lists for all users, seen items left out, ids and all; best of three, taken in turn."""
    model = Recommender(EASE(), DenseSimilarityScorer(weights, np.arange(ITEMS), ITEMS), *_stored(seen))
    bare, lists = [], []
    for _ in range(3):
        bare.append(clock(lambda: seen @ weights)[0])
        lists.append(clock(lambda: model.recommend(k=K))[0])
    figures |= {
        "ease.product.seconds": min(bare),
        "ease.recommend.seconds": min(lists),
        "ease.recommend.share_of_product_speed": min(bare) / min(lists),
    }
    shape.note(f"product {min(bare):.2f} s, top {K} for all {USERS} users {min(lists):.2f} s")


def _stored(seen: sp.csr_matrix):
    import polars as pl

    from sidelight.models.items import Items
    from sidelight.models.people import People

    count = np.asarray(seen.sum(axis=0), dtype=np.float32).ravel()
    ids = np.arange(ITEMS)
    people = People(np.arange(USERS), Histories.of_matrix(seen))
    return Items(ids, pl.DataFrame({"item_id": ids}), count), people


def torch_inverse(seen: sp.csr_matrix, figures: dict[str, float]) -> None:
    """The bare rival, when torch is there."""
    try:
        import torch
    except ImportError:
        shape.note("torch is not installed: no comparison")
        return
    gram = (seen.T @ seen).toarray()
    gram[np.diag_indices(ITEMS)] += 100.0
    matrix = torch.from_numpy(gram)
    seconds, _ = clock(lambda: torch.cholesky_inverse(torch.linalg.cholesky(matrix)))
    figures["torch.inverse.seconds"] = seconds
    shape.note(f"torch cholesky and inverse: {seconds:.1f} s")


if __name__ == "__main__":
    main()
