"""Contract of objectives: one finite value per user, and a new one is a single class."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_towers import CONTENT, OPTIONS, small_split, small_towers  # noqa: E402

import sidelight as sl  # noqa: E402
import sidelight.training.objectives  # noqa: E402
from sidelight import config  # noqa: E402
from sidelight.training.batches import Batches  # noqa: E402
from sidelight.training.objectives.objective import batch_logits, no_loss  # noqa: E402


@dataclass(frozen=True)
class Hinge:
    """An objective from outside the package: targets one above the mean of all touched items."""

    margin: float = 1.0

    def build(self, split: sl.Split, towers: Any, seed: int = 0) -> Any:
        margin = self.margin

        class HingeLoss(torch.nn.Module):
            def forward(self, batch: Any, towers: Any) -> Any:
                if not len(batch.targets):
                    return no_loss(batch)
                logits, _ = batch_logits(batch, towers)
                user, item = batch.targets.T
                apart = (margin + logits.mean(dim=1)[user] - logits[user, item]).clamp_min(0)
                return logits.new_zeros(len(logits)).index_add(0, user, apart) / len(logits)

        return HingeLoss()


FILES = [m.name for m in pkgutil.iter_modules(sidelight.training.objectives.__path__)]
SHIPPED = [sl.Softmax(), sl.BPR()]
each = pytest.mark.parametrize("objective", [*SHIPPED, Hinge()], ids=lambda o: type(o).__name__)


def batch_of(towers: Any, **options: Any) -> Any:
    return Batches.of(small_split(), replace(OPTIONS, **options)).make(1, towers)


def test_every_shipped_objective_is_here() -> None:
    modules = [importlib.import_module(f"sidelight.training.objectives.{n}") for n in FILES]
    own = {v for m in modules for v in vars(m).values() if getattr(v, "__module__", "") == m.__name__}
    assert {type(o) for o in SHIPPED} == {v for v in own if hasattr(v, "__dataclass_fields__")}


@each
def test_one_finite_value_per_user_that_reaches_the_towers(objective: Any) -> None:
    towers = small_towers().train()
    batch = batch_of(towers)
    losses = objective.build(small_split(), towers)(batch, towers)
    assert losses.shape == (len(batch.users),) and torch.isfinite(losses).all()
    assert (losses >= 0).all()
    losses.sum().backward()
    assert all(float(m.grad.abs().sum()) > 0 for m in towers.fusion.maps)


@each
def test_without_targets_it_is_zero_with_a_gradient(objective: Any) -> None:
    towers = small_towers().train()
    batch = replace(batch_of(towers), targets=torch.zeros((0, 2), dtype=torch.int64))
    losses = objective.build(small_split(), towers)(batch, towers)
    assert losses.shape == (len(batch.users),) and not losses.any()
    losses.sum().backward()


@each
def test_a_user_alone_has_the_loss_of_its_share(objective: Any) -> None:
    """Losses are separate per user: what another user did has no say in one's own."""
    towers = small_towers().eval()
    batch = batch_of(towers, full_softmax_limit=10**6)
    if isinstance(objective, sl.BPR):
        objective = sl.BPR(negatives=10**6)  # all of them, so that no draw has a say
    module = objective.build(small_split(), towers)
    whole = module(batch, towers)
    for place in (0, 3):
        own = batch.targets[batch.targets[:, 0] == place].clone()
        own[:, 0] = 0
        views = None if batch.views is None else batch.views[[place]]
        alone = replace(
            batch, users=batch.users[[place]], history=batch.history[[place]], targets=own, views=views
        )
        found = module(alone, towers)
        torch.testing.assert_close(found[0], whole[place] * len(batch.users))


@each
def test_a_step_lowers_the_loss(objective: Any) -> None:
    towers = small_towers().eval()
    module, optimizer = objective.build(small_split(), towers), torch.optim.Adam(towers.parameters(), 3e-3)
    values = []
    for _ in range(25):
        loss = module(batch_of(towers), towers).sum()
        values.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert values[-1] < values[0]


@each
def test_a_model_is_fitted_with_it(objective: Any) -> None:
    assert config.from_dict(config.to_dict(objective)) == objective
    spec = sl.TwoTower(CONTENT, dim=8, options=OPTIONS, objective=objective, floor=False)
    vectors = spec.fit(small_split()).scorer.vectors
    assert np.array_equal(vectors, spec.fit(small_split()).scorer.vectors)
    default = replace(spec, objective=sl.Softmax()).fit(small_split()).scorer.vectors
    assert np.array_equal(vectors, default) == (objective == sl.Softmax())
