"""Towers whose content or histories are altered after training: what is lost, what changes in lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

import sidelight as sl
from sidelight.content.cache import Cache
from sidelight.content.features import Features
from sidelight.evaluation.ranking import top_k
from sidelight.models.content_space import ContentSpace
from sidelight.towers.modality import Modality
from sidelight.training.loop import Training, train
from sidelight.training.validation_scores import TowerScores, item_vectors


def trained(spec: sl.TwoTower, split: sl.Split, space: ContentSpace) -> Any:
    """Towers after training; the split has new items enough to choose by."""
    towers = spec.towers(space, split)
    options = replace(spec.options, seed=spec.options.seed + spec.seed)
    train(Training(towers, split, spec.tasks, spec.weighting, options))
    return towers


def content(spec: sl.TwoTower, split: sl.Split) -> ContentSpace:
    """The encoded catalogue."""
    return ContentSpace.fit(spec.content, split.data, (), Cache())


def scores(towers: Any, features: Sequence[Features] | None = None) -> TowerScores:
    """Scores of towers, with other features of the items if any are given."""
    own = towers.fusion.modalities
    if features is not None:
        towers.fusion.modalities = tuple(Modality.of(f) for f in features)
    vectors = item_vectors(towers)
    towers.fusion.modalities = own
    return TowerScores(towers, vectors)


def lists(
    model: TowerScores, split: sl.Split, users: np.ndarray, histories: sp.csr_matrix, k: int = 20
) -> np.ndarray:
    """The k best candidates of each user without what they have, int32 (n_users, k)."""
    seen, out = split.histories().matrix()[users], []
    for at in range(0, len(users), 512):
        rows = slice(at, at + 512)
        out.append(top_k(model.score(histories[rows]), k, seen[rows], split.candidates)[0])
    return np.vstack(out)
