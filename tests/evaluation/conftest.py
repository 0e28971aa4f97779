"""Fixtures of this folder."""

from __future__ import annotations

import numpy as np
import pytest
from made_splits import TRAIN, Fixed, split_of


@pytest.fixture
def shop_case():
    rng = np.random.default_rng(5)
    parts = rng.choice(4, p=[0.5, 0.2, 0.15, 0.15], size=(30, 40))
    cold = np.arange(40) >= 30
    parts[:, cold] = np.where(parts[:, cold] == TRAIN, 0, parts[:, cold])
    split = split_of(parts, cold)
    return split, Fixed(rng.standard_normal((30, 40)).astype(np.float32), split.histories().matrix())
