"""Runs of an arm: costs, thinned events, traces and checkpoints."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from experiment.made_arms import SEEN, Counts, Noisy, Watched, record

import sidelight as sl
from sidelight.errors import DataError
from sidelight.evaluation import evaluate
from sidelight.experiment.run_arm import thinned


def test_costs_are_measured_beside_gains(split: sl.Split) -> None:
    arms = {"few": sl.Popular(), "more": sl.EASE(), "bare": Counts()}
    found = {run["arm"]: run for run in sl.compare(split, arms, seeds=1).to_dict()["runs"]}
    for arm in ("few", "more"):
        assert found[arm]["megabytes"] > 0 and found[arm]["milliseconds"] > 0 and found[arm]["seconds"] > 0
    assert found["more"]["megabytes"] > max(found["few"]["megabytes"], 60 * 60 * 4 / 1e6)
    assert found["bare"]["megabytes"] is None and found["bare"]["milliseconds"] > 0


def test_validation_is_thinned_with_training_alike_for_all_arms(split: sl.Split) -> None:
    SEEN.clear()
    whole = len(split.train), len(split.validation)
    arms = {"one": Watched(), "two": Watched(1.0)}
    found = sl.compare(split, arms, seeds=1, keep=(1.0, 0.4))
    tenths = tuple(round(0.4 * size) for size in whole)
    assert [SEEN[0], SEEN[1], SEEN[2], SEEN[3]] == [whole, whole, tenths, tenths]
    assert [found.run("two", keep, 0).about["validation"] for keep in (1.0, 0.4)] == [whole[1], tenths[1]]
    assert found.to_dict()["thin_validation"] is True
    assert "training and validation events alike" in str(found)
    # Judged by all that was held out, whatever the models saw of it.
    sparse = replace(thinned(split, 0.4, 0), validation=split.validation)
    users = found.run("one", 0.4, 0).evaluation.users["overall"]
    assert np.array_equal(users, np.flatnonzero(sparse.truth().getnnz(axis=1)))


def test_validation_can_be_left_whole(split: sl.Split, tmp_path: Path) -> None:
    SEEN.clear()
    arms = {"one": Watched(), "two": Watched(1.0)}
    options = {"seeds": 1, "keep": (1.0, 0.4), "folder": tmp_path / "c"}
    found = sl.compare(split, arms, thin_validation=False, **options)
    assert {size for _, size in SEEN} == {len(split.validation)}
    assert found.to_dict()["thin_validation"] is False
    assert "training events only" in str(found)
    assert sl.Comparison.load(tmp_path / "c").about["thin_validation"] is False
    with pytest.raises(DataError, match="validation left whole"):
        sl.compare(split, arms, **options)


def test_thinned_events_are_nested_seeded_and_never_all(split: sl.Split) -> None:
    kept = [thinned(split, keep, 3) for keep in (0.1, 0.4)]
    for name in ("train", "validation"):
        few, more = (set(getattr(each, name).tolist()) for each in kept)
        assert few < more < set(getattr(split, name).tolist())
    assert np.array_equal(kept[0].sealed, split.sealed)
    assert kept[0].how["subsample"]["validation"] == len(kept[0].validation)
    assert not np.array_equal(thinned(split, 0.1, 4).validation, kept[0].validation)
    assert np.array_equal(thinned(split, 0.1, 3).validation, kept[0].validation)
    assert thinned(split, 1, 3) is split
    assert len(thinned(split, 1e-6, 3).validation) == 1
    assert len(thinned(replace(split, validation=split.validation[:0]), 0.1, 3).validation) == 0
    assert np.array_equal(thinned(split, 0.1, 3, validation=False).validation, split.validation)


def test_what_towers_noted_is_in_the_record_alone_and_in_a_blend(split: sl.Split) -> None:
    pytest.importorskip("torch")
    options = sl.TrainingOptions(epochs=2, batch_size=64, min_steps=4, task_items=20)
    towers = sl.TwoTower((sl.Text("title", min_df=1),), dim=8, options=options)
    taught = towers.with_tasks(sl.Reconstruction())
    blends = {"alone": sl.Blend((towers,), depth=20), "blend": sl.Blend((taught,), depth=20)}
    found = sl.compare(split, blends, seeds=1).to_dict()
    assert {line["arm"] for line in found["epochs"]} == set(blends)
    assert {line["epoch"] for line in found["epochs"]} == {0, 1, 2}
    assert all("signal" in line for line in found["epochs"])
    [path] = found["weights"]
    assert (path["arm"], path["task"]) == ("blend", "reconstruction")
    assert len(path["step"]) == len(path["weight"]) > 0
    assert "With auxiliary task," in found["answer"]["sentence"]
    assert "the primary loss alone" in found["answer"]["sentence"]
    assert found["versions"]["torch"]


def test_training_goes_on_from_its_checkpoint(
    split: sl.Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from sidelight.training import loop

    options = sl.TrainingOptions(epochs=3, batch_size=64, min_steps=4, task_items=20)
    towers = sl.TwoTower((sl.Text("title", min_df=1),), dim=8, options=options)
    arms = {"towers": towers, "plain": Counts()}
    real, steps = loop.Training.compute_losses, []
    stop = 0

    def counted(*args: Any) -> Any:
        steps.append(1)
        if len(steps) == stop:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(loop.Training, "compute_losses", counted)
    whole, full = record(sl.compare(split, arms, seeds=1)), len(steps)
    steps.clear()
    stop = 6
    with pytest.raises(KeyboardInterrupt):
        sl.compare(split, arms, seeds=1, folder=tmp_path / "c")
    assert any((tmp_path / "c" / "checkpoints").iterdir())
    steps.clear()
    stop = 0
    assert record(sl.compare(split, arms, seeds=1, folder=tmp_path / "c")) == whole
    assert len(steps) == full - 5
    assert not (tmp_path / "c" / "checkpoints").exists()


def test_parts_that_blends_have_in_common_are_fitted_once_and_cost_every_arm(
    split: sl.Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, fits = sl.ItemKNN.fit, []

    def slow(self: sl.ItemKNN, on: sl.Split, progress: Any = None) -> Any:
        fits.append(on.hash)
        time.sleep(0.2)
        return real(self, on, progress)

    arms = {"one": sl.Blend((sl.ItemKNN(),)), "two": sl.Blend((sl.ItemKNN(), sl.Popular()))}
    turned = {name: arms[name] for name in ("two", "one")}
    alone = sl.compare(split, turned, seeds=2, keep=(1.0, 0.5))
    monkeypatch.setattr(sl.ItemKNN, "fit", slow)
    found = sl.compare(split, arms, seeds=2, keep=(1.0, 0.5))
    assert len(fits) == len(set(fits)) > 2, "once for each set of clicks"
    seconds = [run.about["seconds"] for run in found.runs.values()]
    assert min(seconds) > 0.2, "what a model would cost by itself"
    for key, run in found.runs.items():
        assert run.evaluation.figures() == alone.runs[key].evaluation.figures()


def test_models_are_handed_over_as_they_are_fitted(split: sl.Split, tmp_path: Path) -> None:
    """Once a fit, and never for a run that is loaded."""
    arms = {"plain": Counts(), "noisy": Noisy()}
    kept: dict[tuple[str, float, int], Any] = {}

    def keep(arm: str, share: float, seed: int, model: Any) -> None:
        assert (arm, share, seed) not in kept
        kept[arm, share, seed] = model

    found = sl.compare(split, arms, seeds=2, folder=tmp_path / "c", fitted=keep)
    assert set(kept) == set(found.runs)
    for key, model in kept.items():
        again = evaluate(model, split, ks=(10, 20), metrics=("recall", "ndcg")).figures()
        own = found.runs[key].evaluation.figures()
        assert own["overall.ndcg@20"] == again["overall.ndcg@20"]
    kept.clear()
    sl.compare(split, arms, seeds=2, folder=tmp_path / "c", fitted=keep)
    assert not kept
