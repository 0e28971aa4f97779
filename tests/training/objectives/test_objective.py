"""Parts that objectives are written with: scaled scores with a mask of the inputs, and no loss at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_towers import OPTIONS, small_split, small_towers  # noqa: E402

from sidelight.training.batches import Batches  # noqa: E402
from sidelight.training.objectives.objective import batch_logits, no_loss  # noqa: E402


def made() -> tuple[Any, Any]:
    towers = small_towers().eval()
    return towers, Batches.of(small_split(), OPTIONS).make(1, towers)


def test_logits_are_scaled_scores_of_the_items_of_the_batch() -> None:
    towers, batch = made()
    found = batch_logits(batch, towers)[0].detach().numpy()
    assert found.shape == (len(batch.users), len(batch.items))
    vectors, scale = batch.vectors.detach().numpy(), float(towers.log_scale.exp().detach())
    beside = batch.offset().detach().numpy()  # views of users whose inputs are hidden
    assert beside.any()
    for place, row in enumerate(batch.history):
        own = vectors[row[row >= 0].numpy()]
        user = towers.default.detach().numpy() + own.sum(axis=0) / max(1, len(own)) ** 0.5 + beside[place]
        np.testing.assert_allclose(found[place], scale * vectors @ user, rtol=1e-4, atol=1e-4)


def test_the_mask_holds_the_inputs_and_no_target() -> None:
    towers, batch = made()
    inputs = batch_logits(batch, towers)[1]
    assert inputs.dtype == torch.bool and inputs.any()
    for place, row in enumerate(batch.history):
        assert torch.nonzero(inputs[place])[:, 0].tolist() == sorted(row[row >= 0].tolist())
    assert not inputs[batch.targets[:, 0], batch.targets[:, 1]].any()


def test_what_is_known_beside_the_history_is_part_of_the_user() -> None:
    towers, batch = made()
    side = torch.randn(len(batch.users), towers.dim, generator=torch.Generator().manual_seed(0))
    plain, told = (batch_logits(b, towers)[0] for b in (batch, replace(batch, side_vectors=side)))
    torch.testing.assert_close(
        told - plain, towers.log_scale.exp() * side @ batch.vectors.T, atol=1e-4, rtol=0
    )


def test_a_user_without_inputs_has_an_empty_mask() -> None:
    towers, batch = made()
    empty = replace(batch, history=torch.full_like(batch.history, -1))
    assert not batch_logits(empty, towers)[1].any()


def test_no_loss_is_a_zero_for_each_user_with_a_gradient() -> None:
    _, batch = made()
    losses = no_loss(batch)
    assert losses.tolist() == [0.0] * len(batch.users)
    losses.sum().backward()
    assert no_loss(replace(batch, users=batch.users[:0])).shape == (0,)
