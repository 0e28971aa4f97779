"""Fusion and id residual against slow references."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

torch = pytest.importorskip("torch")

from sidelight.content.features import Features  # noqa: E402
from sidelight.towers.fusion import Fusion, IdTable, mapped  # noqa: E402
from sidelight.towers.item_inputs import ItemInputs  # noqa: E402
from sidelight.towers.modality import Modality  # noqa: E402

RNG = np.random.default_rng(0)
ONE = np.ones(1, bool)


def test_sparse_and_dense_rows_are_mapped_alike() -> None:
    values = sp.random(5, 4, 0.5, dtype=np.float32, random_state=0).toarray()
    table = torch.as_tensor(RNG.standard_normal((4, 3)).astype(np.float32))
    rows = torch.tensor([4, 0, 0, 2])
    for form in (values, sp.csr_matrix(values)):
        modality = Modality.of(Features("x", form, np.ones(5, bool)))
        np.testing.assert_allclose(mapped(modality, table, rows), values[rows] @ table.numpy(), atol=1e-6)


def test_word_dropout_keeps_the_expectation() -> None:
    values = sp.csr_matrix(np.ones((1, 4000), dtype=np.float32))
    modality = Modality.of(Features("x", values, ONE))
    out = mapped(modality, torch.ones(4000, 1), torch.tensor([0]), 0.4, torch.Generator().manual_seed(0))
    assert float(out) == pytest.approx(4000, rel=0.05) and float(out) != 4000


def test_initial_maps_keep_angles() -> None:
    dense = RNG.standard_normal((6, 5)).astype(np.float32)
    inputs = ItemInputs([Features("x", dense, np.ones(6, bool))], sp.csr_matrix(np.ones((1, 6))), 8)
    fusion = Fusion(inputs, ONE, 0.0, 0.0, torch.Generator().manual_seed(0)).eval()
    out = fusion.project(0, torch.arange(6)).detach().numpy()
    np.testing.assert_allclose(out @ out.T, dense @ dense.T, atol=1e-4)


def test_ids_are_hidden_at_their_rate_in_training_only() -> None:
    inputs = ItemInputs([], sp.csr_matrix(np.ones((1, 2000))), 1)
    table = IdTable(inputs, 0.3)
    with torch.no_grad():
        table.ids.fill_(1.0)
    shown = table.train()(torch.arange(2000), torch.Generator().manual_seed(0))
    share = float(shown.detach().mean())
    assert 0.65 < share < 0.75
    assert table.eval()(torch.arange(2000)).all()
