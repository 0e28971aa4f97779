"""Predictive coding: order of inputs, and no gradient through the target."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")


from made_splits import without_order  # noqa: E402
from made_tasks import OPTIONS, again, made, towers_of  # noqa: E402
from tasks.cases import Made, array, assert_formula, pairs, there, unit  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight.training.batches import Batches  # noqa: E402


def cross_modal_prediction(made: Made) -> float:
    has, found = there(made.towers, made.batch.drawn), []
    for m, predictor in enumerate(made.module.predictors):
        values = []
        for item, row in zip(made.batch.drawn, has, strict=True):
            if row[m] and row.sum() > 1:
                others = torch.tensor([[bool(row[n] and n != m) for n in range(4)]])
                vector = array(made.towers.content(item[None], others))[0]
                guess = array(predictor.weight) @ vector + array(predictor.bias)
                wanted = array(made.towers.fusion.project(m, item[None]))[0]
                values.append(1 - float(unit(guess)[0] @ unit(wanted)[0]))
        found.append(np.mean(values))
    return float(np.mean(found))


def test_the_loss_of_cross_modal_prediction_is_the_formula(split: sl.Split) -> None:
    assert_formula(split, sl.CrossModalPrediction(), cross_modal_prediction)


def next_content(made: Made) -> float:
    log, events = made.split.data.interactions, {}
    for row in sorted(made.split.train, key=lambda r: (log.user[r], log.timestamp[r])):
        events.setdefault(int(log.user[row]), []).append(int(log.item[row]))
    items, able = made.batch.items.tolist(), []
    for place, row in made.batch.targets.tolist():
        past = events[int(made.batch.users[place])]
        at = past.index(items[row])
        inputs = [i for i in made.batch.history[place].tolist() if i >= 0]
        if at and items.index(past[at - 1]) in inputs:
            able.append((place, row, [i for i in inputs if past.index(items[i]) < at]))
    taken, found = [], []
    for at in torch.randperm(len(able), generator=made.batch.generator).tolist():
        if able[at][0] not in [place for place, _, _ in taken]:
            taken.append(able[at])
    for pair in taken:
        if pair[1] not in [row for _, row, _ in found]:
            found.append(pair)
    users = np.stack(
        [array(made.towers.users(made.batch.vectors, torch.tensor([inputs])))[0] for _, _, inputs in found]
    )
    guess = users @ array(made.module.predictor.weight).T + array(made.module.predictor.bias)
    wanted = array(made.towers.content(made.batch.items[[row for _, row, _ in found]]))
    return pairs(guess, wanted, made.task.temperature)


def test_the_loss_of_next_content_is_the_formula(split: sl.Split) -> None:
    assert_formula(split, sl.NextContent(keep=1.0), next_content)


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
    blind = replace(split, data=without_order(split.data))
    towers, module, _ = made(blind, sl.NextContent(keep=1.0))
    batch = Batches.of(blind, replace(OPTIONS, batch_size=40)).make(0, towers)
    _, targets = module._next(batch)
    known = {user for user, row in enumerate(batch.history) if int((row >= 0).sum())}
    assert {int(u) for u in targets[:, 0]} == known & {int(u) for u in batch.targets[:, 0]}
    assert len(targets) == sum(int(u) in known for u in batch.targets[:, 0])
    assert torch.isfinite(module(batch, towers_of(blind)))
