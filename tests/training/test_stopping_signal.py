"""The stopping signal: validation where it has users, else views of items."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import sidelight as sl  # noqa: E402
from sidelight.data.synthetic import make_synthetic  # noqa: E402
from sidelight.models.content_space import ContentSpace  # noqa: E402
from sidelight.training.stopping_signal import NoPersonalSignalWarning, StoppingSignal, personal  # noqa: E402

CONTENT = (sl.Text("title", "description", min_df=1), sl.Vector("vector"))

OPTIONS = sl.TrainingOptions(
    epochs=6, batch_size=64, min_steps=4, task_items=20, lr=1e-2, empty_history_rate=0.0
)

Towers = Any


def first_clicks(split: sl.Split) -> sl.Split:
    """One training event a user, no validation: the others are the test."""
    user = split.data.interactions.user
    _, first = np.unique(user[split.train], return_index=True)
    train = np.sort(split.train[first])
    rest = np.setdiff1d(np.arange(len(user)), train)
    cold = np.bincount(split.data.interactions.item[train], minlength=split.data.n_items) == 0
    return replace(split, train=train, validation=split.validation[:0], sealed=rest, cold=cold)


@pytest.fixture(scope="module")
def many() -> sl.Split:
    return sl.split.random_per_user(make_synthetic(250, 300, 4000, seed=5, skew=0.3).data)


@pytest.fixture(scope="module")
def lone(many: sl.Split) -> sl.Split:
    return first_clicks(many)


def towers_of(split: sl.Split, **options: Any) -> Towers:
    spec = sl.TwoTower(CONTENT, dim=16, options=OPTIONS, **options)
    return spec.towers(ContentSpace.fit(CONTENT, split.data), split)


def test_no_person_no_validation_and_one_line_says_so(lone: sl.Split) -> None:
    with pytest.warns(NoPersonalSignalWarning, match="no user has two items to learn from") as caught:
        model = sl.TwoTower(CONTENT, dim=16, options=OPTIONS).fit(lone)
    assert len([w for w in caught if w.category is NoPersonalSignalWarning]) == 1
    trace = model.scorer.trace
    assert trace["judge"]["kind"] == "views" and trace["judge"]["why"] in str(caught[0].message)
    assert {"epoch", "views", "signal"} == set(trace["epochs"][0])
    assert trace["epochs"][-1]["views"] > trace["epochs"][0]["views"]


def test_validation_is_the_judge_where_it_tells_persons_apart(many: sl.Split, lone: sl.Split) -> None:
    towers = towers_of(many)
    judge = StoppingSignal.of(many, towers, OPTIONS)
    assert (judge.kind, judge.why) == ("validation", "")
    nobody = replace(many, train=lone.train, validation=many.validation)
    users = np.unique(many.data.interactions.user[many.validation])
    strangers = replace(many, train=many.train[~np.isin(many.data.interactions.user[many.train], users)])
    assert personal(many) and personal(nobody)
    assert not personal(strangers) and personal(strangers, attributes=True)
    assert not personal(lone)
