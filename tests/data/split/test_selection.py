"""Split to choose options on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from made_events import Row, dataset, rows

from sidelight.data import split as make
from sidelight.data.dataset import Dataset
from sidelight.data.split.selection import selection_split
from sidelight.data.split.split import Split
from sidelight.errors import DataError, SpecError

MAKERS: dict[str, Callable[[Dataset, int], Split]] = {
    "temporal": lambda data, seed: make.temporal(data, 0.2, 0.2, seed=seed, simulate=0.3),
    "leave_last_out": lambda data, seed: make.leave_last_out(data, seed=seed, simulate=0.3),
    "random_per_user": lambda data, seed: make.random_per_user(data, 0.2, 0.2, seed=seed, simulate=0.3),
    "cold_items": lambda data, seed: make.cold_items(data, 0.4, seed=seed, simulate=0.3),
    "cold_items_by_time": lambda data, seed: make.cold_items(data, 0.4, by="time", seed=seed, simulate=0.3),
    "cold_users": lambda data, seed: make.cold_users(data, 0.5, history=2, seed=seed, simulate=0.3),
    "automatic": lambda data, seed: make.automatic(data, seed=seed, simulate=0.3),
}


any_maker = pytest.mark.parametrize("name", MAKERS)


few = settings(max_examples=20)


def made(name: str, events: list[Row], seed: int = 0) -> Split:
    """The split, or the example is thrown away when there is too little to split."""
    try:
        return MAKERS[name](dataset(events), seed)
    except DataError:
        assume(False)
        raise


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
