"""`Step`: the protocol that turns the losses of a batch into gradients, and the plain sum."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from sidelight.option_types import checked

if TYPE_CHECKING:
    from torch import Tensor, nn

    Backward: TypeAlias = Callable[
        [Mapping[str, Tensor], Mapping[str, float], Sequence[nn.Parameter], Sequence[nn.Parameter], int], None
    ]


class Step(Protocol):
    """Spec of a rule from several losses to one gradient: a frozen dataclass of options."""

    def build(self) -> Backward:
        """Return a function that sets the gradient of every parameter.

        It is called as (losses, weights, shared, parameters, seed):

        - losses: by name, "primary" first; each a scalar or one value per user, to be added up, all of
          one graph, which is freed;
        - weights: loss weight of each task; that of "primary" is 1;
        - shared: parameters that several losses may reach; parameters: all of them;
        - seed: for rules that draw.

        Raises:
            MissingExtraError: The rule needs a package that is not installed.
        """
        ...


@dataclass(frozen=True)
@checked
class GradientSum:
    """Gradient of primary + sum of weight * task: the ordinary step.

    Examples:
        >>> import torch
        >>> x = torch.nn.Parameter(torch.zeros(1))
        >>> losses = {"primary": 2 * x, "task": 3 * x.sum()}
        >>> GradientSum().build()(losses, {"task": 0.5}, [x], [x], 0)
        >>> x.grad
        tensor([3.5000])
    """

    def build(self) -> Backward:
        """See `Step.build`."""
        import torch

        def backward(
            losses: Mapping[str, Tensor],
            weights: Mapping[str, float],
            shared: Sequence[nn.Parameter],
            parameters: Sequence[nn.Parameter],
            seed: int,
        ) -> None:
            tasks = [weights[name] * loss.sum() for name, loss in losses.items() if name in weights]
            torch.autograd.backward(sum(tasks, losses["primary"].sum()))

        return backward
