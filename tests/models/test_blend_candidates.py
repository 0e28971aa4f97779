"""Candidates of a blend: metrics, thinning, the latest events."""

from __future__ import annotations

import numpy as np
import pytest
from models.cases import made_pool

import sidelight as sl
from sidelight.data.synthetic import make_synthetic
from sidelight.models.blend_candidates import BlendCandidates, recent
from sidelight.models.held_out_scores import buckets_of


@pytest.fixture(scope="module")
def split():
    data = make_synthetic(n_users=300, n_items=400, n_events=6000, seed=3).data
    return sl.split.cold_items(data, share=0.2, seed=1)


def test_pooled_ndcg_is_that_of_the_full_ranking(split, parts):
    """A pool deep enough to hold each top list measures what `evaluate` measures."""
    choosing = sl.split.selection_split(split)
    model = parts[2].fit(choosing)
    users = np.flatnonzero(choosing.truth().getnnz(axis=1))
    pool = BlendCandidates.build([model.scorer], choosing, users, 60, buckets_of(choosing, (4,)))
    exact = sl.evaluate(model, choosing, ks=(20,)).figures()
    for which in ("cold", "warm", "overall"):
        slate = pool.slate(which, 20)
        assert slate.ndcg(slate.values[0]).mean() == pytest.approx(exact[f"{which}.ndcg@20"], abs=2e-3)


def test_thinning_keeps_the_wanted_share_and_hides_what_goes():
    pool = made_pool()
    thin = pool.thinned(0.1, seed=0)
    cold, warm, every = thin.n_relevant
    assert cold.sum() / every.sum() == pytest.approx(0.1, abs=0.04)
    gone = (pool.items >= 0) & (thin.items < 0)
    assert gone.any() and pool.relevant[gone].all() and not thin.relevant[gone].any()
    np.testing.assert_array_equal(warm, pool.n_relevant[1])


def test_the_latest_events_of_a_history_are_kept():
    data = make_synthetic(n_users=40, n_items=60, n_events=600, seed=2).data
    split = sl.split.temporal(data)
    log = data.interactions
    users = np.flatnonzero(split.histories().lengths >= 3)
    short = recent(split, users, 2)
    assert (short.lengths == 2).all()
    for at, user in enumerate(users[:10]):
        rows = [r for r in split.train if log.user[r] == user]
        last = sorted(rows, key=lambda r: log.timestamp[r])[-2:]
        assert short.row(at).tolist() == [log.item[r] for r in last]
