"""Cases that several test files of this folder share: a task in a batch, and the slow formulas of losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from made_tasks import CONTENT, OPTIONS, again, towers_of

import sidelight as sl
from sidelight.models.content_space import ContentSpace
from sidelight.training.batches import Batches

Rows = Any


class Made(NamedTuple):
    """A task with its loss module, and what it is computed from."""

    split: sl.Split
    task: Any
    module: Any
    batch: Any
    towers: Any

    def loss(self, **changes: Any) -> Any:
        """The loss in the batch, with some of its fields changed."""
        return self.module(replace(again(self.batch), **changes), self.towers)


def still(split: sl.Split, task: Any) -> Made:
    """As in the contract, without dropout and with a step of its own behind every parameter."""
    towers = towers_of(split).eval()
    torch.manual_seed(0)
    module = task.build(split, towers, 0)
    noise = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in (*towers.parameters(), *module.parameters()):
            p.add_(0.1 * torch.randn(p.shape, generator=noise))
    batch = Batches.of(split, replace(OPTIONS, batch_size=40)).make(0, towers)
    return Made(split, task, module, batch, towers)


def assert_formula(split: sl.Split, task: Any, formula: Callable[[Made], float]) -> None:
    """Fail unless the loss is the formula, to float32."""
    made = still(split, task)
    with torch.no_grad():
        wanted = formula(made._replace(batch=again(made.batch)))
    np.testing.assert_allclose(float(made.loss().detach()), wanted, rtol=1e-3, atol=1e-6)


def teaches_nothing(loss: Any) -> bool:
    """True if a loss is zero and has a gradient, as where there is nothing to learn from."""
    return bool(loss.requires_grad) and float(loss.detach()) == 0


def one_modality(split: sl.Split) -> Any:
    """Towers over titles alone."""
    content = CONTENT[:1]
    return sl.TwoTower(content, dim=6, options=OPTIONS).towers(ContentSpace.fit(content, split.data), split)


def array(tensor: Any) -> np.ndarray:
    return tensor.detach().numpy().astype(np.float64)


def unit(rows: Rows) -> np.ndarray:
    return np.array([row / max(np.linalg.norm(row), 1e-12) for row in np.atleast_2d(rows)])


def softmax(row: Rows) -> np.ndarray:
    e = np.exp(np.asarray(row) - np.max(row))
    return e / e.sum()


def kl(wanted: Rows, found: Rows) -> float:
    return float(sum(p * (np.log(p) - np.log(q)) for p, q in zip(wanted, found, strict=True) if p > 0))


def pairs(a: np.ndarray, b: np.ndarray, temperature: float) -> float:
    """Symmetric InfoNCE of two views."""
    z = unit(a) @ unit(b).T / temperature
    n = range(len(z))
    return float(np.mean([-np.log(softmax(z[i])[i]) - np.log(softmax(z[:, i])[i]) for i in n]) / 2)


def neighbourhoods(found: np.ndarray, wanted: np.ndarray, temperature: float) -> float:
    """Divergence between the neighbourhoods of two tables of similarities."""
    total = 0.0
    for i in range(len(found)):
        others = [j for j in range(len(found)) if j != i]
        total += kl(softmax(wanted[i, others] / temperature), softmax(found[i, others] / temperature))
    return total / len(found)


def columns(module: Any, decoder: Any, vector: np.ndarray, wanted: np.ndarray) -> float:
    """Cross entropy between absolute weights as shares and a softmax over the columns."""
    guess = array(decoder.weight) @ vector + array(decoder.bias)
    share = np.abs(wanted) / np.abs(wanted).sum()
    return -float((share * np.log(softmax(guess * float(module.scale)))).sum())


def there(towers: Any, items: Any) -> np.ndarray:
    """Modalities of some items, bool (n, n_modalities)."""
    return np.array([[bool(m.present[i]) for m in towers.fusion.modalities] for i in items.tolist()])


def gradients(towers: Any, loss: Any) -> Any:
    """Gradients of all parameters in one row, zero where none reaches."""
    found = torch.autograd.grad(loss, list(towers.parameters()), allow_unused=True, retain_graph=True)
    both = zip(found, towers.parameters(), strict=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).ravel() for g, p in both])
