"""Every part that the package ships has a row in the ledger, and a row says what there is to say."""

from __future__ import annotations

import dataclasses
import importlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

import ledger

import sidelight as sl
from sidelight.data.synthetic import make_synthetic
from sidelight.experiment import runs
from sidelight.experiment.run_arm import EvaluationPlan, Runner


def test_every_part_has_a_row() -> None:
    assert set(ledger.ROWS) == ledger.shipped()


def test_parts_are_found_by_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task in a file that nobody has named anywhere is found; what is private or half a task is not."""
    room = tmp_path / "made_room"
    room.mkdir()
    (room / "__init__.py").write_text("")
    (room / "fresh.py").write_text(
        "from dataclasses import dataclass\n"
        "from typing import ClassVar\n"
        "from sidelight.tasks.contrastive import Contrastive\n"
        "@dataclass(frozen=True)\nclass Fresh:\n    uses_clicks: ClassVar[bool] = False\n"
        "    def build(self): ...\n"
        "@dataclass(frozen=True)\nclass _Inner:\n    uses_clicks: ClassVar[bool] = False\n"
        "    def build(self): ...\n"
        "@dataclass(frozen=True)\nclass Half:\n    def build(self): ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("made_room")
    try:
        assert list(ledger.specs(module, "build", "uses_clicks")) == ["Fresh"]
    finally:
        for name in [name for name in sys.modules if name.startswith("made_room")]:
            del sys.modules[name]


def test_both_halves_of_a_file_are_parts() -> None:
    found = ledger.shipped()
    halves = {"CrossModalPrediction", "NextContent", "GateSparsity", "Decorrelation"}
    assert {f"task {name}" for name in halves | {"SensitiveRemoval", "UserAttribute"}} <= found
    assert {"draw uniform", "draw richness", "input users", "input context", "combine Sum"} <= found


def test_a_field_of_the_model_is_a_part_or_has_none() -> None:
    fields = {field.name for field in dataclasses.fields(sl.TwoTower)}
    assert fields >= ledger.SHAPE
    assert {f"input {name}" for name in fields - ledger.SHAPE} == {
        name for name in ledger.ROWS if name.startswith("input ")
    }


def test_a_row_differs_from_its_baseline_in_its_part_alone() -> None:
    for name, row in ledger.ROWS.items():
        if row.arm is None:
            continue
        assert len(row.sets) == 2, name
        for data in row.sets:
            base, arm = row.base(data), row.arm(data)
            changed = {
                f.name for f in dataclasses.fields(arm) if getattr(arm, f.name) != getattr(base, f.name)
            }
            kind, _, part = name.partition(" ")
            field = {"task": "tasks", "weighting": "weighting", "combine": "combine", "draw": "options"}
            if part == "ForkMerge":  # a schedule in the place of a weighting
                field["weighting"] = "schedule"
            assert changed - {"sensitive"} == {field.get(kind, part)}, name
            if kind == "task":
                assert [type(task).__name__ for task in arm.tasks] == [part]
            elif kind == "weighting":
                assert type(getattr(arm, field["weighting"])).__name__ == part
            elif kind == "combine":
                assert arm.combine.aggregator == part


def test_a_row_is_measured_and_what_does_nothing_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = sl.split.temporal(make_synthetic(150, 60, 2500, seed=2).data)
    options = sl.TrainingOptions(epochs=1, batch_size=64, min_steps=3, task_items=20)

    def alone(name: str) -> sl.TwoTower:
        return sl.TwoTower((sl.Text("title", min_df=1),), dim=8, options=options)

    def taught(name: str) -> sl.TwoTower:
        return replace(alone(name), tasks=(sl.Reconstruction(weight=5.0),))

    def idle(name: str) -> sl.TwoTower:
        return replace(alone(name), tasks=(sl.GateSparsity(weight=0.0),))

    rows = {"task A": ledger.Row(taught, alone, ("made",)), "task B": ledger.Row(idle, alone, ("made",))}
    monkeypatch.setattr(ledger, "ROWS", rows)
    place = runs.begin(tmp_path / "made")
    bench = Runner(
        split, EvaluationPlan("test", True, place / "log.jsonl", (20,), ("ndcg",), ()), place, None
    )
    figures, intervals = {}, {}
    lines = ledger.measure(bench, "task A", "made", range(2), figures, intervals)
    lines += ledger.measure(bench, "task B", "made", range(2), figures, intervals)
    assert [line[:3] for line in lines] == [["task A", "made", k] for k in ("100%", "10%")] + [
        ["task B", "made", k] for k in ("100%", "10%")
    ]
    assert set(intervals) <= set(figures)
    for level in ("100%", "10%"):
        assert figures[f"task A, made {level}.overall.lists changed"] > 0
        assert figures[f"task B, made {level}.overall.lists changed"] == 0
        assert intervals[f"task B, made {level}.overall.gain"] == (0, 0)
        low, high = intervals[f"task A, made {level}.overall.gain"]
        assert low <= figures[f"task A, made {level}.overall.gain"] <= high
    assert "task B" in ledger._nowhere(intervals)
    made = {path.name: path.stat().st_mtime_ns for path in (place / runs.RUNS).iterdir()}
    assert len(made) == 3 * 2 * 2  # the baseline is shared
    again: dict[str, float] = {}
    assert ledger.measure(bench, "task A", "made", range(2), again, {}) == lines[:2]
    assert {p.name: p.stat().st_mtime_ns for p in (place / runs.RUNS).iterdir()} == made


def test_counts_are_of_the_one_list() -> None:
    cells = {"a, x 100%.overall.gain": (0.1, 0.2), "a, x 100%.cold.gain": (0.1, 0.2)}
    cells |= {"b, x 10%.overall.gain": (-0.2, -0.1), "c, x 10%.overall.gain": (-0.1, 0.1)}
    assert ledger._counts(cells) == {"cells": 3, "cells_above_zero": 1, "cells_below_zero": 1}
    assert ledger._nowhere(cells) == ["b", "c"]
