"""Agreement of two rankings, against definitions and the sum that rank-biased overlap stands for."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation.cases import shown
from hypothesis import given
from hypothesis import strategies as st

from sidelight.errors import DataError, SpecError
from sidelight.evaluation.rank_overlap import overlap, rank_biased_overlap


def slow(a, b, p):
    """Extrapolated rank-biased overlap, equation 32 term by term."""
    short, long = sorted((list(a), list(b)), key=len)
    s, length = len(short), len(long)
    if s == 0:
        return float("nan")

    def x(d):
        return len(set(short[:d]) & set(long[:d]))

    total = sum(x(d) / d * p**d for d in range(1, length + 1))
    total += sum(x(s) * (d - s) / (s * d) * p**d for d in range(s + 1, length + 1))
    return (1 - p) / p * total + ((x(length) - x(s)) / length + x(s) / s) * p**length


@st.composite
def pairs(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, n_items = draw(st.integers(1, 6)), draw(st.integers(1, 15))
    out = []
    for _ in range(2):
        length = draw(st.integers(1, 10))
        items = np.full((n, length), -1, np.int32)
        for row in items:
            filled = int(rng.integers(0, min(length, n_items) + 1))
            row[:filled] = rng.permutation(n_items)[:filled]
        out.append(items)
    return out


@given(pairs(), st.sampled_from([0.5, 0.9, 0.98]))
def test_equals_the_definitions(lists, p):
    a, b = lists
    wanted = [slow(shown(x), shown(y), p) for x, y in zip(a, b, strict=True)]
    found = rank_biased_overlap(a, b, p)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    np.testing.assert_allclose(found, rank_biased_overlap(b, a, p))
    for x, y, value in zip(a, b, overlap(a, b), strict=True):
        either = set(shown(x)) | set(shown(y))
        wanted = len(set(shown(x)) & set(shown(y))) / len(either) if either else np.nan
        assert value == pytest.approx(wanted, nan_ok=True)


def test_equal_disjoint_and_top_heavy():
    a = np.arange(10, dtype=np.int32)[None]
    assert rank_biased_overlap(a, a)[0] == pytest.approx(1)
    assert rank_biased_overlap(a, a + 10)[0] == 0
    swapped_top, swapped_end = a.copy(), a.copy()
    swapped_top[0, :2] = [1, 0]
    swapped_end[0, -2:] = [9, 8]
    assert rank_biased_overlap(a, swapped_top)[0] < rank_biased_overlap(a, swapped_end)[0] < 1


def test_many_users_are_worked_on_in_blocks():
    rng = np.random.default_rng(0)
    a = np.stack([rng.permutation(300)[:200] for _ in range(250)]).astype(np.int32)
    b = np.stack([rng.permutation(300)[:200] for _ in range(250)]).astype(np.int32)
    for u in (0, 104, 105, 249):
        assert rank_biased_overlap(a, b)[u] == pytest.approx(slow(a[u], b[u], 0.9))
        assert overlap(a, b)[u] == pytest.approx(len(set(a[u]) & set(b[u])) / len(set(a[u]) | set(b[u])))


def test_wrong_questions_are_refused():
    a = np.zeros((2, 1), np.int32)
    with pytest.raises(SpecError, match="p"):
        rank_biased_overlap(a, a, p=1.0)
    with pytest.raises(DataError, match="same users"):
        overlap(a, a[:1])
