"""Inputs of item parts: which items are touched, and what is not measured."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

pytest.importorskip("torch")

from sidelight.towers.item_inputs import ItemInputs


def test_touched_items_are_those_with_training_interactions() -> None:
    rows = np.array([[0, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]], dtype=np.float32)
    touched = ItemInputs([], sp.csr_matrix(rows), 4).touched
    assert touched.dtype == bool and touched.tolist() == [False, True, False, True]


@pytest.mark.parametrize("shape", [(0, 3), (2, 3)])
def test_without_interactions_nothing_is_touched(shape: tuple[int, int]) -> None:
    assert ItemInputs([], sp.csr_matrix(shape, dtype=np.float32), 4).touched.tolist() == [False] * 3


def test_evidence_is_empty_unless_it_was_measured() -> None:
    inputs = ItemInputs([], sp.csr_matrix((1, 1), dtype=np.float32), 4)
    assert inputs.device == "cpu" and not inputs.evidence
