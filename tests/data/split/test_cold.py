"""Splits that hold out items or users."""

from __future__ import annotations

import numpy as np
import pytest
from data.split.cases import FULL
from hypothesis import assume, given
from hypothesis import strategies as st
from made_events import Row, dataset, keys, rows

from sidelight.data import split as make
from sidelight.errors import DataError, SpecError


@given(events=rows(20), by=st.sampled_from(["random", "time"]), seed=st.integers(0, 5))
def test_cold_items_validate_and_test_apart(events: list[Row], by: str, seed: int) -> None:
    data = dataset(events)
    try:
        split = make.cold_items(data, 0.5, by=by, seed=seed)  # type: ignore[arg-type]
    except DataError:
        assume(False)
    item = data.interactions.item
    touched = {e[1] - 1 for e in events}
    cold = set(np.flatnonzero(split.cold)) & touched
    assert len(cold) == round(len(touched) * 0.5)
    validation = cold & set(item[split.validation])
    test = cold & set(item[split.sealed])
    assert not validation & test and validation | test == cold and len(test) - len(validation) in (0, 1)
    if by == "time":
        first = {i: min(e[2] for e in events if e[1] - 1 == i) for i in touched}
        assert max(first[i] for i in touched - cold) <= min(first[i] for i in cold)
        assert max(first[i] for i in validation) <= min(first[i] for i in test)
    warm_users = {e[0] for e in events if e[1] - 1 not in cold}
    assert {k[0] for k in keys(data, split.train)} == warm_users


def test_cold_items_measure_warm_ones_too_and_may_go_by_launch() -> None:
    data = dataset(FULL)
    split = make.cold_items(data, 1 / 3, by="time", launch="launch", warm=0.2)
    assert data.item_ids[split.cold].tolist() == [7, 8, 9, 10]
    item = data.interactions.item
    for part in (split.validation, split.sealed):
        assert split.cold[item[part]].any() and split.warm[item[part]].any()
    assert {e[1] for e in keys(data, split.sealed)} & {7, 8, 9} == {8, 9}
    with pytest.raises(SpecError, match="lanch"):
        make.cold_items(data, by="time", launch="lanch")
    with pytest.raises(SpecError, match="launch"):
        make.cold_items(data, by="random", launch="launch")
    with pytest.raises(DataError, match="cold"):
        make.cold_items(data, 0.05)


@given(events=rows(20), history=st.integers(0, 3), pick=st.sampled_from(["auto", "first", "random"]))
def test_new_users_bring_their_history_and_nothing_to_fit_on(
    events: list[Row], history: int, pick: str
) -> None:
    data = dataset(events)
    try:
        split = make.cold_users(data, 0.5, history=history, pick=pick)  # type: ignore[arg-type]
    except DataError:
        assume(False)
    user = data.interactions.user
    new = {u: set(user[p]) for u, p in (("validation", split.validation), ("test", split.sealed))}
    assert not new["validation"] & new["test"]
    assert not (new["validation"] | new["test"]) & set(user[split.fit_rows])
    assert set(split.given) <= set(split.train)
    for u in new["validation"] | new["test"]:
        mine = np.flatnonzero(user == u)
        given_to = [r for r in split.given if user[r] == u]
        assert len(given_to) == history and len(mine) > history
        if pick != "random":
            assert given_to == mine[:history].tolist()
    assert split.fitting().nnz == len({(k[0], k[1]) for k in keys(data, split.fit_rows)})
