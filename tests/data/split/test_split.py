"""Properties of every split."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from data.split.cases import any_maker, few, made
from hypothesis import assume, given
from hypothesis import strategies as st
from made_events import Row, dataset, keys, rows

from sidelight.data import split as make
from sidelight.data.synthetic import make_synthetic
from sidelight.errors import SpecError


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
