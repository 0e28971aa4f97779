"""Splits by time, by position and at random; subsamples."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from datetime import UTC, date, datetime

import numpy as np
import pytest
from data.split.cases import FULL, made
from hypothesis import assume, given
from hypothesis import strategies as st
from made_events import Row, dataset, keys, rows

from sidelight.data import split as make
from sidelight.data.read import SidelightWarning
from sidelight.errors import DataError, SpecError

DAY = 86_400_000_000


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


def test_automatic_takes_what_the_data_allows_and_says_so() -> None:
    for order, rule in (("timestamp", "temporal"), ("position", "leave_last_out"), ("", "random_per_user")):
        with nullcontext() if order else pytest.warns(SidelightWarning, match=r"random.*\[interactions\]"):
            how = make.automatic(dataset(FULL, order=order)).how
        assert how["rule"] == rule and how["chosen"].startswith(f"{rule}, because")


@given(events=rows(), keep=st.sampled_from([0.2, 0.5, 0.8, 1]), seed=st.integers(0, 3))
def test_a_subsample_thins_training_alone(events: list[Row], keep: float, seed: int) -> None:
    split = made("cold_users", events)
    less = make.subsample(split, keep, seed)
    assert less.validation is split.validation and less.sealed is split.sealed
    assert less.candidates is split.candidates and less.data is split.data
    assert set(less.train) <= set(split.train) and set(split.given) <= set(less.train)
    assert len(less.fit_rows) == max(1, round(keep * len(split.fit_rows)))
    fitted = set(split.data.interactions.item[less.fit_rows])
    assert set(np.flatnonzero(less.warm)) == fitted
    assert not (less.simulated & less.cold).any()
    more = make.subsample(split, min(1.0, keep + 0.2), seed)
    assert set(less.train) <= set(more.train)


def test_a_subsample_keeps_declared_cold_items_cold() -> None:
    data = dataset([(u, i, i) for u in range(1, 7) for i in range(1, 10)])
    split = make.cold_items(data, 0.4)
    assert (make.subsample(split, 1).cold == split.cold).all()
    for keep in (0, 1.5, -1):
        with pytest.raises(SpecError, match="keep"):
            make.subsample(split, keep)
