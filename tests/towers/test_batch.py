"""`Batch.offset` adds what is there."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from sidelight.towers.batch import Batch  # noqa: E402

NONE = torch.zeros(0, dtype=torch.int64)


def batch(**parts: Any) -> Batch:
    return Batch(NONE, torch.zeros(0, 2), NONE, NONE[None], NONE[:, None], NONE, torch.Generator(), **parts)


def test_the_offset_is_the_sum_of_what_is_there() -> None:
    side, views = torch.ones(3, 2), torch.full((3, 2), 4.0)
    assert batch().offset() is None
    assert torch.equal(batch(side_vectors=side).offset(), side)
    assert torch.equal(batch(views=views).offset(), views)
    assert torch.equal(batch(side_vectors=side, views=views).offset(), side + views)
