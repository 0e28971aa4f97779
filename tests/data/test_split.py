"""Rules that hold for a split however it was made."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from made_events import Row, dataset, keys, rows

from sidelight.data import split as make
from sidelight.data.dataset import Dataset
from sidelight.data.split.selection import selection_split
from sidelight.data.split.split import Split
from sidelight.data.synthetic import make_synthetic
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
def test_the_parts_hold_every_event_once(name: str, events: list[Row]) -> None:
    split = made(name, events)
    together = np.concatenate([split.train, split.validation, split.sealed])
    assert sorted(together.tolist()) == list(range(len(events)))
    for part in (split.train, split.validation, split.sealed):
        assert (np.diff(part) > 0).all()


@any_maker
@few
@given(events=rows(), shuffled=st.randoms(use_true_random=False), seed=st.integers(0, 3))
def test_row_order_does_not_matter_and_the_seed_decides(
    name: str, events: list[Row], shuffled: object, seed: int
) -> None:
    split = made(name, events, seed)
    other = list(events)
    shuffled.shuffle(other)  # type: ignore[attr-defined]
    again = made(name, other, seed)
    for part in ("train", "validation", "sealed", "given"):
        assert keys(split.data, getattr(split, part)) == keys(again.data, getattr(again, part))
    assert (split.simulated == again.simulated).all()
    assert split.how == again.how


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
def test_the_truth_never_holds_what_gets_no_rank(name: str, events: list[Row]) -> None:
    split = made(name, events)
    for part in ("validation", "test"):
        truth = split.truth(part, final=True).toarray() > 0  # type: ignore[arg-type]
        assert not (truth & (split.histories().matrix().toarray() > 0)).any()
        assert not (truth & (split.excluded(part).toarray() > 0)).any()  # type: ignore[arg-type]
        log, rows_of = split.data.interactions, split.rows(part, final=True)  # type: ignore[arg-type]
        wanted = set(zip(log.user[rows_of].tolist(), log.item[rows_of].tolist(), strict=True))
        known = set(zip(*map(np.ndarray.tolist, split.excluded(part).nonzero()), strict=True))  # type: ignore[arg-type]
        assert set(zip(*map(np.ndarray.tolist, truth.nonzero()), strict=True)) == wanted - known


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


@any_maker
@few
@given(events=rows())
def test_joined_trains_on_validation_and_leaves_the_test_alone(name: str, events: list[Row]) -> None:
    split = made(name, events)
    assume(len(split.validation))
    whole, item, user = split.joined(), split.data.interactions.item, split.data.interactions.user
    assert whole.train.tolist() == sorted([*split.train, *split.validation])
    assert len(whole.validation) == 0 and whole.sealed is split.sealed
    assert set(np.flatnonzero(whole.warm)) == set(item[whole.fit_rows])
    assert not (whole.cold & split.warm).any() and not (whole.simulated & whole.cold).any()
    # Users with validation events are people that one may learn from now; the others stay new.
    assert set(user[split.validation]).isdisjoint(user[whole.given])
    assert set(user[whole.given]) == set(user[split.given]) - set(user[split.validation])
    assert (whole.histories().matrix() != split.data.matrix(whole.train)).nnz == 0
    assert whole.joined() is whole


def test_selection_is_the_split_itself_when_validation_has_cold_items_enough() -> None:
    split = make.cold_items(dataset([(u, i, u) for u in range(1, 7) for i in range(1, 10)]), 0.4, warm=0.2)
    assert selection_split(split, minimum=3) is split
    assert selection_split(split, minimum=10_000) is not split


@any_maker
def test_the_test_part_stays_sealed(name: str) -> None:
    split = made(name, [(u, i, u + 2 * i) for u in range(1, 7) for i in range(1, 10)])
    for look in (split.rows, split.truth):
        with pytest.raises(SpecError, match="final=True"):
            look("test")
    assert split.truth("test", final=True).nnz > 0
    shown = json.dumps(split.summary())
    assert split.summary()["test"]["events"] == len(split.sealed)
    assert str(split.sealed.tolist()) not in shown


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


def test_wrong_parts_and_shares_are_named() -> None:
    data = dataset([(1, 1, 1), (1, 2, 2), (1, 3, 3)])
    with pytest.raises(SpecError, match="expected part"):
        make.leave_last_out(data).rows("tset")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="simulate"):
        make.leave_last_out(data, simulate=1.0)


def test_the_hash_covers_every_field_and_nothing_else() -> None:
    split = make.leave_last_out(make_synthetic(30, 20, 200, seed=1).data)
    bit = np.arange(split.data.n_items) == 0
    changed = {
        "data": make_synthetic(30, 20, 200, seed=2).data, "train": split.train[:-1],
        "validation": split.validation[1:], "sealed": split.sealed[1:],
        "candidates": split.candidates ^ bit, "cold": split.cold ^ bit, "simulated": split.simulated ^ bit,
        "how": {**split.how, "rule": "other"}, "mask": "others", "overall_users": "both",
        "given": split.train[:1], "test_history": "train",
    }  # fmt: skip
    assert set(changed) == {field.name for field in fields(split)}  # a new field must be hashed too
    hashes = [replace(split, **{name: value}).hash for name, value in changed.items()]
    assert len({split.hash, *hashes}) == 1 + len(changed)
    told = replace(split, train=split.train.copy(), how={**split.how, "chosen": "a sentence for people"})
    assert told.hash == split.hash
