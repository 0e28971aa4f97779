"""The profile against counting by hand."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import replace
from statistics import median

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_tables import DAY, EVENTS, ITEMS, NOW, USERS, column, plain, put

from sidelight.data.profile import BUCKETS, Profile, profile
from sidelight.data.raw_tables import FILE, ROW, RawTables
from sidelight.data.schema import Column, Schema

EVENT = st.tuples(st.integers(0, 6), st.integers(0, 9), st.integers(0, 50))


def raw(events: list[tuple[int, int, int]], items: set[int], users: set[int]) -> RawTables:
    """Tables of integer ids; times are hours."""

    def placed(rows: dict[str, list[int]]) -> pl.DataFrame:
        frame = pl.DataFrame(rows, schema=dict.fromkeys(rows, pl.Int64))
        where = pl.lit("made.csv").cast(pl.Categorical).alias(FILE)
        return frame.with_columns(where, pl.int_range(1, pl.len() + 1).alias(ROW))

    u, i, t = ([e[k] for e in events] for k in range(3))
    frames = {
        EVENTS: placed({"user_id": u, "item_id": i, "timestamp": [NOW + x * 3_600_000_000 for x in t]}),
        ITEMS: placed({"item_id": sorted(items)}),
        USERS: placed({"user_id": sorted(users)}),
    }
    schema = Schema(
        (Column("user_id", "user_id"), Column("item_id", "item_id"), Column("timestamp", "timestamp")),
        (Column("item_id", "item_id"),),
        (Column("user_id", "user_id"),),
    )
    return RawTables(frames, schema)


def bucket(n: int) -> str:
    """The name of the bucket that n interactions are in."""
    for name in BUCKETS:
        low, _, high = name.replace("+", "-1000000").partition("-")
        if int(low) <= n <= int(high or low):
            return name
    raise AssertionError(n)


@given(st.lists(EVENT, max_size=40), st.sets(st.integers(0, 12)), st.sets(st.integers(0, 12)))
def test_counts_agree_with_counting_by_hand(
    events: list[tuple[int, int, int]], items: set[int], users: set[int]
) -> None:
    p = profile(raw(events, items, users))
    distinct, pairs = set(events), {e[:2] for e in events}
    assert (p.n_events, p.n_pairs) == (len(events), len(pairs))
    assert (p.duplicates, p.repeats) == (len(events) - len(distinct), len(distinct) - len(pairs))
    for at, (known, n, by, typical) in enumerate(
        [
            (users, p.n_users, p.users_by_events, p.events_per_user),
            (items, p.n_items, p.items_by_events, p.events_per_item),
        ]
    ):
        counts = Counter(e[at] for e in events)
        everybody = known | counts.keys()
        assert n == len(everybody)
        assert by == {b: sum(bucket(counts[x]) == b for x in everybody) for b in BUCKETS}
        assert typical == (median(counts.values()) if counts else 0)
    if p.n_users and p.n_items:
        assert p.density == pytest.approx(len(pairs) / (p.n_users * p.n_items))
        assert p.density + p.sparsity == pytest.approx(1)
        assert p.untouched_items == p.items_by_events["0"] / p.n_items
        assert p.one_event_users == p.users_by_events["1"] / p.n_users


@given(st.lists(EVENT, min_size=1, max_size=40), st.sets(st.integers(0, 12)))
def test_cold_over_time_agrees_with_going_through_the_events(
    events: list[tuple[int, int, int]], items: set[int]
) -> None:
    p = profile(raw(events, items, set()))
    hours = [t for _, _, t in events]
    start, end = min(hours) * 3_600_000_000, max(hours) * 3_600_000_000
    edges = [start + (end - start) * b // 10 for b in range(11)]

    def tenth(hour: int) -> int:
        return next((b for b in range(9) if hour * 3_600_000_000 < edges[b + 1]), 9)

    born: dict[int, int] = {}
    for _, item, hour in sorted(events, key=lambda e: e[2]):
        born.setdefault(item, tenth(hour))
    by_bin: dict[int, list[int]] = defaultdict(list)
    for _, item, hour in events:
        by_bin[tenth(hour)].append(item)
    assert len(p.cold_over_time) == 10
    for b, found in enumerate(p.cold_over_time):
        here = by_bin[b]
        assert found.events == len(here)
        fresh = sum(born[i] == b for i in here) / len(here) if here else None
        assert found.on_new_items == (None if fresh is None else pytest.approx(fresh))
        seen = sum(at <= b for at in born.values())
        assert found.untouched == pytest.approx(1 - seen / p.n_items)


def test_modalities_say_what_is_there_and_how_rich_it_is() -> None:
    shop = plain()
    put(ITEMS, "title", *range(1, 31), value=None)(shop)
    put(ITEMS, "title", 31, value="   ")(shop)
    put(ITEMS, "facets", 1, 2, 3, value=[])(shop)
    put(ITEMS, "price", *range(1, 61), value=None)(shop)
    column(ITEMS, "votes", "number", 3.0, known_at_launch=False)(shop)
    p = profile(shop.raw())
    by = {m.column: m for m in p.modalities}
    assert by["title"].present == pytest.approx(89 / 120)
    assert by["title"].richness["words"] == 6
    tags = [r["facets"] for r in shop.rows[ITEMS] if r["facets"]]
    assert by["facets"].present == pytest.approx(117 / 120)
    assert by["facets"].richness == {"per_row": pytest.approx(sum(map(len, tags)) / 117), "distinct": 5}
    prices = [r["price"] for r in shop.rows[ITEMS] if r["price"] is not None]
    assert by["price"].richness == {
        "min": min(prices), "median": pytest.approx(median(prices)), "max": max(prices),
    }  # fmt: skip
    assert by["brand"].richness == {"distinct": 8}
    assert by["embedding"].richness == {"dim": 4}
    assert not by["votes"].known_at_launch and by["gender"].sensitive
    assert p.consent == {"agreed": {"yes": 79, "no": 1}}
    assert p.sensitive == ("users.gender",)


def test_no_times_no_items_no_users() -> None:
    tables = raw([(1, 2, 3), (1, 3, 3)], set(), set())
    bare = {EVENTS: tables.frames[EVENTS].drop("timestamp")}
    p = profile(RawTables(bare, Schema(interactions=tables.schema.interactions[:2])))
    assert (p.n_users, p.n_items, p.first, p.last, p.cold_over_time) == (1, 2, None, None, ())
    assert p.modalities == ()


def test_times_in_a_wrong_unit_do_not_stop_the_profile() -> None:
    shop = plain()
    put(EVENTS, "timestamp", 3, value=NOW * 1000)(shop)
    p = profile(shop.raw())
    assert p.last is not None and p.last.endswith(" us")


def test_order_of_rows_has_no_effect_and_all_of_it_is_json() -> None:
    tables = plain().raw()
    mixed = {n: f.sample(fraction=1.0, shuffle=True, seed=4) for n, f in tables.frames.items()}
    p = profile(tables)
    assert isinstance(p, Profile)
    assert profile(replace(tables, frames=mixed)) == p
    assert json.loads(json.dumps(p.to_dict(), allow_nan=False))["sparsity"] == p.sparsity
    assert p.first is not None and p.first < p.cold_over_time[1].start
    assert NOW - 300 * DAY > 0
