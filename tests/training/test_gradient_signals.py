"""The validation signal against its formula."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")


from training.cases import noisy_towers  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight.losses import SHARPNESS  # noqa: E402
from sidelight.training.gradient_signals import USERS, ValidationGradient  # noqa: E402
from sidelight.training.validation_scores import item_vectors  # noqa: E402


def test_the_validation_signal_is_the_formula(split: sl.Split) -> None:
    """Of each side the least surprise over the grid of sharpness, which is not that of the towers."""
    towers, steering = noisy_towers(split).eval(), ValidationGradient.of(split, 0)
    vectors = item_vectors(towers).numpy().astype(np.float64)
    default = towers.default.detach().numpy()
    users = np.stack(
        [default + vectors[r.indices].sum(axis=0) / r.nnz**0.5 for r in steering.histories.matrix()]
    )
    scale = float(towers.log_scale.exp().detach())
    wanted, own = [], []
    for items, truth in steering.sides:
        surprise = {}
        for sharp in SHARPNESS:
            logits = sharp * scale * users @ vectors[items].T
            log_sum = np.log(np.exp(logits).sum(axis=1))
            surprise[sharp] = np.mean(
                [log_sum[u] - logits[u, i] for u, i in zip(*truth.nonzero(), strict=True)]
            )
        wanted.append(min(surprise.values()))
        own.append(surprise[1.0])
    assert len(steering.users) < USERS and len(wanted) == 2
    found = [float(loss.detach()) for loss in steering.losses(0, towers)]
    assert found == pytest.approx(wanted, rel=1e-4) and found != pytest.approx(own, rel=1e-2)
