"""Contrast of modalities: pairs of them, over the items that have both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tasks.cases import Made, array, assert_formula, one_modality, pairs, still, teaches_nothing, there  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight.errors import SpecError  # noqa: E402


def formula(made: Made) -> float:
    has, found = there(made.towers, made.batch.drawn), []
    views = [array(made.towers.fusion.project(m, made.batch.drawn)) for m in range(4)]
    for a in range(4):
        for b in range(a + 1, 4):
            both = has[:, a] & has[:, b]
            found.append(pairs(views[a][both], views[b][both], made.task.temperature))
    return float(np.mean(found))


def test_the_loss_is_the_formula(split: sl.Split) -> None:
    assert_formula(split, sl.Contrastive(keep=1.0), formula)


def test_one_modality_is_refused(split: sl.Split) -> None:
    with pytest.raises(SpecError, match="expected two modalities or more; found one; in Contrastive"):
        sl.Contrastive().build(split, one_modality(split))


def test_items_that_share_no_two_modalities_teach_nothing(split: sl.Split) -> None:
    made = still(split, sl.Contrastive())
    first, *others = made.towers.fusion.modalities
    made.towers.fusion.modalities = (first, *(m.missing() for m in others))
    assert teaches_nothing(made.loss())
    has = first.present.clone()
    has[made.batch.drawn[1:]] = False
    made.towers.fusion.modalities = (replace(first, present=has), *others)
    alone = float(made.loss().detach())  # one item with the first: no pair of it counts
    made.towers.fusion.modalities = (first.missing(), *others)
    assert alone == pytest.approx(float(made.loss().detach()))
