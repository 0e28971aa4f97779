"""What each split maker promises on its own."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from made_events import Row, dataset, keys, rows

import sidelight as sl
from sidelight.data import split as make
from sidelight.data.read import SidelightWarning
from sidelight.data.split import assemble as make_parts
from sidelight.data.split.assemble import held_out, one_each
from sidelight.errors import DataError, SpecError
from sidelight.seeding import generator

DAY = 86_400_000_000
FULL = [(u, i, u + 2 * i) for u in range(1, 7) for i in range(1, 10)]


@given(events=rows(), first=st.integers(0, 20), second=st.integers(0, 20))
def test_nothing_trains_after_a_temporal_boundary(events: list[Row], first: int, second: int) -> None:
    data = dataset(events)
    time = data.interactions.timestamp
    assert time is not None
    try:
        split = make.temporal(data, first, second)
    except DataError:
        parts = [time < first, (time >= first) & (time < second), time >= second]
        assert first >= second or not all(p.any() for p in parts)
        return
    assert (time[split.train] < first).all()
    assert ((time[split.validation] >= first) & (time[split.validation] < second)).all()
    assert (time[split.sealed] >= second).all()


@given(events=rows(20), validation=st.sampled_from([0.1, 0.2]), test=st.sampled_from([0.1, 0.3]))
def test_shares_of_time_give_at_least_their_events(events: list[Row], validation: float, test: float) -> None:
    data = dataset(events)
    try:
        split = make.temporal(data, validation, test)
    except DataError:
        assume(False)
    time = data.interactions.timestamp
    assert time is not None
    n = len(events)
    assert len(split.sealed) >= round(n * test)
    assert len(split.sealed) + len(split.validation) >= round(n * test) + round(n * validation)
    # Events at one moment are never torn apart, and no more of them are taken than the tie asks for.
    assert (time[split.sealed] > time[split.sealed].min()).sum() < round(n * test)
    assert time[split.train].max() < time[split.validation].min()
    assert time[split.validation].max() < time[split.sealed].min()


def test_boundaries_may_be_dates_of_any_kind() -> None:
    events = [(1, 1 + d % 9, d * DAY) for d in range(30)]
    data = dataset(events)
    expected = make.temporal(data, 10 * DAY, 20 * DAY)
    for first, second in [
        ("1970-01-11", "1970-01-21"),
        ("1970-01-11T00:00:00Z", "1970-01-21 02:00:00+02:00"),
        (date(1970, 1, 11), datetime(1970, 1, 21)),
        (datetime(1970, 1, 11, tzinfo=UTC), 1 / 3),
    ]:
        split = make.temporal(data, first, second)
        assert split.train.tolist() == expected.train.tolist()
        assert split.sealed.tolist() == expected.sealed.tolist()
    assert expected.how["validation_from"] == "1970-01-11T00:00:00.000000Z"
    for wrong in ("soon", None, True, 1.5, float("nan"), [1]):
        with pytest.raises(SpecError, match="validation"):
            make.temporal(data, wrong, "1970-01-21")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"1970-01-01.*to 1970-01-30"):
        make.temporal(data, "2026-01-01", "2026-02-01")


def test_a_temporal_split_without_times_points_to_the_others() -> None:
    with pytest.raises(DataError, match="leave_last_out"):
        make.temporal(dataset(FULL, order="position"))


@given(events=rows(), n=st.integers(1, 3))
def test_leave_last_out_against_a_loop(events: list[Row], n: int) -> None:
    data = dataset(events, order="position")
    expected: dict[str, list[Row]] = {"train": [], "validation": [], "sealed": []}
    for user in {e[0] for e in events}:
        mine = sorted((e for e in events if e[0] == user), key=lambda e: (e[2], e[1]))
        cut = len(mine) if len(mine) < 2 * n + 1 else len(mine) - 2 * n
        expected["train"] += mine[:cut]
        expected["validation"] += mine[cut : cut + n]
        expected["sealed"] += mine[cut + n :]
    split = make.leave_last_out(data, n)
    for part, wanted in expected.items():
        assert keys(data, getattr(split, part)) == sorted(wanted)


def test_leave_last_out_needs_an_order_and_a_whole_n() -> None:
    with pytest.raises(DataError, match="random_per_user"):
        make.leave_last_out(dataset(FULL, order=""))
    for n in (0, 1.5, True):
        with pytest.raises(SpecError, match="n >= 1 of type int"):
            make.leave_last_out(dataset(FULL), n)  # type: ignore[arg-type]


@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=30), seed=st.integers(0, 99))
def test_each_user_gives_its_share_and_keeps_an_event(sizes: list[int], seed: int) -> None:
    events = [(u + 1, 1 + i % 9, i) for u, size in enumerate(sizes) for i in range(size)]
    data = dataset(events)
    split = make.random_per_user(data, 0.1, 0.2, seed=seed)
    kept = Counter(data.interactions.user[split.train].tolist())
    for user, size in enumerate(sizes):
        assert kept[user] >= 1
        assert abs((size - kept[user]) - min(0.3 * size, size - 1)) <= 1
    test, both = len(split.sealed), len(split.sealed) + len(split.validation)
    assert abs(test - both * 2 / 3) <= 1


def test_small_histories_give_their_tenth_on_average() -> None:
    events = [(u, 1 + i, i) for u in range(1, 2001) for i in range(3)]
    split = make.random_per_user(dataset(events), 0.1, 0.1)
    assert len(split.sealed) == pytest.approx(600, abs=2)
    assert len(split.validation) == pytest.approx(600, abs=2)


@given(
    group=st.lists(st.integers(0, 5), min_size=1, max_size=60),
    share=st.sampled_from([0.1, 0.25, 0.5, 0.9]),
    seed=st.integers(0, 9),
)
def test_held_out_draws_floor_or_ceiling_of_each_group(group: list[int], share: float, seed: int) -> None:
    of = np.array(group)
    drawn = held_out(of, np.ones(len(of), dtype=bool), share, generator(seed, "test"))
    assert abs(drawn.sum() - share * len(of)) <= 1
    for member in set(group):
        expected = share * group.count(member)
        assert np.floor(expected - 1e-9) <= drawn[of == member].sum() <= np.ceil(expected + 1e-9)
    picks = one_each(of, generator(seed, "test"))
    assert all(picks[of == member].sum() == 1 for member in set(group))


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


def test_automatic_takes_what_the_data_allows_and_says_so() -> None:
    for order, rule in (("timestamp", "temporal"), ("position", "leave_last_out"), ("", "random_per_user")):
        with nullcontext() if order else pytest.warns(SidelightWarning, match=r"random.*\[interactions\]"):
            how = make.automatic(dataset(FULL, order=order)).how
        assert how["rule"] == rule and how["chosen"].startswith(f"{rule}, because")


def test_the_simulated_items_are_the_newest_where_there_is_time() -> None:
    events = [(u, i, 10 * i + u) for u in range(1, 7) for i in range(1, 10)]
    split = make.leave_last_out(dataset(events), simulate=0.3)
    assert split.how["simulated"]["by"] == "time"
    warm = np.flatnonzero(split.warm)
    assert np.flatnonzero(split.simulated).tolist() == warm[-round(0.3 * len(warm)) :].tolist()
    drawn = [make.random_per_user(dataset(FULL, order=""), seed=s, simulate=0.3).simulated for s in range(20)]
    assert np.sum(drawn, axis=0)[:9].min() >= 1  # uniform: each item has its turn


def test_users_who_lose_their_history_to_the_simulation_are_counted() -> None:
    data = dataset([(u, i, i) for u in (1, 2) for i in range(1, 9)] + [(3, 9, 9)])
    kept = make.leave_last_out(data, n=3, simulate=0.2)
    hidden = sl.split.selection_split(kept, minimum=10_000)
    lost = {k[0] for k in keys(data, kept.train)} - {k[0] for k in keys(data, hidden.train)}
    assert kept.how["simulated"]["users_without_history"] == len(lost) == 1


@pytest.mark.parametrize("rule", [sl.split.leave_last_out, sl.split.random_per_user])
def test_parts_with_nothing_to_find_are_said(rule):
    once = {"user_id": [f"u{i}" for i in range(9)], "item_id": [f"i{i % 4}" for i in range(9)]}
    data = sl.from_frames({**once, "position": [0] * 9})
    said = make_parts.unanswerable(rule(data))
    assert ["validation part has no event" in said[0], "test part has no event" in said[1]] == [True, True]
    again = {"user_id": ["u"] * 40, "item_id": ["a", "b"] * 20, "position": list(range(40))}
    said = make_parts.unanswerable(rule(sl.from_frames(again)))
    assert len(said) == 2 and all("repeat pairs" in each for each in said)


@pytest.mark.parametrize("weights", [[1.0, 5.0], [0.5, 0.25]])
def test_weights_that_no_model_reads_are_said_where_they_differ(weights):
    log = {"user_id": [f"u{i // 6}" for i in range(60)], "item_id": [f"i{i % 7}" for i in range(60)]}
    with pytest.warns(sl.SidelightWarning, match=r"weights .*ItemKNN.* uses them"):
        sl.split.random_per_user(sl.from_frames({**log, "weight": weights * 30}))
    sl.split.random_per_user(sl.from_frames({**log, "weight": weights[:1] * 60}))
