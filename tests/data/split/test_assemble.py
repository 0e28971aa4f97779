"""Shared steps of the split makers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from data.split.cases import FULL, any_maker, few, made
from hypothesis import given
from hypothesis import strategies as st
from made_events import Row, dataset, keys, rows

import sidelight as sl
from sidelight.data import split as make
from sidelight.data.split import assemble as make_parts
from sidelight.data.split.assemble import draw_share, one_per_group
from sidelight.seeding import generator


@any_maker
@few
@given(events=rows())
def test_cold_items_are_those_without_an_event_to_fit_on(name: str, events: list[Row]) -> None:
    split = made(name, events)
    fitted = {int(split.data.interactions.item[row]) for row in split.fit_rows}
    assert set(np.flatnonzero(split.warm)) == fitted
    assert not (split.simulated & split.cold).any()
    warm = int(split.warm.sum())
    assert split.simulated.sum() == min(warm - 1, max(1, round(warm * 0.3)))
    assert split.candidates.all()  # also the item that nobody touched, and those of the test period
    assert (split.fitting().getnnz(axis=0) > 0).tolist() == split.warm.tolist()


@any_maker
@few
@given(events=rows())
def test_validation_is_known_on_the_test_part_where_the_split_is_by_order(
    name: str, events: list[Row]
) -> None:
    split = made(name, events)
    by_order = name in ("temporal", "leave_last_out", "automatic")
    assert split.test_history == ("train+validation" if by_order else "train")
    assert split.known_rows("validation").tolist() == split.train.tolist()
    known = [*split.train, *split.validation] if by_order else list(split.train)
    assert split.known_rows("test").tolist() == sorted(known)
    # Either way nothing that is known is asked for, and nothing that is known gets a rank.
    for history in ("train", "train+validation"):
        judged = replace(split, test_history=history)
        seen = judged.histories("test").matrix().toarray() > 0
        assert not (seen & ~(judged.excluded("test").toarray() > 0)).any()
        assert not (seen & (judged.truth("test", final=True).toarray() > 0)).any()
        assert (judged.truth("test", final=True) != split.truth("test", final=True)).nnz == 0
        assert (judged.histories().matrix() != split.histories().matrix()).nnz == 0


@given(
    group=st.lists(st.integers(0, 5), min_size=1, max_size=60),
    share=st.sampled_from([0.1, 0.25, 0.5, 0.9]),
    seed=st.integers(0, 9),
)
def test_held_out_draws_floor_or_ceiling_of_each_group(group: list[int], share: float, seed: int) -> None:
    of = np.array(group)
    drawn = draw_share(of, np.ones(len(of), dtype=bool), share, generator(seed, "test"))
    assert abs(drawn.sum() - share * len(of)) <= 1
    for member in set(group):
        expected = share * group.count(member)
        assert np.floor(expected - 1e-9) <= drawn[of == member].sum() <= np.ceil(expected + 1e-9)
    picks = one_per_group(of, generator(seed, "test"))
    assert all(picks[of == member].sum() == 1 for member in set(group))


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
    said = make_parts.unmeasurable_parts(rule(data))
    assert ["validation part has no event" in said[0], "test part has no event" in said[1]] == [True, True]
    again = {"user_id": ["u"] * 40, "item_id": ["a", "b"] * 20, "position": list(range(40))}
    said = make_parts.unmeasurable_parts(rule(sl.from_frames(again)))
    assert len(said) == 2 and all("repeat pairs" in each for each in said)


@pytest.mark.parametrize("weights", [[1.0, 5.0], [0.5, 0.25]])
def test_weights_that_no_model_reads_are_said_where_they_differ(weights):
    log = {"user_id": [f"u{i // 6}" for i in range(60)], "item_id": [f"i{i % 7}" for i in range(60)]}
    with pytest.warns(sl.SidelightWarning, match=r"weights .*ItemKNN.* uses them"):
        sl.split.random_per_user(sl.from_frames({**log, "weight": weights * 30}))
    sl.split.random_per_user(sl.from_frames({**log, "weight": weights[:1] * 60}))
