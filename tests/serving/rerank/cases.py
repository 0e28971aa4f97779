"""Cases that several test files of this folder share."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from sidelight.serving.rerank.rules import ItemCondition, Pin, Rules

COLOURS = ("red", "green", "blue")


strengths = st.integers(0, 40).map(lambda quarters: quarters / 4)


shares = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.7, 1.0])


item_ids = st.integers(0, 13).map("i{}".format)


def wheres(strength: st.SearchStrategy[float]) -> st.SearchStrategy[ItemCondition]:
    by_column = st.builds(
        ItemCondition, column=st.just("colour"), value=st.sampled_from(COLOURS), strength=strength
    )
    by_id = st.builds(
        ItemCondition, items=st.lists(item_ids, min_size=1, max_size=3).map(tuple), strength=strength
    )
    return st.one_of(by_column, by_id)


def tuples(each: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(each, max_size=2).map(tuple)


pins = (
    st.lists(st.tuples(item_ids, st.integers(1, 14)), max_size=3)
    .map(lambda pairs: list({place: item for item, place in {i: p for i, p in pairs}.items()}.items()))
    .map(lambda pairs: tuple(Pin(item, place) for place, item in pairs))
)


rule_sets = st.builds(
    Rules,
    boost=tuples(wheres(strengths)),
    bury=tuples(wheres(strengths)),
    block=tuples(wheres(st.just(1.0))),
    pin=pins,
    diversity=shares,
    freshness=shares,
    half_life_days=st.sampled_from([1.0, 30.0, 365.0]),
    floor=shares,
)
