"""The primary loss, its batches and the validation signal against slow references of what they say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch")

import sidelight as sl  # noqa: E402
from sidelight.data.synthetic import make_synthetic  # noqa: E402
from sidelight.losses import SHARPNESS, temperature_free_nll  # noqa: E402
from sidelight.models.content_space import ContentSpace  # noqa: E402
from sidelight.training.batches import Batches  # noqa: E402
from sidelight.training.gradient_signals import USERS, ValidationGradient  # noqa: E402
from sidelight.training.objectives.softmax import Softmax  # noqa: E402
from sidelight.training.validation_scores import item_vectors  # noqa: E402

CONTENT = (sl.Text("title", min_df=1),)
FULL = sl.TrainingOptions(batch_size=32, min_steps=4, task_items=20)
SAMPLED = replace(FULL, full_softmax_limit=1, negatives=30)
Towers = Any


@pytest.fixture(scope="module")
def split() -> sl.Split:
    return sl.split.temporal(make_synthetic(80, 60, 700, seed=3).data)


def towers_of(split: sl.Split) -> Towers:
    towers = sl.TwoTower(CONTENT, dim=8).towers(ContentSpace.fit(CONTENT, split.data), split)
    with torch.no_grad():
        noise = torch.Generator().manual_seed(1)
        for value in (towers.ids.ids, towers.default):
            value.copy_(0.3 * torch.randn(value.shape, generator=noise))
    return towers


@pytest.mark.parametrize(
    "options", [FULL, SAMPLED, replace(SAMPLED, views=0.4)], ids=["full", "sampled", "views"]
)
def test_the_primary_loss_is_the_formula(split: sl.Split, options: sl.TrainingOptions) -> None:
    """Another user's target and a negative are one of n in N; a user's own targets are there for certain."""
    towers, data = towers_of(split), Batches.of(split, options)
    batch = data.make(2, towers)
    n, everything = len(batch.items), len(data.touched)
    assert (n < everything) == (options.full_softmax_limit == 1)
    vectors = batch.vectors.detach().numpy().astype(np.float64)
    default = towers.default.detach().numpy().astype(np.float64)
    scale = float(towers.log_scale.exp().detach())
    total = 0.0
    for place in range(len(batch.users)):
        inputs = [r for r in batch.history[place].tolist() if r >= 0]
        targets = [r for p, r in batch.targets.tolist() if p == place]
        user = default + vectors[inputs].sum(axis=0) / max(1, len(inputs)) ** 0.5
        if batch.views is not None:
            user = user + batch.views[place].detach().numpy()
        logits = scale * vectors @ user
        terms = {}
        for j in range(n):
            if j not in inputs:
                terms[j] = logits[j] if j in targets else logits[j] + np.log(everything / n)
        log_sum = np.log(sum(np.exp(z) for z in terms.values()))
        total += sum(log_sum - terms[t] for t in targets) / max(1, len(targets)) ** 0.5
    found = float(Softmax().build(split, towers)(batch, towers).detach().sum())
    assert found == pytest.approx(total / len(batch.users), rel=1e-4)


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
        batch = data.make(0, towers_of(split))
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
        towers_of(split),
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


def test_sharpness_is_no_business_of_tasks() -> None:
    """Logits twice or half as sharp have the same loss, which is the least over the grid."""
    logits = torch.randn(30, 12, generator=torch.Generator().manual_seed(0))
    at, to = torch.arange(30), torch.arange(30) % 12
    logits[at, to] += 1.0
    logits *= 1.5  # too sure
    found = float(temperature_free_nll(logits, at, to))
    plain = [float(torch.nn.functional.cross_entropy(logits[at] * sharp, to)) for sharp in SHARPNESS]
    assert found == pytest.approx(min(plain), rel=1e-5) and found < plain[SHARPNESS.index(1.0)]
    for factor in (0.5, 2.0):
        assert float(temperature_free_nll(logits * factor, at, to)) == pytest.approx(found, rel=1e-3)


def test_the_validation_signal_is_the_formula(split: sl.Split) -> None:
    """Of each side the least surprise over the grid of sharpness, which is not that of the towers."""
    towers, steering = towers_of(split).eval(), ValidationGradient.of(split, 0)
    vectors = item_vectors(towers).numpy().astype(np.float64)
    default = towers.default.detach().numpy()
    users = np.stack(
        [default + vectors[r.indices].sum(axis=0) / r.nnz**0.5 for r in steering.histories.matrix()]
    )
    scale = float(towers.log_scale.exp().detach())
    wanted, own = [], []
    for items, truth in steering.sides:
        surprise = {}
        for sharp in SHARPNESS:
            logits = sharp * scale * users @ vectors[items].T
            log_sum = np.log(np.exp(logits).sum(axis=1))
            surprise[sharp] = np.mean(
                [log_sum[u] - logits[u, i] for u, i in zip(*truth.nonzero(), strict=True)]
            )
        wanted.append(min(surprise.values()))
        own.append(surprise[1.0])
    assert len(steering.users) < USERS and len(wanted) == 2
    found = [float(loss.detach()) for loss in steering.losses(0, towers)]
    assert found == pytest.approx(wanted, rel=1e-4) and found != pytest.approx(own, rel=1e-2)
