"""Labels of new items are used where they are known at launch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_tasks import made  # noqa: E402
from tasks.cases import Made, array, assert_formula, gradients, softmax, unit  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight.data.synthetic import make_synthetic  # noqa: E402


def formula(made: Made) -> float:
    of = [t or [] for t in made.split.data.items["tags"].to_list()]
    names = sorted({t for tags in of for t in tags})
    kept = [n for n in names if sum(n in tags for tags in of) >= made.task.min_items]
    assert 2 <= len(kept) < len(names)
    found = []
    for item in made.batch.drawn:
        wanted = np.array([float(n in of[int(item)]) for n in kept])
        if wanted.sum():
            logits = unit(array(made.module.table)) @ array(made.towers.items(item[None]))[0]
            chance = softmax(logits * float(made.module.scale) + array(made.module.bias))
            found.append(-float((wanted / wanted.sum() * np.log(chance)).sum()))
    return float(np.mean(found))


def test_the_loss_is_the_formula(split: sl.Split) -> None:
    assert_formula(split, sl.LabelPrediction(sl.Tags("tags"), min_items=3), formula)


def late(split: sl.Split, name: str) -> sl.Split:
    """The split with one item column that is not known at launch."""
    items = tuple(
        replace(c, known_at_launch=c.known_at_launch and c.name != name) for c in split.data.schema.items
    )
    schema = replace(split.data.schema, items=items)
    return replace(split, data=replace(split.data, schema=schema))


def untouched_gradient(split: sl.Split, task: Any, after_launch: str = "") -> float:
    towers, _, batch = made(split, task, touched=False)
    assert len(batch.drawn)
    module = task.build(late(split, after_launch), towers, 0)
    return float(gradients(towers, module(batch, towers)).abs().sum())


def test_labels_of_new_items_are_looked_at_where_they_are_known_at_launch() -> None:
    split = sl.split.cold_items(make_synthetic(60, 120, 900, seed=1).data, share=0.3, warm=0.1)
    task = sl.LabelPrediction(sl.Tags("tags"), min_items=1)
    assert untouched_gradient(split, task) > 0
    assert untouched_gradient(split, task, "tags") == 0
    assert untouched_gradient(split, task, "category") > 0
    assert untouched_gradient(split, replace(task, warm_only=True)) == 0
    assert untouched_gradient(split, replace(task, warm_only=False), "tags") > 0
