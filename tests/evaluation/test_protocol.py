"""What counts as history on the test part, and what may be judged or compared at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import sidelight as sl
from sidelight.data.synthetic import make_synthetic
from sidelight.errors import DataError, SpecError
from sidelight.evaluation import Evaluation, differences, evaluate
from sidelight.evaluation.test_access_log import read_test_accesses
from sidelight.models.refit import refit

BOTH, TRAIN = "train+validation", "train"


class Keeps:
    """A model that notes the histories it was asked with."""

    def __init__(self, model: Any) -> None:
        self.model, self.seen = model, []

    def score(self, histories: sp.csr_matrix) -> np.ndarray:
        self.seen.append(histories)
        return self.model.score(histories)


@pytest.fixture(scope="module")
def split() -> sl.Split:
    return sl.split.leave_last_out(make_synthetic(120, 60, 1500, seed=4).data)


@pytest.fixture(scope="module")
def model(split: sl.Split) -> sl.Recommender:
    return sl.ItemKNN(neighbours=20).fit(split)


@pytest.fixture
def judge(split: sl.Split, tmp_path: Path) -> Any:
    def on_test(model: Any, of: sl.Split = split, **options: Any) -> Evaluation:
        log = tmp_path / "openings.jsonl"
        return evaluate(model, of, part="test", final=True, ks=(5, 20), log=log, **options)

    return on_test


def test_the_validation_item_is_in_the_history_and_never_in_a_list(
    split: sl.Split, model: sl.Recommender, judge: Any
) -> None:
    log = split.data.interactions
    held = dict(zip(log.user[split.validation], log.item[split.validation], strict=True))
    found = {}
    for history in (None, BOTH, TRAIN):
        asked = Keeps(model)
        found[history] = judge(asked, history=history)
        users = found[history].users["overall"]
        given = sp.vstack([each.matrix() for each in asked.seen[1:]]).tocsr()  # the first is one row
        own = np.array([given[row, held[user]] for row, user in enumerate(users)])
        assert (own == (0 if history == TRAIN else 1)).all()
        assert all(held[u] not in row for u, row in zip(users, found[history].items, strict=True))
    # The default of this split is both; what is relevant and who is asked stay the same.
    np.testing.assert_array_equal(found[None].items, found[BOTH].items)
    assert not np.array_equal(found[BOTH].items, found[TRAIN].items)
    np.testing.assert_array_equal(found[BOTH].users["overall"], found[TRAIN].users["overall"])
    assert found[BOTH].info["unrankable"] == found[TRAIN].info["unrankable"]
    assert found[BOTH].figures()["overall.ndcg@20"] != found[TRAIN].figures()["overall.ndcg@20"]


def test_the_history_is_recorded_and_shown(
    split: sl.Split, model: sl.Recommender, judge: Any, tmp_path: Path
) -> None:
    both, train = judge(model), judge(model, history=TRAIN)
    assert (both.info["history"], train.info["history"]) == (BOTH, TRAIN)
    assert str(both).splitlines()[0].startswith("test part, opened 1 time; histories: train + validation")
    assert str(train).splitlines()[0].endswith("histories: train")
    assert [line["test_history"] for line in read_test_accesses(tmp_path / "openings.jsonl")] == [BOTH, TRAIN]
    on_validation = evaluate(model, split)
    assert on_validation.info["history"] == TRAIN and "histories" not in str(on_validation)
    again = Evaluation.load(both.save(tmp_path / "kept"))
    assert again.info["history"] == BOTH


def test_other_histories_are_not_paired(model: sl.Recommender, judge: Any) -> None:
    both, train = judge(model), judge(model, history=TRAIN)
    with pytest.raises(DataError, match=r"same history; found train \+ validation and train;.*history="):
        differences(both, train)
    assert differences(both, judge(model, history=BOTH), n=100)[0].interval.mean == 0
    del train.info["history"]  # as an earlier version saved it, which knew no other history
    with pytest.raises(DataError, match="same history"):
        differences(both, train)
    assert differences(train, judge(model, history=TRAIN), n=100)[0].interval.mean == 0


@pytest.mark.parametrize("field", ["candidates", "cold", "simulated", "given", "train", "overall_users"])
def test_only_what_was_measured_on_one_split_is_paired(
    split: sl.Split, model: sl.Recommender, field: str, tmp_path: Path
) -> None:
    some = split.truth().getnnz(axis=0) > 0
    changes = {
        "candidates": some, "cold": split.simulated, "simulated": split.cold,
        "given": split.train[:5], "train": split.train[1:], "overall_users": "both",
    }  # fmt: skip
    first, second = evaluate(model, split), evaluate(model, replace(split, **{field: changes[field]}))
    assert first.info["split"] == split.hash != second.info["split"]
    with pytest.raises(DataError, match="expected two evaluations on one split; found") as e:
        differences(first, second)
    assert "\n" not in str(e.value)
    again = Evaluation.load(first.save(tmp_path / "kept"))
    assert differences(first, again, n=100)[0].interval.mean == 0


def test_validation_is_never_its_own_history(split: sl.Split, model: sl.Recommender, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="history='train' for the validation part"):
        evaluate(model, split, history=BOTH)
    log = tmp_path / "log.jsonl"
    with pytest.raises(SpecError, match=r"'train' or 'train.validation'.*found 'all'; in argument 'history'"):
        evaluate(model, split, part="test", final=True, log=log, history="all")  # type: ignore[arg-type]
    assert not log.exists()
    same = evaluate(model, split, history=TRAIN)
    assert same.figures() == pytest.approx(evaluate(model, split).figures(), nan_ok=True)


def test_activity_counts_the_history_that_is_known(
    split: sl.Split, model: sl.Recommender, judge: Any
) -> None:
    for history in (TRAIN, BOTH):
        found = judge(model, history=history, groups=("user:activity",))
        length = np.diff(replace(split, test_history=history).histories("test").start)
        named = np.flatnonzero((length >= 5) & (length <= 9))
        expected = np.intersect1d(named, found.users["overall"])
        assert found.users["user:activity=5-9"].tolist() == expected.tolist()


def test_popularity_stays_that_of_training(split: sl.Split, model: sl.Recommender, judge: Any) -> None:
    found = judge(model)
    count = split.histories().counts
    active = np.count_nonzero(split.histories().lengths)
    bits = -np.log2(np.maximum(count, 0.5) / active)
    np.testing.assert_allclose(found.values["overall"]["novelty@5"], bits[found.items[:, :5]].mean(axis=1))


def test_without_validation_events_the_way_is_named(
    split: sl.Split, model: sl.Recommender, judge: Any
) -> None:
    bare = replace(split, validation=split.validation[:0])
    with pytest.raises(
        DataError, match=r'validation events; found none.*part="test", final=True.*--final'
    ) as e:
        evaluate(model, bare)
    assert "\n" not in str(e.value)
    assert judge(model, bare).figures()["overall.ndcg@20"] > 0


def test_a_refitted_model_is_not_judged_by_what_it_has_seen(
    split: sl.Split, judge: Any, tmp_path: Path
) -> None:
    spec = sl.ItemKNN(neighbours=20)
    again = refit(spec, split)
    for found in (again, sl.load(again.save(tmp_path / "model")), replace(again, items=again.items)):
        with pytest.raises(
            DataError, match=r"not seen the validation events; found one refitted.*--final"
        ) as e:
            evaluate(found, split)
        assert "\n" not in str(e.value)
    tested = judge(again)
    assert differences(tested, judge(spec.fit(split)), n=100)  # the same history: these may be compared
    elsewhere = sl.split.leave_last_out(make_synthetic(120, 60, 1500, seed=5).data)
    assert elsewhere.data.fingerprint != split.data.fingerprint
    evaluate(again, elsewhere)  # other events: nothing of them was seen
