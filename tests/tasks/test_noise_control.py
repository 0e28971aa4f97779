"""Noise: labels that nothing but the seed decides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_tasks import towers_of  # noqa: E402
from tasks.cases import Made, array, assert_formula, softmax, still, teaches_nothing, unit  # noqa: E402

import sidelight as sl  # noqa: E402


def formula(made: Made) -> float:
    logits = float(made.module.scale) * array(made.towers.items(made.batch.drawn))
    rows = zip(made.batch.drawn.tolist(), logits @ unit(array(made.module.table)).T, strict=True)
    return float(np.mean([-np.log(softmax(row)[int(made.module.labels[item])]) for item, row in rows]))


def test_the_loss_is_the_formula(split: sl.Split) -> None:
    assert_formula(split, sl.NoiseTask(), formula)


def test_labels_depend_on_the_seed_alone(split: sl.Split) -> None:
    towers, task = towers_of(split), sl.NoiseTask(classes=5)
    labels = task.build(split, towers, 3).labels
    assert labels.shape == (split.data.n_items,) and set(labels.tolist()) <= set(range(5))
    torch.rand(7)  # the state of torch has no say
    other = replace(split, train=split.train[9:])
    assert torch.equal(labels, task.build(other, towers, 3).labels)
    assert not torch.equal(labels, task.build(split, towers, 4).labels)


def test_without_drawn_items_there_is_nothing_to_learn(split: sl.Split) -> None:
    made = still(split, sl.NoiseTask())
    assert teaches_nothing(made.loss(drawn=made.batch.drawn[:0]))
