"""Figures and differences: those of single evaluations."""

from __future__ import annotations

import pytest
from experiment.made_arms import ARMS, Noisy

import sidelight as sl
from sidelight.evaluation import bootstrap_interval, evaluate, sign_flip_test
from sidelight.evaluation.statistics import holm
from sidelight.experiment.arms import seeded
from sidelight.experiment.figures import Contrast, adjusted


def test_equal_arms_do_not_differ(split: sl.Split) -> None:
    found = sl.compare(split, {"one": Noisy(0.3), "two": Noisy(0.3)}, seeds=3, keep=(1.0, 0.5))
    assert found.differences()
    for each in found.differences():
        assert (each.mean, each.low, each.high, each.up, each.down) == (0, 0, 0, 0, 0)
        assert (each.p, each.p_holm) == (1, 1)
    assert "did not differ clearly" in found.to_dict()["answer"]["sentence"]
    assert found.to_dict()["arms"][1]["differs"] == []


def test_differences_are_those_of_single_evaluations(split: sl.Split) -> None:
    found = sl.compare(split, ARMS, seeds=1)
    one, two = (evaluate(seeded(spec, 0).fit(split), split) for spec in ARMS.values())
    by_slice = {each.slice: each for each in found.differences()}
    assert {"overall", "cold", "warm", "user:activity=10-49"} <= set(by_slice)
    for name in ("overall", "warm"):
        gap = two.values[name]["ndcg@20"] - one.values[name]["ndcg@20"]
        each, users = by_slice[name], bootstrap_interval(gap)
        assert each.mean == pytest.approx(gap.mean())
        assert (each.low, each.high) == pytest.approx((users.low, users.high), abs=0.004)
        assert each.p == sign_flip_test(gap, 4000)
        assert (each.users, each.left_out) == (len(gap), 0)
        assert (each.up, each.down) == pytest.approx(((gap > 0).mean(), (gap < 0).mean()))
    for main in (True, False):
        family = [each for each in by_slice.values() if (each.slice in ("overall", "cold", "warm")) == main]
        assert len(family) > 1
        assert [e.p_holm for e in family] == pytest.approx(list(holm([e.p for e in family])))
    figures = {(e.arm, e.slice, e.metric): e for e in found.figures()}
    for name, value in one.figures().items():
        part, _, metric = name.rpartition(".")
        if ("noisy", part, metric) in figures:
            assert figures["noisy", part, metric].mean == pytest.approx(value, nan_ok=True), name
    for metric in ("novelty@10", "cold_slots@20", "cold_relevance"):
        assert figures["plain", "overall", metric].low is not None
    for metric in ("coverage@10", "gini@20", "popularity_lift@20"):
        assert figures["plain", "overall", metric].low is None


def test_a_mirrored_difference_is_the_same_seen_from_the_other_arm() -> None:
    found = Contrast("new", 1.0, "overall", "ndcg@20", 0.02, 0.01, 0.04, 0.001, 0.002, 50, 0, 0.6, 0.1)
    turned = found.mirrored("old")
    assert (turned.mean, turned.low, turned.high, turned.up, turned.down) == (-0.02, -0.04, -0.01, 0.1, 0.6)
    assert (found.verdict, turned.verdict) == ("better", "worse")
    assert turned.mirrored("new") == found


def test_main_slices_and_groups_are_adjusted_apart() -> None:
    def each(name: str, p: float) -> Contrast:
        return Contrast("a", 1.0, name, "ndcg@20", 0.1, 0.0, 0.2, p, p, 50, 0, 0.5, 0.5)

    found = adjusted([each("overall", 0.01), each("cold", 0.02), each("user:city=A", 0.03)])
    assert [each.p_holm for each in found] == [0.02, 0.02, 0.03]
