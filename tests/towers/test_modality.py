"""Modalities as tensors: rows of a CSR matrix and of an array give what went in."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from sidelight.content.features import Features  # noqa: E402
from sidelight.towers.modality import Modality  # noqa: E402

VALUES = np.array([[0, 2, 0], [0, 0, 0], [1, 0, 3], [0, 0, 5]], dtype=np.float32)
PRESENT = np.array([True, False, True, True])


def sparse(values: np.ndarray = VALUES, present: np.ndarray = PRESENT) -> Modality:
    return Modality.of(Features("words", sp.csr_matrix(values), present, ("a", "b", "c")[: values.shape[1]]))


def dense() -> Modality:
    return Modality.of(Features("vector", VALUES.astype(np.float64), PRESENT))


@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 3)),
    items=st.lists(st.integers(0, 5), max_size=8),
    seed=st.integers(0, 99),
)
def test_rows_and_dense_are_those_of_the_matrix(shape: tuple[int, int], items: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = (rng.standard_normal(shape) * (rng.random(shape) < 0.4)).astype(np.float32)
    chosen = [i for i in items if i < shape[0]]
    made = sparse(values, values.any(axis=1))
    index, weight, row = made.rows(torch.tensor(chosen, dtype=torch.int64))
    wanted = [(r, c, values[i, c]) for r, i in enumerate(chosen) for c in range(shape[1]) if values[i, c]]
    assert list(zip(row.tolist(), index.tolist(), weight.tolist(), strict=True)) == wanted
    found = made.dense(torch.tensor(chosen, dtype=torch.int64)).numpy()
    np.testing.assert_array_equal(found, values[chosen])


def test_dense_features_become_float32() -> None:
    found = dense().dense(torch.tensor([2, 0, 2]))
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found, VALUES[[2, 0, 2]])


def test_what_features_say_is_kept() -> None:
    words, vector = sparse(), dense()
    assert (words.name, words.dim, words.names, words.sparse) == ("words", 3, ("a", "b", "c"), True)
    assert (vector.name, vector.dim, vector.names, vector.sparse) == ("vector", 3, (), False)
    assert words.present.tolist() == vector.present.tolist() == PRESENT.tolist()


def test_a_dense_modality_has_no_rows() -> None:
    with pytest.raises(TypeError, match="vector is dense"):
        dense().rows(torch.tensor([0]))


@pytest.mark.parametrize("modality", [sparse(), dense()], ids=["sparse", "dense"])
def test_a_missing_modality_is_absent_from_every_item(modality: Modality) -> None:
    gone = modality.missing()
    assert gone.nowhere and not gone.present.any() and gone.present.shape == (4,)
    assert not modality.nowhere and modality.present.sum() == 3
    assert (gone.name, gone.dim, gone.names) == (modality.name, modality.dim, modality.names)


def test_entries_of_one_cell_are_added() -> None:
    twice = sp.csr_matrix((np.array([1, 2], dtype=np.float32), [1, 1], [0, 2]), shape=(1, 3))
    found = Modality.of(Features("words", twice, np.array([True]))).dense(torch.tensor([0]))
    assert found.tolist() == [[0.0, 3.0, 0.0]]
