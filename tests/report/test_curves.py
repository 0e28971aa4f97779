"""Line charts: a point for each value, a band for each arm, inside their frame."""

from __future__ import annotations

import numpy as np
import pytest
from report.drawings import inside, marked

from sidelight.report import curves
from sidelight.report.curves import Point, Series

KEEPS = (0.05, 0.1, 0.2, 0.5, 1.0)


def series(label: str, tone: int, values: list[float | None]) -> Series:
    points = [
        Point(k, v, None if v is None else v - 0.01, None if v is None else v + 0.01)
        for k, v in zip(KEEPS, values, strict=True)
    ]
    return Series(label, f"tone-{tone}", "circle", points)


def test_a_curve_has_a_point_for_each_value_and_a_band_for_each_arm() -> None:
    levels = [series("a", 0, [0.1, 0.12, 0.14, 0.15, 0.2]), series("b", 1, [0.2, None, 0.3, 0.31, 0.32])]
    gains = [series("b", 1, [0.1, None, 0.16, 0.16, 0.12])]
    ends = curves.ends_of(curves.values_of(levels)), curves.ends_of(curves.values_of(gains), zero=True)
    drawn = curves.curve("c", "Curve", levels, gains, "NDCG@20", ends)
    inside(drawn)
    assert len(marked(drawn, "dot")) == 5 + 4 + 4
    assert len(marked(drawn, "series")) == len(marked(drawn, "band")) == 3
    at = [float(dot.attrib["cx"]) for dot in marked(drawn, "dot")[:5]]
    steps = np.diff(at)
    # A log axis: halving takes the same room wherever it is.
    assert steps[0] == pytest.approx(steps[1], abs=0.3) and steps[1] == pytest.approx(steps[3], abs=0.3)


def test_weights_have_a_line_for_each_seed_and_one_for_the_mean() -> None:
    runs = [([0, 10, 20], [1.0, 0.5, 0.25]), ([0, 20], [0.5, 0.25]), ([0, 10], [None, None])]
    drawn = curves.weights("w", "Weights", runs, ((0, 20), (0.0, 1.0)))
    inside(drawn)
    assert len(marked(drawn, "seed")) == 2 and len(marked(drawn, "series")) == 1
    known = [
        (np.array([0.0, 10, 20]), np.array([1.0, 0.5, 0.25])),
        (np.array([0.0, 20]), np.array([0.5, 0.25])),
    ]
    steps, mean = curves.mean_line(known)
    assert steps.tolist() == [0, 10, 20] and mean.tolist() == [0.75, 0.4375, 0.25]
    assert marked(curves.weights("w", "Weights", runs[2:], ((0, 20), (0.0, 1.0))), "series") == []
