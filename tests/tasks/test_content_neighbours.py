"""Content neighbours: cosines of the modalities that are named, or of all."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_tasks import towers_of  # noqa: E402
from tasks.cases import (  # noqa: E402
    Made,
    array,
    assert_formula,
    neighbourhoods,
    still,
    teaches_nothing,
    there,
    unit,
)

import sidelight as sl  # noqa: E402
from sidelight.errors import SpecError  # noqa: E402


def formula(made: Made) -> float:
    modalities = made.towers.fusion.modalities
    used = [m for m, each in enumerate(modalities) if each.name in (made.task.modalities or [each.name])]
    drawn = made.batch.drawn[torch.tensor(there(made.towers, made.batch.drawn)[:, used].any(axis=1))]
    has, n = there(made.towers, drawn), len(drawn)
    x = [unit(array(m.dense(drawn))) for m in modalities]
    near = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            both = [x[m][i] @ x[m][j] for m in used if has[i, m] and has[j, m]]
            near[i, j] = np.mean(both) if both else 0.0
    content = array(made.towers.content(drawn))
    return neighbourhoods(content @ content.T, near, made.task.temperature)


@pytest.mark.parametrize("names", [(), ("vector:vector",), ("tags:tags", "text:title")], ids=str)
def test_the_loss_is_the_formula(split: sl.Split, names: tuple[str, ...]) -> None:
    assert_formula(split, sl.ContentNeighbours(names, keep=1.0), formula)


def test_a_modality_that_is_not_there_is_refused(split: sl.Split) -> None:
    with pytest.raises(SpecError, match="ContentNeighbours: no modality 'tags'; did you mean 'tags:tags'"):
        sl.ContentNeighbours(("tags",)).build(split, towers_of(split))


def test_fewer_than_three_items_have_no_neighbourhood(split: sl.Split) -> None:
    made = still(split, sl.ContentNeighbours())
    for n in range(3):
        assert teaches_nothing(made.loss(drawn=made.batch.drawn[:n]))
    assert float(made.loss(drawn=made.batch.drawn[:3]).detach()) > 0
