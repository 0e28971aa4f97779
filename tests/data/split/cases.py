"""Cases that several test files of this folder share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import assume, settings
from made_events import Row, dataset

from sidelight.data import split as make
from sidelight.data.dataset import Dataset
from sidelight.data.split.split import Split
from sidelight.errors import DataError

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


FULL = [(u, i, u + 2 * i) for u in range(1, 7) for i in range(1, 10)]
