"""Clustering: swapped prediction of balanced assignments."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from tasks.cases import Made, array, assert_formula, softmax, still, teaches_nothing, there, unit  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight.errors import SpecError  # noqa: E402
from sidelight.tasks.clustering import balanced  # noqa: E402


def formula(made: Made) -> float:
    task, towers = made.task, made.towers
    drawn = [i for i in made.batch.drawn.tolist() if there(towers, torch.tensor([i])).any()]
    scores = array(towers.content(torch.tensor(drawn))) @ unit(array(made.module.prototypes)).T
    q = np.exp(scores / task.epsilon - np.max(scores / task.epsilon))
    for _ in range(task.rounds):
        q = q / q.sum(axis=0)
        q = q / q.sum(axis=1)[:, None]
    rows = zip(q, scores, strict=True)
    return float(np.mean([-(a * np.log(softmax(s / task.temperature))).sum() for a, s in rows]))


def test_the_loss_is_the_formula(split: sl.Split) -> None:
    assert_formula(split, sl.Clustering(prototypes=4, keep=1.0), formula)


@given(n=st.integers(2, 30), k=st.integers(2, 6), seed=st.integers(0, 99))
def test_every_prototype_gets_an_equal_share_of_the_items(n: int, k: int, seed: int) -> None:
    """Even where the largest logit of all items is that of the first prototype."""
    logits = torch.randn(n, k, generator=torch.Generator().manual_seed(seed))
    logits[:, 0] += 5
    found = balanced(logits, 100)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(n))
    torch.testing.assert_close(found.sum(dim=0), torch.full((k,), n / k), rtol=1e-2, atol=0)


def test_large_logits_stay_finite() -> None:
    found = balanced(torch.tensor([[1e4, 0.0], [1e4, 1.0], [1e4, -1.0]]), 3)
    assert torch.isfinite(found).all()


def test_one_item_is_no_cluster(split: sl.Split) -> None:
    made = still(split, sl.Clustering(prototypes=4))
    assert teaches_nothing(made.loss(drawn=made.batch.drawn[:1]))
    assert float(made.loss(drawn=made.batch.drawn[:2]).detach()) > 0


def test_one_prototype_is_refused() -> None:
    with pytest.raises(SpecError, match="option 'prototypes' of Clustering"):
        sl.Clustering(prototypes=1)
