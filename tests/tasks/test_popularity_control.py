"""Popularity: the scaled logarithm of training users, from an item's vector."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_splits import TRAIN, split_of  # noqa: E402
from made_tasks import towers_of  # noqa: E402
from tasks.cases import Made, array, assert_formula, still, teaches_nothing  # noqa: E402

import sidelight as sl  # noqa: E402


def formula(made: Made) -> float:
    count = np.log(1 + made.split.histories().matrix().toarray().sum(axis=0))
    target = (count - count.mean()) / count.std()
    head = made.module.head
    guess = array(made.towers.items(made.batch.drawn)) @ array(head.weight)[0] + float(head.bias)
    return float(np.mean((guess - target[made.batch.drawn.numpy()]) ** 2))


def test_the_loss_is_the_formula(split: sl.Split) -> None:
    assert_formula(split, sl.PopularityTask(), formula)


def test_clicks_that_are_held_out_do_not_count(split: sl.Split) -> None:
    towers, task = towers_of(split), sl.PopularityTask()
    blind = replace(split, validation=split.validation[:0], sealed=split.sealed[:0])
    assert torch.equal(task.build(split, towers).target, task.build(blind, towers).target)


def test_items_of_one_popularity_have_a_target_of_0(split: sl.Split) -> None:
    even = split_of(np.full((3, 4), TRAIN), np.zeros(4, dtype=bool))
    assert sl.PopularityTask().build(even, towers_of(split)).target.tolist() == [0.0] * 4


def test_without_drawn_items_there_is_nothing_to_learn(split: sl.Split) -> None:
    made = still(split, sl.PopularityTask())
    assert teaches_nothing(made.loss(drawn=made.batch.drawn[:0]))
