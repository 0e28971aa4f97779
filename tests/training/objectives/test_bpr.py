"""`BPR` against its formula, with all negatives and with a few."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_towers import OPTIONS, small_split, small_towers  # noqa: E402

from sidelight.training.batches import Batches  # noqa: E402
from sidelight.training.objectives.bpr import BPR  # noqa: E402
from sidelight.training.objectives.objective import batch_logits  # noqa: E402


def test_all_negatives_give_the_formula_and_a_few_come_near_it() -> None:
    towers = small_towers().eval()
    batch = Batches.of(small_split(), OPTIONS).make(1, towers)
    logits = batch_logits(batch, towers)[0].detach().numpy().astype(np.float64)
    wanted = np.zeros(len(batch.users))
    for user in range(len(batch.users)):
        inputs = [r for r in batch.history[user].tolist() if r >= 0]
        targets = [r for p, r in batch.targets.tolist() if p == user]
        others = [j for j in range(logits.shape[1]) if j not in inputs and j not in targets]
        for t in targets:
            pairs = [np.log1p(np.exp(logits[user, j] - logits[user, t])) for j in others]
            wanted[user] += np.mean(pairs) / len(targets) ** 0.5 / len(wanted)
    whole = BPR(negatives=10**6).build(small_split(), towers)(batch, towers).detach().numpy()
    np.testing.assert_allclose(whole, wanted, rtol=1e-4)
    few = BPR(negatives=2).build(small_split(), towers)
    drawn = [float(few(batch, towers).sum().detach()) for _ in range(200)]
    assert np.mean(drawn) == pytest.approx(wanted.sum(), abs=5 * np.std(drawn) / 200**0.5)
    assert np.std(drawn) > 0
