"""The stopping signal: validation where it has users, else views of items."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.cases import OPTIONS, Towers  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight.models.content_space import ContentSpace  # noqa: E402
from sidelight.training.stopping_signal import NoPersonalSignalWarning, StoppingSignal, personal  # noqa: E402

CONTENT = (sl.Text("title", "description", min_df=1), sl.Vector("vector"))


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
