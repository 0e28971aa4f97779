"""Alignment: neighbours of a teacher that is made of training clicks alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_tasks import towers_of  # noqa: E402
from tasks.cases import Made, array, assert_formula, neighbourhoods, still, teaches_nothing, unit  # noqa: E402

import sidelight as sl  # noqa: E402


def formula(made: Made) -> float:
    h = made.split.histories().matrix().toarray().astype(np.float64)
    scaled = h / np.sqrt(np.maximum(h.sum(axis=1), 1))[:, None] / np.sqrt(np.maximum(h.sum(axis=0), 1))
    _, strength, right = np.linalg.svd(scaled)
    rank = len(strength) - 1
    teacher = unit(right[:rank].T * strength[:rank])
    drawn = [i for i in made.batch.drawn.tolist() if made.towers.touched[i]]
    content = array(made.towers.content(torch.tensor(drawn)))
    return neighbourhoods(content @ content.T, teacher[drawn] @ teacher[drawn].T, made.task.temperature)


def test_the_loss_is_the_formula(split: sl.Split) -> None:
    assert_formula(split, sl.Alignment(dim=99, keep=1.0), formula)


def test_fewer_than_three_touched_items_have_no_neighbourhood(split: sl.Split) -> None:
    made = still(split, sl.Alignment(dim=4))
    touched = torch.nonzero(made.towers.touched)[:, 0]
    new = torch.nonzero(~made.towers.touched)[:, 0]
    for n in range(3):
        assert teaches_nothing(made.loss(drawn=torch.cat([touched[:n], new])))
    assert float(made.loss(drawn=torch.cat([touched[:3], new])).detach()) > 0


def test_the_teacher_never_sees_what_is_held_out(split: sl.Split) -> None:
    towers, task = towers_of(split), sl.Alignment(dim=4)
    teacher = task.build(split, towers).teacher
    blind = replace(split, validation=split.validation[:0], sealed=split.sealed[:0])
    assert torch.equal(teacher, task.build(blind, towers).teacher)
    assert not torch.equal(teacher, task.build(replace(split, train=split.train[5:]), towers).teacher)


def test_the_teacher_is_neither_trained_nor_saved(split: sl.Split) -> None:
    module = sl.Alignment(dim=4).build(split, towers_of(split))
    assert module.teacher.shape == (split.data.n_items, 4)
    assert not list(module.parameters()) and not module.state_dict()
