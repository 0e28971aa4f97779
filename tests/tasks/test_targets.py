"""Where gradients stop, which labels are looked at, and what comes next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from made_tasks import OPTIONS, again, made, multiplied, towers_of  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight.data.synthetic import make_synthetic  # noqa: E402
from sidelight.training.batches import Batches  # noqa: E402


@pytest.fixture(scope="module")
def split() -> sl.Split:
    return sl.split.temporal(make_synthetic(60, 50, 900, seed=1).data)


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


def test_the_modality_that_is_predicted_is_not_pulled_towards_the_guess(split: sl.Split) -> None:
    towers, module, batch = made(split, sl.CrossModalPrediction())
    there = towers.fusion.present(batch.drawn)
    alone = [
        m if at < 2 else replace(m, present=m.present & False)
        for at, m in enumerate(towers.fusion.modalities)
    ]
    towers.fusion.modalities = tuple(alone)
    batch = replace(batch, drawn=batch.drawn[there[:, :2].all(dim=1)])
    with torch.no_grad():  # a guess of the second that looks at nothing: only its target could be pulled
        module.predictors[1].weight.zero_()
    module(batch, towers).backward()
    assert towers.fusion.maps[0].grad is None or float(towers.fusion.maps[0].grad.abs().max()) == 0
    assert float(towers.fusion.maps[1].grad.abs().max()) > 0  # from which the first is guessed


def test_clicks_change_nothing_for_the_item_part_of_consistency(split: sl.Split) -> None:
    values = []
    for each in (split, multiplied(split)):
        towers, module, batch = made(each, sl.Consistency(user=0.0))
        batch = replace(again(batch), drawn=torch.arange(split.data.n_items))
        values.append(float(module(batch, towers).detach()))
    assert values[0] == pytest.approx(values[1], rel=1e-6) and values[0] > 0


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


def backwards(split: sl.Split) -> sl.Split:
    """The split with the training history of each user in the opposite order."""
    log, item = split.data.interactions, split.data.interactions.item.copy()
    for user in np.unique(log.user[split.train]):
        rows = split.train[log.user[split.train] == user]
        item[rows] = item[rows][::-1]
    return replace(split, data=replace(split.data, interactions=replace(log, item=item)))


def test_inputs_are_in_the_order_of_events(split: sl.Split) -> None:
    for each in (split, backwards(split)):
        batch, log = made(each, sl.NextContent())[2], each.data.interactions
        for user, row in zip(batch.users.tolist(), batch.history, strict=True):
            past = log.item[each.train[log.user[each.train] == user]].tolist()
            inputs = batch.items[row[row >= 0]].tolist()
            assert inputs == [i for i in dict.fromkeys(past) if i in inputs]


def test_what_comes_next_depends_on_the_order(split: sl.Split) -> None:
    towers, module, batch = made(split, sl.NextContent(keep=1.0))
    other = sl.NextContent(keep=1.0).build(backwards(split), towers, 0)
    other.load_state_dict(module.state_dict())
    values = [float(m(again(batch), towers).detach()) for m in (module, other)]
    assert values[0] != pytest.approx(values[1], rel=1e-3)


def test_without_an_order_any_held_out_item_is_predicted_from_all_inputs(split: sl.Split) -> None:
    log = replace(split.data.interactions, timestamp=None, position=None)
    blind = replace(split, data=replace(split.data, interactions=log))
    towers, module, _ = made(blind, sl.NextContent(keep=1.0))
    batch = Batches.of(blind, replace(OPTIONS, batch_size=40)).make(0, towers)
    _, targets = module._next(batch)
    known = {user for user, row in enumerate(batch.history) if int((row >= 0).sum())}
    assert {int(u) for u in targets[:, 0]} == known & {int(u) for u in batch.targets[:, 0]}
    assert len(targets) == sum(int(u) in known for u in batch.targets[:, 0])
    assert torch.isfinite(module(batch, towers_of(blind)))


@pytest.mark.parametrize("weight", [0.5, 5.0])
def test_decorrelation_spreads_the_vectors(split: sl.Split, weight: float) -> None:
    towers, module, batch = made(split, sl.Decorrelation())
    towers.eval()

    def used() -> float:
        values = np.linalg.eigvalsh(np.cov(towers.content(batch.drawn).detach().numpy().T))
        return float(values.sum() ** 2 / (values**2).sum())

    with torch.no_grad():  # all vectors near one line
        for m in towers.fusion.maps:
            m.copy_(m @ torch.diag(torch.tensor([1.0, 0.3, 0.1, 0.1, 0.1, 0.1])))
    before = used()
    optimizer = torch.optim.Adam(towers.fusion.maps, lr=0.03)
    for _ in range(40):
        optimizer.zero_grad()
        (weight * module(batch, towers)).backward()
        optimizer.step()
    assert before < 4 < 5 < used()
