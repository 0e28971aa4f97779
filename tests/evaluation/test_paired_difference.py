"""Differences of two evaluations, paired by user."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation.cases import run

from sidelight.errors import DataError, SpecError
from sidelight.evaluation import differences
from sidelight.evaluation.statistics import holm


def test_differences_are_paired_and_adjusted():
    a, b = run(0), run(1)
    found = {d.name: d for d in differences(a, b, n=500)}
    assert set(found) == {f"{name}.ndcg@7" for name in a.slices}
    cold = found["cold.ndcg@7"]
    assert cold.interval.mean == pytest.approx(a.figures()["cold.ndcg@7"] - b.figures()["cold.ndcg@7"])
    assert [d.p_holm for d in found.values()] == list(holm([d.p for d in found.values()]))
    same = differences(a, a, names=["cold.recall@3"], n=100)[0]
    assert (same.interval.low, same.interval.mean, same.interval.high, same.p) == (0, 0, 0, 1)


def test_differences_refuse_what_cannot_be_paired():
    a, b = run(0), run(1)
    with pytest.raises(SpecError, match=r"did you mean 'cold.ndcg@7'"):
        differences(a, b, names=["cold.ndgc@7"])
    with pytest.raises(SpecError, match="no figure"):
        differences(a, b, names=["overall.coverage@7"])  # a total has no value a user
    b.values["overall"]["novelty@3"][:2] = np.nan
    with pytest.raises(DataError, match="defined for the same users"):
        differences(a, b, names=["overall.novelty@3"])
    b.users["cold"] = b.users["cold"] + 1
    with pytest.raises(DataError, match="the same users"):
        differences(a, b, names=["cold.ndcg@7"])
    b.info["data"] = "elsewhere"
    with pytest.raises(DataError, match="one split"):
        differences(a, b)
