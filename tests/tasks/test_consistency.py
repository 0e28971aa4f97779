"""Consistency: no gradient through the reference view, no effect of clicks on the item part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from made_tasks import again, made, multiplied  # noqa: E402

import sidelight as sl  # noqa: E402


def gradients(towers: Any, loss: Any) -> Any:
    found = torch.autograd.grad(loss, list(towers.parameters()), allow_unused=True, retain_graph=True)
    pairs = zip(found, towers.parameters(), strict=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).ravel() for g, p in pairs])


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
