"""Sparsity curves: one chart per slice, or per arm where there are many."""

from __future__ import annotations

import pytest
from report import made_record

from sidelight.report.load_record import load_record
from sidelight.report.sparsity import sparsity


@pytest.mark.parametrize(("shape", "panels", "legend"), [("few", 1, None), ("twelve", 11, 2)])
def test_many_arms_get_a_chart_each(shape: str, panels: int, legend: int | None) -> None:
    record = made_record.SHAPES[shape]()
    found = sparsity(load_record(record))
    assert found["few"] is (panels == 1)
    assert [len(each["panels"]) for each in found["slices"]] == [panels] * 3
    assert len(found["legend"]) == (legend or len(record["arms"]))


def test_the_gain_is_given_at_both_ends() -> None:
    record = made_record.few()
    found = sparsity(load_record(record))
    arm, metric = record["answer"]["arm"], record["metric"]
    gaps = {
        d["keep"]: d
        for d in record["differences"]
        if (d["arm"], d["slice"], d["metric"]) == (arm, "overall", metric)
    }
    for end, keep in (("full", max(gaps)), ("least", min(gaps))):
        assert found["said"][end]["mean"] == f"{gaps[keep]['mean']:+.4f}".replace("-", "\u2212")


def test_one_share_has_no_curve() -> None:
    assert sparsity(load_record(made_record.SHAPES["empty"]()))["slices"] == []
