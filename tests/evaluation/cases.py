"""Cases that several test files of this folder share."""

from __future__ import annotations

import numpy as np
from made_splits import TRAIN, Fixed, split_of

from sidelight.evaluation import evaluate


def shown(row):
    return [int(i) for i in row if i >= 0]


def run(seed=0, groups=("item:brand",)):
    rng = np.random.default_rng(5)
    parts = rng.choice(4, p=[0.5, 0.2, 0.2, 0.1], size=(30, 40))
    cold = np.arange(40) >= 30
    parts[:, cold] = np.where(parts[:, cold] == TRAIN, 0, parts[:, cold])
    split = split_of(parts, cold)
    scores = np.random.default_rng(seed).standard_normal((30, 40)).astype(np.float32)
    return evaluate(Fixed(scores, split.histories().matrix()), split, ks=(3, 7), groups=groups)
