"""The record: contents for a report, and the answer in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from experiment.made_arms import ARMS, Counts, Noisy

import sidelight as sl
from sidelight.evaluation import sign_flip_test
from sidelight.experiment import to_record as record_module
from sidelight.experiment.figures import Contrast
from sidelight.experiment.to_record import smallest_visible


def test_the_answer_agrees_with_the_adjusted_tests_and_speaks_of_all_arms(split: sl.Split) -> None:
    arms = {"bad": Noisy(9.0), "good": Counts(), "worse": Noisy(99.0), "twin": Noisy(9.0)}
    found = sl.compare(split, arms, seeds=2)
    said = found.to_dict()["answer"]
    gaps = {e.arm: e for e in found.differences() if e.slice == "overall"}
    assert said["verdict"] == gaps["good"].verdict == "better" and gaps["good"].p_holm < 0.05
    assert (
        gaps["twin"].verdict == "unclear" and "'twin'" in said["sentence"] and "'worse'" in said["sentence"]
    )
    assert said["power"]["tests"] == len(found.differences())
    assert said["power"]["sentence"] in str(found)
    for each in found.differences():
        clear = each.users >= 10 and each.p_holm < 0.05 and (each.low > 0 or each.high < 0)
        assert (each.verdict in ("better", "worse")) == clear
    assert all(e.verdict == "few" for e in found.differences() if e.users < 10)
    lucky = replace(gaps["good"], p_holm=0.06)
    assert lucky.verdict == "unclear"
    assert "once corrected for all arms" in record_module._sentence(found, "bad", lucky)


def test_the_stated_power_is_that_of_the_test() -> None:
    rng = np.random.default_rng(0)
    gaps = [rng.normal(0, 1, 100) for _ in range(200)]
    width = 2 * 1.96 / 10
    gap = Contrast("a", 1.0, "overall", "ndcg@20", 0.0, -width / 2, width / 2, 1.0, 1.0, 100, 0, 0.5, 0.5)
    smallest = record_module.power(gap, 1)["smallest"]
    assert np.mean([sign_flip_test(each + smallest, 400) < 0.05 for each in gaps]) == pytest.approx(
        0.8, abs=0.08
    )
    assert record_module.power(gap, 20)["smallest"] > smallest
    assert record_module.power(replace(gap, low=0.0, high=0.0), 1) is None


def test_gain_and_loss_are_said(split: sl.Split) -> None:
    gain = sl.compare(split, {"bad": Noisy(9.0), "good": Counts()}, seeds=3).to_dict()["answer"]
    loss = sl.compare(split, {"good": Counts(), "bad": Noisy(9.0)}, seeds=3).to_dict()["answer"]
    assert gain["low"] > 0 > loss["high"]
    assert gain["mean"] == pytest.approx(-loss["mean"])
    assert f"With 'good', NDCG@20 of the one list rose by {gain['mean']:.4f}" in gain["sentence"]
    bounds = f"(95 % interval {-loss['high']:.4f} to {-loss['low']:.4f}) below 'good'"
    assert f"fell by {-loss['mean']:.4f} {bounds}" in loss["sentence"]
    one = sl.compare(split, {"bad": Noisy(9.0), "good": Counts()}, seeds=1)
    assert "one seed" in str(one)
    assert "one seed" not in gain["sentence"]


def test_the_record_holds_what_a_report_needs(split: sl.Split) -> None:
    calls: list[tuple[int, int, str]] = []
    found = sl.compare(split, ARMS, seeds=2, progress=lambda *call: calls.append(call)).to_dict()
    assert found["arms"][1]["differs"][0].startswith("model: Counts(")
    assert found["data"]["users"] == 150 and found["split"]["rule"] == "temporal"
    assert found["data"]["density"] == pytest.approx(2500 / (150 * 60))
    assert {run["arm"] for run in found["runs"]} == set(ARMS) and len(found["runs"]) == 3
    assert all(run["seconds"] >= 0 and len(run["spec_hash"]) == 64 for run in found["runs"])
    groups = [line for line in found["exposure"] if line["arm"] == "plain"]
    assert groups[0]["group"] == "new"
    assert sum(line["exposure"] for line in groups) == pytest.approx(1)
    assert sum(line["relevance"] for line in groups) == pytest.approx(1)
    assert len(found["examples"]) == 6
    histories, truth = split.histories().matrix(), split.truth()
    for each in found["examples"]:
        user = int(split.data.user_index([each["user"]])[0])
        own = {str(split.data.item_ids[i]) for i in histories[user].indices}
        right = {str(split.data.item_ids[i]) for i in truth[user].indices}
        assert {row["item"] for row in each["history"]} <= own
        assert set(each["lists"]) == set(ARMS)
        for row in each["lists"]["plain"]:
            assert row["relevant"] == (row["item"] in right)
            assert row["item"] not in own and row["title"]
    runs = [call for call in calls if call[2].startswith("runs | ")]
    assert [done for done, _, _ in runs] == [0, 1, 2, 3] and {total for _, total, _ in runs} == {3}
    assert any(label == "evaluate" for _, _, label in calls)


def test_the_least_that_could_be_seen_is_seen_four_times_in_five() -> None:
    error = 0.0007
    least = smallest_visible(-1.96 * error, 1.96 * error)
    found = least + error * np.random.default_rng(0).standard_normal(100_000)
    assert np.mean(found - 1.96 * error > 0) == pytest.approx(0.8, abs=0.01)
