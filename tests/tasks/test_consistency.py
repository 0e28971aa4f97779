"""Consistency: no gradient through the reference view, no effect of clicks on the item part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from made_tasks import again, made, multiplied  # noqa: E402
from tasks.cases import Made, array, assert_formula, gradients, kl, softmax, there  # noqa: E402

import sidelight as sl  # noqa: E402


def formula(made: Made) -> float:
    task, batch, towers = made.task, made.batch, made.towers
    drawn = batch.drawn[torch.tensor(there(towers, batch.drawn).any(axis=1))]
    chance = torch.rand((len(drawn), 4), generator=batch.generator).numpy()
    items = []
    for item, draw, has in zip(drawn, chance, there(towers, drawn), strict=True):
        stays = max((m for m in range(4) if has[m]), key=lambda m: draw[m])
        shown = torch.tensor([[bool(has[m] and (draw[m] >= task.fields or m == stays)) for m in range(4)]])
        one, whole = (array(towers.content(item[None], s))[0] for s in (shown, None))
        items.append(1 - one @ whole)
    history = batch.history[(batch.history >= 0).sum(dim=1) > 1]
    gone = torch.rand(history.shape, generator=batch.generator) < task.clicks
    vectors, scale = array(batch.vectors), float(towers.log_scale.exp())
    people = []
    for row, out in zip(history, gone, strict=True):
        answers = []
        for kept in (row, torch.where(out, -1, row)):
            answers.append(softmax(scale * vectors @ array(towers.users(batch.vectors, kept[None]))[0]))
        people.append(kl(*answers))
    return float(np.mean(items) + task.user * np.mean(people))


def test_the_loss_is_the_formula(split: sl.Split) -> None:
    assert_formula(split, sl.Consistency(words=0.0, fields=0.5, noise=0.0, clicks=0.4, user=0.7), formula)


def test_the_whole_history_is_not_pulled_towards_the_thinned_one(split: sl.Split) -> None:
    task = sl.Consistency(words=0.0, fields=0.0, noise=0.0, clicks=0.4)
    towers, module, batch = made(split, task)
    vectors = batch.vectors.detach()  # the item part is at its smallest and has no gradient
    batch = replace(again(batch), vectors=vectors, history=batch.history[(batch.history >= 0).sum(1) > 1])
    torch.rand(towers.fusion.present(batch.drawn).shape, generator=batch.generator)
    gone = torch.rand(batch.history.shape, generator=batch.generator) < task.clicks

    def answer(history: Any) -> Any:
        users = towers.users(vectors, history)
        return F.log_softmax(users * towers.log_scale.exp() @ vectors.T, dim=1)

    part, whole = answer(batch.history.masked_fill(gone, -1)), answer(batch.history)
    loss = (whole.exp() * (whole - part)).sum(dim=1).mean()
    stopped = (whole.detach().exp() * (whole.detach() - part)).sum(dim=1).mean()
    found = gradients(towers, module(again(batch), towers))
    torch.testing.assert_close(found, gradients(towers, stopped), rtol=1e-3, atol=1e-5)
    assert float((found - gradients(towers, loss)).norm()) > 0.1 * float(found.norm())


def test_clicks_change_nothing_for_the_item_part_of_consistency(split: sl.Split) -> None:
    values = []
    for each in (split, multiplied(split)):
        towers, module, batch = made(each, sl.Consistency(user=0.0))
        batch = replace(again(batch), drawn=torch.arange(split.data.n_items))
        values.append(float(module(batch, towers).detach()))
    assert values[0] == pytest.approx(values[1], rel=1e-6) and values[0] > 0
