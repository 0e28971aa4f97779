"""Batches: inputs and targets of split histories, and the draw of task items."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch")

from training.cases import (  # noqa: E402
    noisy_towers,
)

import sidelight as sl  # noqa: E402
from sidelight.training.batches import Batches  # noqa: E402

FULL = sl.TrainingOptions(batch_size=32, min_steps=4, task_items=20)


def test_histories_are_in_the_order_of_events(split: sl.Split) -> None:
    """The row of a user lists inputs as they came, whatever the order of the rows in the file."""
    log = split.data.interactions
    for shuffled in (False, True):
        rows = split.train
        if shuffled:
            rows = np.random.default_rng(0).permutation(rows)
        data = Batches.of(replace(split, train=rows), FULL)
        for user in data.users:
            own = data.event[data.start[user] : data.start[user + 1]]
            assert (np.diff(log.timestamp[own]) >= 0).all() and (log.user[own] == user).all()
        batch = data.make(0, noisy_towers(split))
        several = 0
        for place, user in enumerate(batch.users.tolist()):
            own = data.item[data.start[user] : data.start[user + 1]].tolist()
            inputs = [int(batch.items[r]) for r in batch.history[place].tolist() if r >= 0]
            at = [own.index(i) for i in inputs]
            assert at == sorted(at)
            several += len(at) > 1
        assert several > 10


@pytest.mark.parametrize("lone", [0.0, 1.0])
def test_a_single_interaction_is_never_an_input(split: sl.Split, lone: float) -> None:
    user = split.data.interactions.user[split.train]
    first = np.flatnonzero(np.diff(user, prepend=-1) != 0)
    one = replace(
        split, train=np.concatenate([split.train[first[:20]], split.train[user >= user[first[20]]]])
    )
    data, towers = (
        Batches.of(one, replace(FULL, batch_size=80, empty_history_rate=0.0, lone=lone)),
        noisy_towers(split),
    )
    for step in range(5):
        batch = data.make(step, towers)
        length = torch.as_tensor(np.diff(data.start))[batch.users]
        inputs = (batch.history >= 0).sum(dim=1)
        targets = torch.bincount(batch.targets[:, 0], minlength=len(length))
        assert (length == 1).sum() >= 20
        assert (inputs[length == 1] == 0).all() and (targets == length - inputs).all()
        assert (inputs[length > 1] > 0).all() and (targets > 0).all()


@pytest.mark.parametrize("draw", ["uniform", "richness"])
def test_what_is_drawn_for_tasks_knows_no_popularity(split: sl.Split, draw: str) -> None:
    """One item is chosen by everybody: the probabilities and the draw of the tasks stay as they were."""
    data, log = split.data, split.data.interactions
    events = pl.DataFrame(
        {
            "user_id": data.user_ids[log.user],
            "item_id": data.item_ids[log.item],
            "timestamp": log.timestamp,
        }
    )
    more = pl.DataFrame(
        {
            "user_id": data.user_ids,
            "item_id": np.repeat(data.item_ids[7:8], data.n_users),
            "timestamp": np.full(data.n_users, log.timestamp.min()),
        }
    )
    loud = sl.from_frames(pl.concat([events, more]), data.items, data.users, data.schema)
    options = replace(FULL, task_sampling=draw)
    one = Batches.of(split, options)
    two = Batches.of(sl.split.temporal(loud), options)
    assert two.item.tolist().count(7) > one.item.tolist().count(7) + 20
    np.testing.assert_array_equal(one.chance, two.chance)
    assert (draw == "uniform") == (len(np.unique(one.chance)) == 1)
