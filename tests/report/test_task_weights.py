"""Paths of loss weights: a chart per task, ends and extremes in a table."""

from __future__ import annotations

from report import made_record

from sidelight.report.load_record import load_record
from sidelight.report.task_weights import learning


def test_a_path_is_summed_up_by_first_least_largest_and_last() -> None:
    record = made_record.made()
    arm = record["arms"][1]["name"]
    path = {
        "arm": arm,
        "keep": 1.0,
        "seed": 0,
        "task": "labels",
        "step": [0, 1, 2, 3],
        "weight": [0.5, 0.9, 0.1, None],
    }
    record["weights"] = [path]
    [found] = learning(load_record(record))["arms"]
    assert [panel["task"] for panel in found["panels"]] == ["labels"]
    assert found["rows"] == [
        {"task": "labels", "seed": 0, "cells": ["0.5000", "0.1000", "0.9000", "0.1000"], "points": 3}
    ]
    assert learning(load_record(record))["silent"] == [record["arms"][0]["name"]]
