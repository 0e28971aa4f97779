"""Split to choose options on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from data.split.cases import any_maker, few, made
from hypothesis import assume, given
from made_events import Row, dataset, rows

from sidelight.data import split as make
from sidelight.data.split.selection import selection_split
from sidelight.errors import SpecError


@any_maker
@few
@given(events=rows())
def test_selection_takes_from_training_alone_and_leaves_everyone_a_history(
    name: str, events: list[Row]
) -> None:
    split = made(name, events)
    assume(split.simulated.any())
    user, item = split.data.interactions.user, split.data.interactions.item
    for fold in (0, 1):
        chosen = selection_split(split, minimum=10_000, fold=fold)
        added = set(chosen.validation) - set(split.validation)
        assert set(chosen.train) < set(split.train) and set(split.validation) <= set(chosen.validation)
        assert added <= set(split.fit_rows) - set(chosen.train)
        assert {user[r] for r in added} <= {user[r] for r in chosen.train}
        assert set(chosen.given) <= set(split.given)
        assert (chosen.cold >= split.cold).all()
        assert chosen.cold[sorted(set(range(split.data.n_items)) - set(item[chosen.fit_rows]))].all()
        assert len(chosen.sealed) == 0
        if fold == 0:
            assert (chosen.cold >= split.simulated).all()
        with pytest.raises(SpecError, match="sealed"):
            chosen.truth("test")


@few
@given(events=rows())
def test_selection_never_takes_the_only_event_of_a_user(events: list[Row]) -> None:
    split = replace(made("random_per_user", events))
    split = replace(split, simulated=np.zeros_like(split.simulated))
    user = split.data.interactions.user
    size = np.bincount(user[split.fit_rows], minlength=split.data.n_users)
    left = selection_split(split, minimum=10_000)
    after = np.bincount(user[left.fit_rows], minlength=split.data.n_users)
    assert ((after > 0) == (size > 0)).all()
    if (size > 1).any():
        assert (after <= size).all()


def test_selection_is_the_split_itself_when_validation_has_cold_items_enough() -> None:
    split = make.cold_items(dataset([(u, i, u) for u in range(1, 7) for i in range(1, 10)]), 0.4, warm=0.2)
    assert selection_split(split, minimum=3) is split
    assert selection_split(split, minimum=10_000) is not split
