"""Combined gradients: the sum where nothing is in conflict, and no loss made worse where something is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchjd")

import sidelight as sl  # noqa: E402
from sidelight import config  # noqa: E402
from sidelight.data.synthetic import make_synthetic  # noqa: E402
from sidelight.errors import MissingExtraError, SpecError  # noqa: E402
from sidelight.models.content_space import ContentSpace  # noqa: E402
from sidelight.models.two_tower import TwoTower  # noqa: E402
from sidelight.tasks.alignment import Alignment  # noqa: E402
from sidelight.tasks.label_prediction import LabelPrediction  # noqa: E402
from sidelight.training import loop  # noqa: E402
from sidelight.training.fork_merge import ForkMerge  # noqa: E402
from sidelight.training.gradient_aggregation import RULES, GradientAggregation, jacobian_backward  # noqa: E402
from sidelight.training.schedules import Loop  # noqa: E402
from sidelight.training.training_options import TrainingOptions  # noqa: E402

SMALL = TrainingOptions(epochs=2, batch_size=32, min_steps=3, task_items=20, lr=1e-2)
TASKS = (LabelPrediction(sl.Categories("category"), min_items=1), Alignment(dim=4))


@pytest.fixture(scope="module")
def split() -> sl.Split:
    return sl.split.temporal(make_synthetic(60, 50, 900, seed=1).data)


def spec(split: sl.Split, **options: Any) -> TwoTower:
    content = (sl.Text("title", min_df=1), sl.Vector("vector"))
    return TwoTower(content, TASKS, dim=8, options=SMALL, **options)


def towers_of(split: sl.Split) -> Any:
    model = spec(split)
    return model.towers(ContentSpace.fit(model.content, split.data), split)


def gradients(split: sl.Split, aggregate: Any, step: int = 3) -> tuple[Any, dict[str, Any]]:
    """State and gradients of the step after a few, where the losses no longer agree."""
    run = loop.Training(towers_of(split), split, TASKS, options=SMALL)
    state = run.begin()
    run.towers.train()
    for _ in range(step):
        run.optimizer_step(state, run.compute_losses(state))
    state.optimizer.step = lambda: None  # the gradients are wanted, not the step
    if aggregate is None:
        run.optimizer_step(state, run.compute_losses(state))
    else:
        losses = run.compute_losses(state)
        parts = [losses["primary"].sum(), *(state.weights[t.name] * losses[t.name] for t in TASKS)]
        everything = list(state.modules.parameters())
        jacobian_backward(parts, list(run.towers.parameters()), everything, aggregate, state.step)
        state.step += 1
    found = {n: p.grad for n, p in state.modules.named_parameters()}
    return state, {n: g.clone() for n, g in found.items() if g is not None}


def test_the_sum_is_the_ordinary_step(split: sl.Split) -> None:
    _, plain = gradients(split, None)
    _, summed = gradients(split, GradientAggregation("Sum").rule())
    assert plain.keys() == summed.keys()
    for name, gradient in plain.items():
        assert torch.allclose(gradient, summed[name], rtol=1e-4, atol=1e-7), name


def test_only_what_several_losses_reach_is_combined(split: sl.Split) -> None:
    _, plain = gradients(split, None)
    _, mean = gradients(split, lambda jacobian, seed: jacobian.mean(dim=0))
    own = {n for n in plain if n.startswith("task")} | {"towers.default", "towers.log_scale"}
    assert own & plain.keys() and "towers.fusion.maps.0" in plain
    for name, gradient in plain.items():
        share = 1.0 if name in own else 1 / (1 + len(TASKS))
        assert torch.allclose(gradient * share, mean[name], rtol=1e-4, atol=1e-7), name


def losses(scale: float = 1.0) -> tuple[Any, list[Any], Any]:
    """Two losses in conflict on `shared`, a third beside them, and a parameter of one alone."""
    shared, own = torch.nn.Parameter(torch.zeros(3)), torch.nn.Parameter(torch.zeros(2))
    rows = scale * torch.tensor([[4.0, 1.0, 0.0], [-3.0, 1.0, 0.5], [0.2, -1.0, 1.0]])
    parts = [shared @ row for row in rows]
    parts[1] = parts[1] + own.sum()
    return (shared, own), parts, rows


@pytest.mark.parametrize("scale", [1.0, 1e-5, 1e4])
@pytest.mark.parametrize("rule", ["UPGrad", "DualProj"])
def test_no_loss_grows_by_the_step(rule: str, scale: float) -> None:
    (shared, own), parts, rows = losses(scale)
    assert (rows @ rows.sum(dim=0)).min() < 0  # the plain sum makes one of them worse
    jacobian_backward(parts, [shared], [shared, own], GradientAggregation(rule).rule(), 0)
    inner = rows @ shared.grad / rows.norm(dim=1) / shared.grad.norm()
    assert (inner >= -1e-3).all()
    assert torch.equal(own.grad, torch.ones(2))


def test_no_loss_grows_in_training(split: sl.Split) -> None:
    state, joined = gradients(split, GradientAggregation().rule())
    towers = state.modules["towers"]
    state.step -= 1
    found = loop.Training(towers, split, TASKS, options=SMALL).compute_losses(state)
    named = {n: p for n, p in towers.named_parameters() if f"towers.{n}" in joined}
    for name, loss in found.items():
        own = torch.autograd.grad(loss.sum(), list(named.values()), retain_graph=True, allow_unused=True)
        pairs = [(g, joined[f"towers.{n}"]) for n, g in zip(named, own, strict=True) if g is not None]
        inner = sum(float((g * j).sum()) for g, j in pairs)
        size = sum(float((g * g).sum()) for g, _ in pairs) ** 0.5
        assert inner >= -1e-3 * size * sum(float((j * j).sum()) for _, j in pairs) ** 0.5, name


@pytest.mark.parametrize("rule", ["UPGrad", "DualProj", "PCGrad", "Sum"])
def test_losses_that_agree_are_added_up(rule: str) -> None:
    shared = torch.nn.Parameter(torch.zeros(2))
    rows = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    jacobian_backward([shared @ row for row in rows], [shared], [shared], GradientAggregation(rule).rule(), 0)
    assert torch.allclose(shared.grad, rows.sum(dim=0), atol=2e-3)


@pytest.mark.parametrize("rule", RULES)
def test_a_loss_without_a_gradient_has_no_say(rule: str) -> None:
    (shared, own), parts, rows = losses()
    parts = [parts[0], shared.sum() * 0.0, torch.zeros(())]
    jacobian_backward(parts, [shared], [shared, own], GradientAggregation(rule).rule(), 0)
    assert torch.allclose(shared.grad, rows[0])
    assert own.grad is None


@pytest.mark.parametrize("rule", ["PCGrad", "UPGrad"])
def test_equal_seeds_give_equal_weights(split: sl.Split, rule: str) -> None:
    found = []
    for noise in (0, 1):
        torch.manual_seed(noise)  # nothing outside the run has a say
        towers = towers_of(split)
        loop.train(loop.Training(towers, split, TASKS, options=SMALL, step=GradientAggregation(rule)))
        found.append({k: v.clone() for k, v in towers.state_dict().items()})
    assert all(torch.equal(found[0][k], found[1][k]) for k in found[0])


@pytest.mark.parametrize("rule", [Loop(), ForkMerge(branches="all", level=1.0)], ids=["train", "fork_merge"])
def test_a_model_is_fitted_and_saved_with_it(split: sl.Split, tmp_path: Path, rule: Any) -> None:
    model, plain = spec(split, schedule=rule, combine=GradientAggregation()), spec(split, schedule=rule)
    assert config.from_dict(config.to_dict(model)) == model
    fitted, other = model.fit(split), plain.fit(split)
    assert (fitted.scorer.vectors != other.scorer.vectors).any()
    fitted.save(tmp_path / "m")
    assert sl.load(tmp_path / "m").spec == model


def test_it_is_a_spec() -> None:
    rule = GradientAggregation("PCGrad")
    assert config.from_dict(config.to_dict(rule)) == rule
    with pytest.raises(SpecError, match="did you mean 'UPGrad'"):
        GradientAggregation("UpGrad")


@pytest.mark.parametrize("package", ["torchjd", "torchjd.aggregation"])
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    if package == "torchjd.aggregation":
        monkeypatch.delattr("torchjd.aggregation")
    with pytest.raises(MissingExtraError, match=r"sidelight\[combine\]"):
        GradientAggregation().build()
