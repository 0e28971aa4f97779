"""Aggregation of the gradients of several losses by a rule of torchjd."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from sidelight.errors import SpecError, complain, did_you_mean, missing_extra
from sidelight.option_types import checked

if TYPE_CHECKING:
    from torch import Tensor, nn

    from sidelight.training.steps import Backward

    Aggregate: TypeAlias = Callable[[Tensor, int], Tensor]
    """Map from a Jacobian (losses, parameters) and a seed to one gradient (parameters,)."""

# Rules without memory, which a run could not resume, and without options that have no default.
RULES = ("UPGrad", "DualProj", "AlignedMTL", "PCGrad", "MGDA", "IMTLG", "Sum")
# These take a preference; with ones they give the sum wherever no two losses are in conflict.
PREFERRING = ("UPGrad", "DualProj", "AlignedMTL")


@dataclass(frozen=True)
@checked
class GradientAggregation:
    """Step with a rule of torchjd in place of the sum, where several losses reach a parameter.

    The rows of the Jacobian are the gradients of the primary and of each weighted task on the
    parameters of the towers that two losses or more reach; every other parameter gets the gradient
    of the weighted sum. With "UPGrad" no loss grows by the step, to first order:

        g = sum_k projection of g_k onto {v : g_j . v >= 0 for every j},

    which is the sum of the g_k where none of them are in conflict. It costs one backward pass per
    loss, and memory for as many gradients.

    Args:
        aggregator: "UPGrad", "DualProj", "AlignedMTL", "PCGrad", "MGDA", "IMTLG" or "Sum", as torchjd
            names them. "Sum" is the ordinary step; "MGDA" and "IMTLG" weigh the losses by shares that
            add up to 1, which makes their steps shorter.

    Source: Quinton and Rey, "Jacobian Descent for Multi-Objective Optimization" (2024), for UPGrad
    and for torchjd; ours weighs the rows by the loss weights and leaves out rows that are zero.

    Examples:
        >>> GradientAggregation("UpGrad")
        Traceback (most recent call last):
        sidelight.errors.SpecError: expected an aggregator of torchjd; found 'UpGrad'; in \
GradientAggregation; did you mean 'UPGrad'?
    """

    aggregator: str = "UPGrad"

    def __post_init__(self) -> None:
        if self.aggregator not in RULES:
            where, fix = type(self).__name__, did_you_mean(self.aggregator, RULES)
            raise SpecError(complain("an aggregator of torchjd", repr(self.aggregator), where, fix))

    def build(self) -> Backward:
        """See `Step.build`."""
        rule = self.rule()

        def backward(
            losses: Mapping[str, Tensor],
            weights: Mapping[str, float],
            shared: Sequence[nn.Parameter],
            parameters: Sequence[nn.Parameter],
            seed: int,
        ) -> None:
            rows = {name: weights.get(name, 1.0) for name in losses}
            parts = [weight * losses[name].sum() for name, weight in rows.items() if weight != 0]
            jacobian_backward(parts, shared, parameters, rule, seed)

        return backward

    def rule(self) -> Aggregate:
        """Return the rule as a function; equal seeds give equal results.

        Raises:
            MissingExtraError: torchjd, or a package that its rule needs, is not installed.
        """
        import torch

        try:
            from torchjd import aggregation

            kind: Any = getattr(aggregation, self.aggregator)
            kind()
        except ImportError as error:
            raise missing_extra("torchjd", "combine", "combining gradients") from error

        def aggregate(jacobian: Tensor, seed: int) -> Tensor:
            jacobian = jacobian[jacobian.abs().amax(dim=1) > 0]
            # The rules compare with fixed small numbers; late in training gradients get there.
            size = jacobian.norm()
            if len(jacobian) < 2 or not bool(size > 0):
                plain: Tensor = jacobian.sum(dim=0)
                return plain
            ones = torch.ones(len(jacobian), dtype=jacobian.dtype, device=jacobian.device)
            rule = kind(ones) if self.aggregator in PREFERRING else kind()
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(seed)  # PCGrad takes the losses in a random order
                joined: Tensor = rule(jacobian / size) * size
            return joined

        return aggregate


def jacobian_backward(
    parts: Sequence[Tensor],
    shared: Sequence[nn.Parameter],
    parameters: Sequence[nn.Parameter],
    aggregate: Aggregate,
    seed: int,
) -> None:
    """Set the gradient of every parameter, as `torch.autograd.backward` does for the sum.

    Args:
        parts: Weighted scalars of one graph, which is freed.
        shared: Parameters to aggregate; those that a single part reaches get its gradient.
        parameters: All parameters; the others get the sum.
        aggregate: The result of `GradientAggregation.rule`.
        seed: For rules that draw.
    """
    import torch

    parts = [part for part in parts if part.requires_grad]
    last = len(parts) - 1
    rows = [
        torch.autograd.grad(part, list(parameters), retain_graph=at < last, allow_unused=True)
        for at, part in enumerate(parts)
    ]
    ours, together = {id(parameter) for parameter in shared}, []
    for at, parameter in enumerate(parameters):
        reached = [row[at] for row in rows if row[at] is not None]
        parameter.grad = torch.stack(reached).sum(dim=0) if reached else None
        if id(parameter) in ours and len(reached) > 1:
            together.append(at)
    if not together:
        return
    jacobian = torch.stack([flat([row[at] for at in together], parameters, together) for row in rows])
    joined, start = aggregate(jacobian, seed), 0
    for at in together:
        count = parameters[at].numel()
        parameters[at].grad = joined[start : start + count].view_as(parameters[at])
        start += count


def flat(row: Sequence[Tensor | None], parameters: Sequence[Tensor], places: Sequence[int]) -> Tensor:
    """Concatenate gradients to one vector, zeros where the loss does not reach a parameter."""
    import torch

    pairs = zip(row, places, strict=True)
    return torch.cat([(torch.zeros_like(parameters[at]) if g is None else g).ravel() for g, at in pairs])
