"""Contract of steps: they set every gradient, and a new one is a single class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchjd")

from made_towers import CONTENT, OPTIONS, small_split  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight import config  # noqa: E402
from sidelight.training.gradient_aggregation import RULES  # noqa: E402


@dataclass(frozen=True)
class Clipped:
    """A step from outside the package: each user's gradient of the primary is clipped, as in DP-SGD."""

    bound: float = 0.1

    def build(self) -> Any:
        def backward(losses: Any, weights: Any, shared: Any, parameters: Any, seed: int) -> None:
            total = [torch.zeros_like(p) for p in parameters]
            primary = losses["primary"].reshape(-1)
            for at, own in enumerate(primary):
                keep = at < len(primary) - 1 or len(losses) > 1
                row = torch.autograd.grad(own, list(parameters), retain_graph=keep, allow_unused=True)
                size = sum(float(g.square().sum()) for g in row if g is not None) ** 0.5
                for out, g in zip(total, row, strict=True):
                    if g is not None:
                        out += g * min(1.0, self.bound / max(size, 1e-12))
            for parameter, gradient in zip(parameters, total, strict=True):
                parameter.grad = gradient
            tasks = [weights[name] * losses[name].sum() for name in weights if losses[name].requires_grad]
            if tasks:
                torch.autograd.backward(sum(tasks))

        return backward


WEIGHING = ("MGDA", "IMTLG", "AlignedMTL")  # rules that change the sizes of gradients in agreement
SHIPPED = [sl.GradientSum(), *(sl.GradientAggregation(rule) for rule in RULES)]
each = pytest.mark.parametrize("step", [*SHIPPED, Clipped(1e9)], ids=str)


def losses() -> tuple[list[Any], dict[str, Any]]:
    """Losses whose gradients do not touch each other, the primary one value per user."""
    shared, own = torch.nn.Parameter(torch.zeros(3)), torch.nn.Parameter(torch.zeros(2))
    primary = torch.stack([2 * shared[0], 4 * shared[0] + own.sum()])
    return [shared, own], {"primary": primary, "a": 3 * shared[1], "b": shared[2] * 5}


@each
def test_values_per_user_are_added_up_and_a_weight_of_zero_counts_nothing(step: Any) -> None:
    parameters, found = losses()
    step.build()(found, {"a": 2.0, "b": 0.0}, parameters[:1], parameters, 0)
    assert torch.equal(parameters[1].grad, torch.ones(2))
    gradient = parameters[0].grad
    assert gradient[2] == 0 and (gradient[:2] > 0).all()
    if getattr(step, "aggregator", "") not in WEIGHING:
        torch.testing.assert_close(gradient, torch.tensor([6.0, 6.0, 0.0]), atol=2e-3, rtol=1e-3)


@each
def test_it_goes_through_text(step: Any) -> None:
    assert config.from_dict(config.to_dict(step)) == step


def test_a_step_from_outside_trains_a_model() -> None:
    spec = sl.TwoTower(CONTENT, (sl.Reconstruction(),), dim=8, options=OPTIONS, floor=False)
    plain, clipped = (
        sl.TwoTower(CONTENT, spec.tasks, dim=8, options=OPTIONS, combine=step, floor=False).fit(small_split())
        for step in (None, Clipped())
    )
    assert (plain.scorer.vectors != clipped.scorer.vectors).any()
