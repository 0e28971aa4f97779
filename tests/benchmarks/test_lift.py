"""A cell fits each model once, and the table says what the cells hold."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
if "fitted" not in inspect.signature(__import__("sidelight").Blend.fit).parameters:
    pytest.skip("a Blend that takes fitted models is needed", allow_module_level=True)

import arms
import lift

import sidelight as sl
from sidelight.data.synthetic import make_synthetic
from sidelight.evaluation.test_access_log import read_test_accesses
from sidelight.experiment.bootstrap import crossed_intervals
from sidelight.experiment.run_arm import thinned

# Small cells are thin, and a blend says so.
pytestmark = pytest.mark.filterwarnings("ignore:Blend. weights on")
FITS: list[tuple[Any, bytes]] = []


@dataclass(frozen=True)
class Counted:
    """A model that notes what it was fitted on."""

    power: float = 3.0

    def fit(self, split: sl.Split, progress: Any = None) -> sl.Recommender:
        FITS.append((self, split.train.tobytes()))
        assert len(split.sealed) == 0, "a fit could see the test part"
        return sl.ContentKNN((sl.Text("title", min_df=1),), power=self.power, neighbours=20).fit(split)


@pytest.fixture(scope="module")
def split() -> sl.Split:
    return sl.split.temporal(make_synthetic(400, 80, 8000, seed=2).data)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, split: sl.Split, tmp_path: Path) -> Path:
    """A small grid in place of the real one."""
    options = sl.TrainingOptions(epochs=1, batch_size=64, min_steps=2, task_items=20)
    towers = sl.TwoTower((sl.Text("title", min_df=1),), dim=8, options=options)
    monkeypatch.setattr(lift, "towers", lambda name: (towers, towers.with_tasks(sl.Reconstruction())))
    monkeypatch.setattr(
        sl, "automatic", lambda given: sl.Blend((sl.Popular(), Counted()), depth=20, users=60)
    )
    monkeypatch.setattr(arms, "SETS", {"made": lambda folder: split})
    FITS.clear()
    return tmp_path / "cells"


def test_a_cell_fits_each_model_once_and_opens_the_test_part_once_an_arm(split: sl.Split, made: Path) -> None:
    lift.measure("made", split, 0.5, 0, made, {})
    assert len(set(FITS)) == len(FITS), "a model was fitted twice on the same events"
    cell = json.loads((made / "made" / "0.5-0.json").read_text())
    wanted = ["primary", "augmented", "blend", "blend + primary", "blend + augmented"]
    assert list(cell["seconds"]) == wanted
    assert len(read_test_accesses(made / "made.openings.jsonl")) == len(wanted)
    thin = thinned(split, 0.5, 0)
    assert (cell["train"], cell["validation"]) == (len(thin.train), len(thin.validation))
    values = np.load(made / "made" / "0.5-0.npz")
    activity = np.bincount(split.data.interactions.user[thin.train], minlength=split.data.n_users)
    assert (values["activity"] <= activity).all() and (values["activity"] > 0).any()
    # What is there is not made again, and another model's cell is not taken for it.
    fits = len(FITS)
    lift.measure("made", split, 0.5, 0, made, {})
    assert len(FITS) == fits and len(read_test_accesses(made / "made.openings.jsonl")) == len(wanted)


def test_another_models_cell_is_refused(split: sl.Split, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lift.measure("made", split, 0.5, 0, made, {})
    monkeypatch.setattr(lift, "signals", lambda name, split: (Counted(1.0),))
    with pytest.raises(SystemExit, match="found another"):
        lift.measure("made", split, 0.5, 0, made, {})


def test_signals_make_an_arm_of_their_own(
    split: sl.Split, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "blend + signals" not in lift.blends("made", split)
    monkeypatch.setattr(lift, "signals", lambda name, split: (Counted(1.0),))
    found = lift.blends("made", split)
    assert found["blend + signals"].components == (*found["blend"].components, Counted(1.0))
    for arm, tower in zip(("blend + primary", "blend + augmented"), lift.towers("made"), strict=True):
        assert found[arm].components == (*found["blend"].components, tower)


def test_a_grid_is_measured_and_collected(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "lift.json"
    line = ["lift.py", "--data", str(tmp_path), "-o", str(out), "--folder", str(made)]
    line += ["--seeds", "2", "--levels", "1", "0.3", "--sets", "made"]
    monkeypatch.setattr("sys.argv", [*line, "--collect"])
    with pytest.raises(SystemExit, match="missing"):
        lift.main()
    monkeypatch.setattr("sys.argv", line)
    lift.main()
    found = json.loads(out.read_text())
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == found
    figures = found["figures"]
    for where in ("made 100%", "made 30%"):
        for side in ("overall", "warm"):
            gap = figures[f"{where}.{side}.blend + augmented over blend + primary"]
            two = figures[f"{where}.{side}.blend + augmented"] - figures[f"{where}.{side}.blend + primary"]
            assert gap == pytest.approx(two)
            low, high = found["intervals"][f"{where}.{side}.blend"]
            assert low <= figures[f"{where}.{side}.blend"] <= high
    cells = "blend + augmented over blend + primary: overall cells {} 0, of 2"
    assert figures[cells.format("above")] + figures[cells.format("below")] <= 2
    assert found["events"]["made 30%"]["validation"] < found["events"]["made 100%"]["validation"]
    # The mean of a cell is that of its evaluations.
    values = [np.load(made / "made" / f"0.3-{seed}.npz")["primary|overall"] for seed in (0, 1)]
    assert figures["made 30%.overall.primary"] == pytest.approx(np.concatenate(values).mean())


def test_intervals_are_those_of_the_library_where_everybody_is_in() -> None:
    rng = np.random.default_rng(0)
    values = rng.gamma(0.5, 0.2, (1, 4, 2, 300))
    inside = np.ones((1, 4, 300), dtype=bool)
    means = lift.resampled(values, inside)
    assert means.shape == (1 + lift.RESAMPLES, 1, 2)
    for arm, known in enumerate(crossed_intervals(values[0].transpose(1, 0, 2))):
        low, high = np.quantile(means[1:, 0, arm], [0.025, 0.975])
        assert means[0, 0, arm] == pytest.approx(known.mean)
        width = known.high - known.low
        assert (low, high) == pytest.approx((known.low, known.high), abs=0.06 * width)


def test_a_slice_counts_only_who_is_in_it() -> None:
    """Users of activity change with the draw of clicks: each run counts its own."""
    rng = np.random.default_rng(1)
    inside = rng.random((2, 3, 200)) < 0.3
    inside[1] = False
    values = rng.random((2, 3, 1, 200)) * inside[:, :, None]
    means = lift.resampled(values, inside, n=500)
    assert means[0, 0, 0] == pytest.approx(values[0, :, 0][inside[0]].mean())
    assert 0 < means[1:, 0, 0].std() < 0.1
    assert np.isnan(means[:, 1]).all()


def test_slices_of_activity_part_the_users(split: sl.Split, made: Path) -> None:
    for seed in (0, 1):
        lift.measure("made", split, 0.1, seed, made, {})
    found, values, inside = lift.stacked([made / "made" / f"0.1-{seed}.json" for seed in (0, 1)])
    assert found == ["primary", "augmented", "blend", "blend + primary", "blend + augmented"]
    at = {name: place for place, name in enumerate(lift.SLICES)}
    parts = [inside[at[f"activity {name}"]] for name in lift.ACTIVITY]
    assert np.array_equal(np.sum(parts, axis=0), inside[at["overall"]])
    assert sum(part.any() for part in parts) >= 3
    assert np.allclose(sum(values[at[f"activity {n}"]] for n in lift.ACTIVITY), values[at["overall"]])


def test_the_same_users_are_judged_in_every_cell(split: sl.Split) -> None:
    log = split.data.interactions
    few = [lift.judged(thinned(split, keep, seed), 50) for keep, seed in ((1.0, 0), (0.5, 0), (0.5, 1))]
    users = {tuple(np.unique(log.user[each.sealed])) for each in few}
    assert len(users) == 1 and len(next(iter(users))) == 50
    assert np.array_equal(few[0].sealed, few[1].sealed)
    own = log.user[split.sealed]
    assert len(few[0].sealed) == np.isin(own, list(next(iter(users)))).sum()  # each with all they chose
    assert np.array_equal(few[0].train, split.train) and lift.judged(split) is split


def test_arms_differ_in_their_tasks_and_the_default_rule_alone() -> None:
    for name in lift.arms.SETS:
        primary, augmented = lift.towers(name)
        assert augmented.weighting == sl.ValidationGuided() and augmented.tasks
        assert replace(augmented, tasks=(), weighting=primary.weighting) == primary
