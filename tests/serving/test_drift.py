"""Drift of histories and scores against the reference of a version."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import served

from sidelight.serving.drift import DriftReference, HistogramBins
from sidelight.serving.requests import RecommendRequest


def test_drift_is_small_for_the_usual_and_large_for_others(tmp_path):
    with served.engine(tmp_path, "content_knn", "ease") as engine:
        assert engine.status().drift.history_length is None
        for _ in range(3):
            engine.recommend_many([RecommendRequest(user=f"u{n:02d}") for n in range(1, 61)])
        usual = engine.status().drift
        assert usual.history_length < 0.1 and usual.scores < 0.1
        assert usual.unknown is None and usual.answers == 180
        rng = np.random.default_rng(0)
        ids = [f"i{n:02d}" for n in range(1, 81)]
        for _ in range(600):
            engine.recommend(RecommendRequest(history=(*rng.choice(ids, 60), "lost")))
        other = engine.status().drift
        assert other.history_length > 1.0 and other.scores > 0.2
        assert 0.01 < other.unknown < 0.05 and other.unknown == pytest.approx(other.unknown_before)


def psi(then, now):
    return sum((b - a) * np.log(b / a) for a, b in zip(then, now, strict=True))


def test_the_stability_index_is_its_formula():
    rng = np.random.default_rng(0)
    usual = rng.normal(size=2000)
    bins = HistogramBins.of(usual)
    for moved in (0.0, 0.5, 2.0):
        values = rng.normal(moved, 1, size=500)
        counts = [
            sum(1 for v in values if low <= v < high) + 0.5
            for low, high in zip([-np.inf, *bins.edges], [*bins.edges, np.inf], strict=True)
        ]
        assert bins.distance(values) == pytest.approx(psi(bins.shares, np.array(counts) / sum(counts)))
    assert bins.distance(usual) == pytest.approx(0.0, abs=1e-12)
    near, far = (bins.distance(rng.normal(m, 1, size=500)) for m in (0.0, 2.0))
    assert near < 0.1 < 1.0 < far
    assert HistogramBins.of(np.ones(50, dtype=np.int64)).distance([1.0] * 40) == pytest.approx(0.0, abs=0.01)


def test_a_model_nobody_has_used_has_no_reference():
    model = served.large(500, 8, 3)
    unused = replace(model.people, histories=model.people.histories.last(0))
    for people in (unused, None):
        found = DriftReference.of(replace(model, people=people))
        assert found.lengths is None and found.scores is None
