"""The primary softmax against a slow reference, full and sampled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.cases import noisy_towers  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight.training.batches import Batches  # noqa: E402
from sidelight.training.objectives.softmax import Softmax  # noqa: E402

CONTENT = (sl.Text("title", min_df=1),)

FULL = sl.TrainingOptions(batch_size=32, min_steps=4, task_items=20)

SAMPLED = replace(FULL, full_softmax_limit=1, negatives=30)

Towers = Any


@pytest.mark.parametrize(
    "options", [FULL, SAMPLED, replace(SAMPLED, views=0.4)], ids=["full", "sampled", "views"]
)
def test_the_primary_loss_is_the_formula(split: sl.Split, options: sl.TrainingOptions) -> None:
    """Another user's target and a negative are one of n in N; a user's own targets are there for certain."""
    towers, data = noisy_towers(split), Batches.of(split, options)
    batch = data.make(2, towers)
    n, everything = len(batch.items), len(data.touched)
    assert (n < everything) == (options.full_softmax_limit == 1)
    vectors = batch.vectors.detach().numpy().astype(np.float64)
    default = towers.default.detach().numpy().astype(np.float64)
    scale = float(towers.log_scale.exp().detach())
    total = 0.0
    for place in range(len(batch.users)):
        inputs = [r for r in batch.history[place].tolist() if r >= 0]
        targets = [r for p, r in batch.targets.tolist() if p == place]
        user = default + vectors[inputs].sum(axis=0) / max(1, len(inputs)) ** 0.5
        if batch.views is not None:
            user = user + batch.views[place].detach().numpy()
        logits = scale * vectors @ user
        terms = {}
        for j in range(n):
            if j not in inputs:
                terms[j] = logits[j] if j in targets else logits[j] + np.log(everything / n)
        log_sum = np.log(sum(np.exp(z) for z in terms.values()))
        total += sum(log_sum - terms[t] for t in targets) / max(1, len(targets)) ** 0.5
    found = float(Softmax().build(split, towers)(batch, towers).detach().sum())
    assert found == pytest.approx(total / len(batch.users), rel=1e-4)
