"""Losses against slow references."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")


from sidelight import losses  # noqa: E402
from sidelight.losses import SHARPNESS, temperature_free_nll  # noqa: E402

RNG = np.random.default_rng(0)


def tensor(*shape: int) -> torch.Tensor:
    return torch.as_tensor(RNG.standard_normal(shape).astype(np.float32))


def test_softmax_loss_is_the_formula() -> None:
    logits, targets = tensor(3, 5), [(0, 1), (0, 3), (2, 4)]
    hidden = torch.zeros(3, 5, dtype=torch.bool)
    hidden[0, 0] = hidden[2, 1] = True
    log_q = tensor(5)
    wanted = 0.0
    for row, column in targets:
        z = (logits[row] - log_q).numpy().astype(float)
        free = [z[j] for j in range(5) if not hidden[row, j]]
        count = sum(r == row for r, _ in targets)
        wanted += (np.log(np.sum(np.exp(free))) - z[column]) / np.sqrt(count) / 3
    found = losses.softmax_loss(logits, torch.tensor(targets), hidden, log_q)
    assert found.shape == (3,) and float(found.sum()) == pytest.approx(wanted, rel=1e-5)


def test_info_nce_is_the_formula() -> None:
    a, b = tensor(4, 3), tensor(4, 3)
    x, y = (v.numpy() / np.linalg.norm(v.numpy(), axis=1, keepdims=True) for v in (a, b))
    z = x @ y.T / 0.2
    rows = np.mean([np.log(np.exp(z[i]).sum()) - z[i, i] for i in range(4)])
    columns = np.mean([np.log(np.exp(z[:, i]).sum()) - z[i, i] for i in range(4)])
    assert float(losses.info_nce(a, b, 0.2)) == pytest.approx((rows + columns) / 2, rel=1e-4)


def test_soft_neighbours_is_a_divergence_without_the_item_itself() -> None:
    a, b = tensor(5, 5), tensor(5, 5)
    wanted = 0.0
    for i in range(5):
        others = [j for j in range(5) if j != i]
        p, q = (np.exp(np.array([m[i, j] for j in others], dtype=float) / 0.5) for m in (b, a))
        p, q = p / p.sum(), q / q.sum()
        wanted += float((p * np.log(p / q)).sum()) / 5
    assert float(losses.soft_neighbours(a, b, 0.5)) == pytest.approx(wanted, rel=1e-4)
    assert float(losses.soft_neighbours(b, b, 0.5)) == pytest.approx(0, abs=1e-6)


def test_sharpness_is_no_business_of_tasks() -> None:
    """Logits twice or half as sharp have the same loss, which is the least over the grid."""
    logits = torch.randn(30, 12, generator=torch.Generator().manual_seed(0))
    at, to = torch.arange(30), torch.arange(30) % 12
    logits[at, to] += 1.0
    logits *= 1.5  # too sure
    found = float(temperature_free_nll(logits, at, to))
    plain = [float(torch.nn.functional.cross_entropy(logits[at] * sharp, to)) for sharp in SHARPNESS]
    assert found == pytest.approx(min(plain), rel=1e-5) and found < plain[SHARPNESS.index(1.0)]
    for factor in (0.5, 2.0):
        assert float(temperature_free_nll(logits * factor, at, to)) == pytest.approx(found, rel=1e-3)


def test_bpr_loss_is_the_formula_and_invalid_negatives_are_left_out() -> None:
    logits, targets = tensor(3, 6), torch.tensor([(0, 1), (0, 3), (2, 4)])
    negatives = torch.tensor([[0, 2], [4, 5], [1, 0]])
    valid = torch.tensor([[True, True], [True, False], [False, False]])
    wanted = np.zeros(3)
    for at, (row, column) in enumerate(targets.tolist()):
        pairs = [
            np.log1p(np.exp(float(logits[row, j] - logits[row, column])))
            for j, ok in zip(negatives[at].tolist(), valid[at].tolist(), strict=True)
            if ok
        ]
        count = int((targets[:, 0] == row).sum())
        wanted[row] += (np.mean(pairs) if pairs else 0.0) / count**0.5 / 3
    found = losses.bpr_loss(logits, targets, negatives, valid).numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
