"""The printed table of an evaluation."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation.cases import run
from made_splits import Fixed, split_of

from sidelight.errors import SpecError
from sidelight.evaluation import evaluate


def test_the_table_shows_every_slice_and_what_is_missing():
    found = run()
    text = str(found)
    assert text.startswith("validation part")
    for word in (
        "cold",
        "warm",
        "overall",
        "item:brand=a",
        "recall@7",
        "cold_slots@7",
        "cold_relevance",
        "gini@7",
    ):
        assert word in text, word
    for k in found.ks:  # every cut-off that was asked for, unless one is
        shown = {f"recall@{k}", f"ndcg@{k}", f"gini@{k}", f"exposure@{k}"}
        assert all(word in text and word in found.table(k=k) for word in shown)
        assert not any(f"@{other} " in found.table(k=k) for other in found.ks if other != k)
    intervals = found.intervals(n=100)
    assert str(intervals["cold.recall@7"]) in found.table(intervals)
    with pytest.raises(SpecError, match="cut-off"):
        found.table(k=4)
    split = split_of(np.array([[1, 2, 2]]), np.zeros(3, bool))
    warm_only = evaluate(Fixed(np.zeros((1, 3), np.float32), split.histories().matrix()), split, ks=(1,))
    assert "no cold slice: no user has a relevant cold item" in str(warm_only)
