"""Labels of new items are used where they are known at launch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from made_tasks import made  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight.data.synthetic import make_synthetic  # noqa: E402


def gradients(towers: Any, loss: Any) -> Any:
    found = torch.autograd.grad(loss, list(towers.parameters()), allow_unused=True, retain_graph=True)
    pairs = zip(found, towers.parameters(), strict=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).ravel() for g, p in pairs])


def late(split: sl.Split, name: str) -> sl.Split:
    """The split with one item column that is not known at launch."""
    items = tuple(
        replace(c, known_at_launch=c.known_at_launch and c.name != name) for c in split.data.schema.items
    )
    schema = replace(split.data.schema, items=items)
    return replace(split, data=replace(split.data, schema=schema))


def untouched_gradient(split: sl.Split, task: Any, after_launch: str = "") -> float:
    towers, _, batch = made(split, task, touched=False)
    assert len(batch.drawn)
    module = task.build(late(split, after_launch), towers, 0)
    return float(gradients(towers, module(batch, towers)).abs().sum())


def test_labels_of_new_items_are_looked_at_where_they_are_known_at_launch() -> None:
    split = sl.split.cold_items(make_synthetic(60, 120, 900, seed=1).data, share=0.3, warm=0.1)
    task = sl.LabelPrediction(sl.Tags("tags"), min_items=1)
    assert untouched_gradient(split, task) > 0
    assert untouched_gradient(split, task, "tags") == 0
    assert untouched_gradient(split, task, "category") > 0
    assert untouched_gradient(split, replace(task, warm_only=True)) == 0
    assert untouched_gradient(split, replace(task, warm_only=False), "tags") > 0
