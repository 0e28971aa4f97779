"""What exploration says about its own chances is what happens."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidelight.errors import DataError, SpecError
from sidelight.serving.rerank.apply import apply_rules
from sidelight.serving.rerank.candidates import CandidatePool
from sidelight.serving.rerank.exploration import Exploration, ExploredList, explore
from sidelight.serving.rerank.rules import ItemCondition, Pin, Rules

DRAWS = 20_000


def draws(n: int, *arguments: Any, **options: Any) -> list[ExploredList]:
    rng = np.random.default_rng(5)
    order, new, rate = arguments
    return [explore(np.array(order), np.array(new), rate, rng, **options) for _ in range(n)]


@pytest.mark.parametrize(
    ("order", "new", "rate", "held", "pool"),
    [
        ([0, 1, 2, 3, 4], [10, 3, 11, 12, 13, 14, 15], 0.3, None, 100),
        ([0, 1, 2, 3, 4], [10, 11], 0.5, None, 100),  # fewer candidates than slots
        ([0, 1, 2, 3, 4], [10, 11, 12, 13], 0.2, [True, False, False, True, False], 100),
        ([0, 1, 2], [10, 11, 12, 13, 14, 15], 0.9, None, 4),  # the pool leaves out the last ones
        ([0], [10], 0.1, None, 1),
    ],
)
def test_propensities_are_how_often_items_are_shown(
    order: list[int], new: list[int], rate: float, held: list[bool] | None, pool: int
) -> None:
    mask = None if held is None else np.array(held)
    found = draws(DRAWS, order, new, rate, held=mask, pool=pool)
    said: dict[int, set[float]] = {}
    shown: dict[int, int] = {}
    for each in found:
        for item, chance in zip(each.order.tolist(), each.propensity.tolist(), strict=True):
            said.setdefault(item, set()).add(chance)
            shown[item] = shown.get(item, 0) + 1
    candidates = [item for item in new if item not in order][:pool]
    assert set(said) == {*order, *candidates}
    for item, chances in said.items():
        [chance] = chances  # it depends on nothing that was drawn
        error = math.sqrt(chance * (1 - chance) / DRAWS)
        assert abs(shown[item] / DRAWS - chance) <= 4.5 * error, item
    # Each list has as many items as slots, so the chances of all items add up to that.
    assert sum(next(iter(chances)) for chances in said.values()) == pytest.approx(len(order))


def test_propensities_equal_the_sum_over_all_outcomes() -> None:
    """Every outcome of a small case, with its probability, written out."""
    order, candidates, rate = [0, 1, 2], [10, 11, 12, 13], 0.3
    chance = dict.fromkeys([*order, *candidates], 0.0)
    for given_away in itertools.product([False, True], repeat=3):
        drawn = sum(given_away)
        ways = list(itertools.permutations(candidates, drawn))
        weight = rate**drawn * (1 - rate) ** (3 - drawn) / len(ways)
        for way in ways:
            stay = [item for item, gone in zip(order, given_away, strict=True) if not gone]
            for item in (*stay, *way):
                chance[item] += weight
    for each in draws(200, order, candidates, rate):
        assert each.propensity.tolist() == pytest.approx([chance[item] for item in each.order.tolist()])


def test_estimates_by_inverse_propensity_have_no_bias() -> None:
    """Clicks on explored lists, weighted, give the value of lists that were never shown."""
    order, candidates, rate = [0, 1, 2, 3], [10, 11, 12, 13, 14, 15], 0.25
    rng = np.random.default_rng(11)
    click = {0: 0.5, 1: 0.4, 2: 0.1, 3: 0.1, 10: 0.6, 11: 0.05, 12: 0.3, 13: 0.0, 14: 0.2, 15: 0.1}
    wanted = {"the list itself": order, "the best new ones": [10, 12], "a mixture": [0, 10, 14]}
    values: dict[str, list[float]] = {name: [] for name in wanted}
    naive: list[float] = []
    for each in draws(DRAWS, order, candidates, rate):
        items = each.order.tolist()
        clicked = (rng.random(len(items)) < [click[item] for item in items]).astype(float)
        weight = dict(zip(items, clicked / each.propensity, strict=True))
        for name, target in wanted.items():
            values[name].append(sum(weight.get(item, 0.0) for item in target))
        naive.append(sum(dict(zip(items, clicked, strict=True)).get(item, 0.0) for item in [10, 12]))
    for name, target in wanted.items():
        truth = sum(click[item] for item in target)
        error = float(np.std(values[name], ddof=1)) / math.sqrt(DRAWS)
        assert error < 0.03
        assert abs(float(np.mean(values[name])) - truth) <= 3 * error, name
    # Without the weights the answer is far off: the test can tell the difference.
    error = float(np.std(naive, ddof=1)) / math.sqrt(DRAWS)
    assert abs(float(np.mean(naive)) - 0.9) > 30 * error


cases = st.tuples(
    st.lists(st.integers(0, 30), max_size=12, unique=True),
    st.lists(st.integers(0, 30), max_size=20, unique=True),
    st.floats(0.0, 0.9),
    st.integers(1, 8),
    st.integers(0, 2**32),
    st.lists(st.booleans(), min_size=12, max_size=12),
)


@given(cases)
def test_every_explored_list_is_a_sound_list(case: tuple[Any, ...]) -> None:
    order, new, rate, pool, seed, flags = case
    held = np.array(flags[: len(order)], dtype=bool)
    given_order = np.array(order, dtype=np.int64)
    found = explore(given_order, np.array(new, dtype=np.int64), rate, np.random.default_rng(seed), held, pool)
    items = found.order.tolist()
    assert len(items) == len(order) == len(set(items)) and given_order.tolist() == order
    assert ((found.propensity > 0) & (found.propensity <= 1)).all()
    candidates = [item for item in new if item not in order][:pool]
    for slot, item in enumerate(items):
        if found.explored[slot]:
            assert item in candidates and not held[slot]
        else:
            assert item == order[slot]
    assert (found.propensity[held] == 1.0).all()
    again = explore(given_order, np.array(new, dtype=np.int64), rate, np.random.default_rng(seed), held, pool)
    assert again.order.tolist() == items and again.propensity.tolist() == found.propensity.tolist()


@given(cases)
def test_a_rate_of_zero_is_the_identity(case: tuple[Any, ...]) -> None:
    order, new, _, pool, seed, _ = case
    found = explore(np.array(order, int), np.array(new, int), 0.0, np.random.default_rng(seed), pool=pool)
    assert found.order.tolist() == order
    assert not found.explored.any() and (found.propensity == 1.0).all()


@pytest.mark.parametrize("new", [[], [0, 1]])
def test_without_candidates_the_list_stays(new: list[int]) -> None:
    for each in draws(20, [0, 1, 2], new, 0.9):
        assert each.order.tolist() == [0, 1, 2] and (each.propensity == 1.0).all()


def shelf() -> CandidatePool:
    kind = np.array(["old"] * 10 + ["good", "bad"] * 5)
    return CandidatePool(
        ids=[f"i{at}" for at in range(20)],
        scores=np.arange(20, 0, -1).astype(float),
        new=kind != "old",
        matches=lambda column, value: kind == value,
    )


def test_pins_stay_and_blocked_items_are_not_drawn() -> None:
    rules = Rules(block=(ItemCondition("kind", "bad"),), pin=(Pin("i10", 4), Pin("i12", 9)))
    ruled = apply_rules(rules, shelf(), 5)
    options = Exploration(rate=0.8)
    seen = set()
    for n in range(300):
        found = options.on(ruled, f"request {n}")
        assert found.order[3] == 10 and not found.explored[3] and found.propensity[3] == 1.0
        seen |= set(found.order[found.explored].tolist())
    # 11, 13, ... are blocked; 10 is pinned here, and 12 further down.
    assert seen == {14, 16, 18}


def test_exploring_keeps_the_floor() -> None:
    pool = shelf()
    ruled = apply_rules(Rules(floor=0.4), pool, 5)
    assert ruled.cost.slots_new_after == 2
    for n in range(100):
        assert pool.new[Exploration(rate=0.5).on(ruled, str(n)).order].sum() >= 2


def test_the_best_new_items_take_part() -> None:
    ruled = apply_rules(Rules(bury=(ItemCondition("kind", "good", strength=10.0),)), shelf(), 3)
    options = Exploration(rate=0.9, pool=5)
    found = [options.on(ruled, str(n)) for n in range(200)]
    assert set().union(*(each.order[each.explored].tolist() for each in found)) == {11, 13, 15, 17, 19}


def test_equal_requests_get_equal_draws_and_others_do_not() -> None:
    ruled = apply_rules(Rules(), shelf(), 8)
    options = Exploration(rate=0.5)
    first = options.on(ruled, "a").order.tolist()
    assert options.on(ruled, "a").order.tolist() == first
    assert options.on(ruled, "b").order.tolist() != first
    assert Exploration(rate=0.5, seed=1).on(ruled, "a").order.tolist() != first


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rate": -0.1}, r"rate in \[0, 0.9\]"),
        ({"rate": 1.0}, r"rate in \[0, 0.9\]"),
        ({"rate": math.nan}, "rate"),
        ({"rate": "0.1"}, "rate"),
        ({"rate": True}, "rate"),
        ({"pool": 0}, "pool"),
        ({"pool": 2.5}, "type int"),
        ({"seed": -1}, "seed"),
        ({"raet": 0.1}, "did you mean 'rate'"),
        ([], "an object with keys"),
    ],
)
def test_a_wrong_option_is_refused(given: Any, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        Exploration.from_dict(given)


def test_options_are_read_from_json() -> None:
    assert Exploration.from_dict({"rate": 0.1, "pool": 50}) == Exploration(0.1, 50)


def test_wrong_arguments_are_refused() -> None:
    rng = np.random.default_rng(0)
    for held in (np.array([True]), np.array([1, 0])):
        with pytest.raises(DataError, match="held"):
            explore(np.array([0, 1]), np.array([2]), 0.1, rng, held)
    with pytest.raises(SpecError, match="rate"):
        explore(np.array([0, 1]), np.array([2]), 0.95, rng)
    with pytest.raises(SpecError, match="pool"):
        explore(np.array([0, 1]), np.array([2]), 0.5, rng, pool=0)
