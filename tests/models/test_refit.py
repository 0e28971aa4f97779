"""Refits: chosen with validation, fitted on training and validation, and known as such."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import sidelight as sl
from sidelight.data.synthetic import make_synthetic
from sidelight.errors import SpecError
from sidelight.models.refit import refit


@pytest.fixture(scope="module")
def split() -> sl.Split:
    return sl.split.temporal(make_synthetic(80, 60, 1500, seed=3).data)


@pytest.mark.parametrize("spec", [sl.Popular(), sl.ItemKNN(), sl.EASE()], ids=lambda s: type(s).__name__)
def test_a_closed_form_is_fitted_on_both_parts(spec: Any, split: sl.Split) -> None:
    again, plain = refit(spec, split), spec.fit(split)
    rows = split.histories("test").matrix()
    np.testing.assert_array_equal(again.score(rows), spec.fit(split.joined()).score(rows))
    assert not np.array_equal(again.score(rows), plain.score(rows))
    assert (again.people.histories.matrix() != rows).nnz == 0
    assert again.items.refitted and not plain.items.refitted


def test_the_test_part_moves_nothing(split: sl.Split) -> None:
    other = replace(split, sealed=split.sealed[: len(split.sealed) // 2])
    rows = split.histories("test").matrix()
    np.testing.assert_array_equal(refit(sl.EASE(), other).score(rows), refit(sl.EASE(), split).score(rows))


@dataclass(frozen=True)
class Own:
    """A spec that knows how to refit itself."""

    def fit(self, split: sl.Split, progress: Any = None) -> sl.Recommender:
        raise AssertionError("its own refit was passed over")

    def refit(self, split: sl.Split, progress: Any = None) -> sl.Recommender:
        assert len(split.validation)  # it is still to choose by them
        progress(1, 1, "chosen")
        return sl.Popular().fit(split.joined())


def test_a_spec_with_a_refit_of_its_own_is_asked(split: sl.Split) -> None:
    told: list[Any] = []
    model = refit(Own(), split, lambda *said: told.append(said))
    assert told == [(1, 1, "chosen")] and model.items.refitted


def test_without_validation_there_is_nothing_to_add(split: sl.Split) -> None:
    for bare in (replace(split, validation=split.validation[:0]), split.joined()):
        with pytest.raises(SpecError, match="validation events to learn from; found none"):
            refit(sl.Popular(), bare)
    with pytest.raises(SpecError, match="a Split"):
        refit(sl.Popular(), split.data)  # type: ignore[arg-type]


def test_refitted_survives_new_items_and_saving(split: sl.Split, tmp_path: Any) -> None:
    model = refit(sl.Popular(), split)
    with pytest.warns(UserWarning, match="score 0"):
        grown = model.add_items({"item_id": [10**6]})
    assert grown.items.refitted
    assert sl.load(grown.save(tmp_path / "model")).items.refitted
    assert not sl.load(sl.Popular().fit(split).save(tmp_path / "plain")).items.refitted


def test_towers_choose_on_validation_and_then_train_on_everything(split: sl.Split) -> None:
    pytest.importorskip("torch")
    # Half of the cold items have their first events in validation.
    split = sl.split.cold_items(split.data, share=0.3)
    names = [c.name for c in split.data.schema.items if c.role == "text"]
    options = sl.TrainingOptions(epochs=3, batch_size=32, min_steps=4, task_items=20, lr=1e-2)
    spec = sl.TwoTower((sl.Text(*names, min_df=1),), dim=8, options=options)
    steps: list[tuple[int, int]] = []
    again = refit(spec, split, lambda done, total, label: steps.append((done, total)))
    plain = spec.fit(split)
    # What was found with validation is the same; what was learned in the end is not.
    assert again.scorer.trace["epochs"] == plain.scorer.trace["epochs"]
    assert not np.array_equal(again.scorer.vectors, plain.scorer.vectors)
    assert (
        again.people.histories.matrix() != split.joined().histories().matrix()
    ).nnz == 0 and again.items.refitted
    best = max(again.scorer.trace["epochs"], key=lambda e: e["signal"])["epoch"] or options.epochs
    last_total, per_epoch = steps[-1][1], steps[0][1] // options.epochs
    assert last_total == best * per_epoch  # as many epochs as validation found, no more looks at it
    counts = again.items.popular
    assert (counts[split.joined().warm & split.cold] > 0).all() and (split.joined().warm & split.cold).any()
