"""None"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.cases import OPTIONS, Towers  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight.errors import SpecError  # noqa: E402
from sidelight.models.content_space import ContentSpace  # noqa: E402
from sidelight.tasks.noise_control import NoiseTask  # noqa: E402
from sidelight.training.batches import Batches  # noqa: E402
from sidelight.training.gradient_signals import signals  # noqa: E402
from sidelight.training.objectives.softmax import Softmax  # noqa: E402
from sidelight.training.self_retrieval import LEAST, SelfRetrieval, with_new_items  # noqa: E402
from sidelight.training.stopping_signal import NoPersonalSignalWarning, StoppingSignal  # noqa: E402
from sidelight.weighting.validation_guided import ValidationGuided  # noqa: E402

CONTENT = (sl.Text("title", "description", min_df=1), sl.Vector("vector"))


def towers_of(split: sl.Split, **options: Any) -> Towers:
    spec = sl.TwoTower(CONTENT, dim=16, options=OPTIONS, **options)
    return spec.towers(ContentSpace.fit(CONTENT, split.data), split)


def test_a_single_interaction_is_a_view_and_its_own_target(lone: sl.Split) -> None:
    towers = towers_of(lone).eval()
    data = Batches.of(lone, OPTIONS)
    batch = data.make(0, towers)
    assert not (batch.history >= 0).any()
    assert batch.targets[:, 0].tolist() == list(range(len(batch.users)))
    chosen = batch.items[batch.targets[:, 1]]
    torch.testing.assert_close(batch.views, towers.content(chosen))
    with torch.no_grad():
        towers.ids.ids.add_(1.0)
    assert torch.equal(data.make(0, towers).views, batch.views)  # no id
    hidden = data.make(0, towers.train())
    assert not torch.allclose(hidden.views, batch.views)  # words are hidden
    assert torch.equal(hidden.targets, batch.targets)


def test_the_item_of_a_view_competes(lone: sl.Split) -> None:
    """Masked as an input it would have no probability: the loss would be of the size of the mask."""
    towers = towers_of(lone)
    data = Batches.of(lone, OPTIONS)
    assert float(Softmax().build(lone, towers)(data.make(0, towers), towers).detach().sum()) < 20


def test_longer_histories_get_no_view_unless_asked_for(many: sl.Split) -> None:
    towers = towers_of(many).eval()  # while training a view may have all of its words hidden
    histories = many.fitting()
    plain = Batches.of(many, OPTIONS).make(0, towers)
    several = torch.as_tensor(histories.getnnz(axis=1) > 1)[plain.users]
    assert ((plain.history >= 0).any(dim=1) == several).all()
    assert plain.views is None or not plain.views[several].any()
    batch = Batches.of(many, replace(OPTIONS, views=0.5)).make(0, towers)
    seen = batch.views.any(dim=1)
    assert 0.25 < float(seen[several].float().mean()) < 0.75
    assert ((batch.history >= 0).any(dim=1) == (several & ~seen)).all()
    for place in torch.nonzero(seen).ravel().tolist():
        targets = batch.items[batch.targets[batch.targets[:, 0] == place, 1]]
        assert set(targets.tolist()) == set(histories[int(batch.users[place])].indices)
    none = Batches.of(many, replace(OPTIONS, lone=0.0)).make(0, towers)
    assert none.views is None


def test_towers_learn_from_single_interactions(lone: sl.Split) -> None:
    """Without views nothing but popularity is learned; the start is a random map of the content."""
    ndcg = {}
    for name, options in (("start", {"epochs": 1, "lr": 1e-9}), ("without", {"lone": 0.0}), ("views", {})):
        spec = sl.TwoTower(CONTENT, dim=16, options=replace(OPTIONS, **options))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NoPersonalSignalWarning)
            model = spec.fit(lone)
        truth = lone.data.matrix(lone.sealed)
        scores = model.scorer.score(lone.histories())
        scores[lone.histories().matrix().nonzero()] = -np.inf
        best = np.argsort(-scores, axis=1)[:, :20]
        ndcg[name] = np.mean([truth[u, best[u]].sum() for u in range(lone.data.n_users)])
    assert ndcg["views"] > 1.05 * max(ndcg["start"], ndcg["without"])


def test_steering_has_a_direction_where_validation_has_none(lone: sl.Split) -> None:
    towers = towers_of(lone)
    judge = StoppingSignal.of(lone, towers, OPTIONS)
    data = Batches.of(lone, OPTIONS)
    losses = {"primary": Softmax().build(lone, towers)(data.make(0, towers), towers)}
    losses["twin"] = judge.steering.losses(0, towers)[0]
    found = signals(1, losses, towers, frozenset({"agreement"}), judge.steering)
    assert len(found.agreement["twin"]) == 1 and found.agreement["twin"][0] > 0.3
    spec = sl.TwoTower(CONTENT, (NoiseTask(),), ValidationGuided(every=1), dim=16, options=OPTIONS)
    with pytest.warns(NoPersonalSignalWarning):
        weights = spec.fit(lone).scorer.trace["weights"]["noise"]
    assert np.mean(weights[len(weights) // 2 :]) < 0.3


def test_self_retrieval_is_the_formula(lone: sl.Split) -> None:
    towers = towers_of(lone)
    found = SelfRetrieval.of(lone, towers, 0)
    assert len(found.items) >= LEAST and not towers.touched[found.items].any()
    own = replace(found, keep=1.0)
    assert own.figures(towers)["signal"] == pytest.approx(1.0, abs=0.05)  # an item finds itself
    towers.eval()
    views = found._views(towers, found.items, 0).detach().numpy()
    content = towers.content(torch.arange(towers.n_items)).detach().numpy()
    total = 0.0
    for view, item in zip(views, found.items, strict=True):
        scores = content[found.candidates] @ view
        rank = int((scores > content[item] @ view).sum())
        total += 1 / np.log2(rank + 2) if rank < 20 else 0.0
    figures = found.figures(towers)
    assert figures["views"] == pytest.approx(total / len(found.items), abs=0.02)
    assert figures["signal"] == pytest.approx(figures["views"], abs=0.0051)
    assert figures["signal"] * 100 == pytest.approx(round(figures["signal"] * 100))


def test_items_are_hidden_only_where_all_are_touched(many: sl.Split, lone: sl.Split) -> None:
    assert with_new_items(lone, 0) is lone
    everything = replace(many, candidates=many.fitting().getnnz(axis=0) > 0)
    found = with_new_items(everything, 0)
    untouched = (found.fitting().getnnz(axis=0) == 0) & found.candidates
    assert untouched.sum() >= LEAST and found.cold[untouched].all() and not len(found.validation)
    assert set(found.train) < set(many.train)
    few = replace(many, candidates=np.arange(many.data.n_items) < 40)
    assert len(with_new_items(few, 0).train) <= len(many.train)


def test_views_of_a_share_are_shares() -> None:
    for name in ("lone", "views", "empty_history_rate"):
        with pytest.raises(SpecError, match=f"{name} in \\[0, 1\\]"):
            replace(OPTIONS, **{name: 1.5})
