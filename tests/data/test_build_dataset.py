"""Building of data sets: order, duplicates, aligned tables, context."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from data.cases import EVENT, EVENTS, frame
from hypothesis import given, settings
from hypothesis import strategies as st

from sidelight.data.build_dataset import build
from sidelight.data.read import SidelightWarning, from_frames, read, read_raw


@settings(max_examples=25)
@given(EVENTS, st.randoms())
def test_row_order_and_duplicates_do_not_matter(rows, random):
    want = from_frames(frame(rows))
    shuffled = rows + random.choices(rows, k=3)
    random.shuffle(shuffled)
    got = from_frames(frame(shuffled).select("weight", "item_id", "timestamp", "user_id"))
    assert got.fingerprint == want.fingerprint
    for name in ("user", "item", "weight", "timestamp"):
        assert np.array_equal(getattr(got.interactions, name), getattr(want.interactions, name))
    assert got.notes["duplicate events"] == len(shuffled) - len(set(rows))


@given(EVENTS)
def test_events_against_a_plain_sort(rows):
    data = from_frames(frame(rows))
    seen = data.interactions
    back = zip(data.user_ids[seen.user], data.item_ids[seen.item], seen.timestamp, seen.weight, strict=True)
    want = sorted(set(rows), key=lambda r: (r[0], r[2], r[1], r[3]))
    assert [(int(u), str(i), int(t), float(w)) for u, i, t, w in back] == [
        (u, i, t * 1_000_000, w) for u, i, t, w in want
    ]
    assert seen.user.dtype == seen.item.dtype == np.int32
    assert (seen.weight.dtype, seen.timestamp.dtype) == (np.float32, np.int64)
    assert data.item_ids.tolist() == sorted(data.item_ids.tolist())


def test_every_item_of_either_table_is_there_and_the_tables_are_aligned():
    with pytest.warns(SidelightWarning, match="1 row was set aside"):
        data = from_frames(
            {"user_id": ["u", "v"], "item_id": ["b", "z"]},
            items={"item_id": ["c", "b", "b"], "title": ["see it", "first b", "second b"]},
            users={"user_id": ["w", "u"], "gender": ["f", "m"]},
        )
    assert data.item_ids.tolist() == data.items["item_id"].to_list() == ["b", "c", "z"]
    assert data.items["title"].to_list() == ["first b", "see it", None]
    assert data.user_ids.tolist() == ["u", "v", "w"]
    assert data.users["gender"].to_list() == ["m", None, "f"]
    assert data.item_index(["z", "nope"]).tolist() == [2, -1]
    assert data.notes["rows"] == {"interactions": 2, "items": 3, "users": 2}


def test_numbers_and_vectors_that_are_not_usable_become_null_and_are_counted():
    data = from_frames(
        {"user_id": [1], "item_id": [1]},
        items=pl.DataFrame(
            {
                "item_id": [1, 2, 3, 4],
                "price": [1.0, float("nan"), float("inf"), None],
                "vec": [[1.0, 2.0], [1.0], [float("nan"), 1.0], [3.0, 4.0]],
            }
        ),
    )
    assert data.items["price"].to_list() == [1.0, None, None, None]
    assert data.items["vec"].to_list() == [[1.0, 2.0], None, None, [3.0, 4.0]]
    assert data.notes["nulled values"] == {"items.price": 2, "items.vec": 2}


def test_positions_order_events_and_repeats_at_other_positions_stay():
    data = from_frames({"user_id": [1, 1, 1], "item_id": ["b", "a", "b"], "position": [2, 1, 0]})
    assert data.item_ids[data.interactions.item].tolist() == ["b", "a", "b"]
    assert data.interactions.timestamp is None
    assert data.interactions.order.tolist() == [0, 1, 2]
    assert data.interactions.weight.tolist() == [1, 1, 1]


def test_the_data_set_does_not_depend_on_extra_notes(tmp_path):
    (tmp_path / "e.csv").write_text("user_id,item_id,page\n1,2,home\n")
    raw = read_raw(tmp_path / "e.csv")
    assert build(replace(raw, files={})).fingerprint == build(raw).fingerprint


def test_context_is_kept_row_by_row_with_its_type(tmp_path):
    events = {
        "user_id": ["v", "u", "u", "u"],
        "item_id": ["a", "b", "a", "b"],
        "timestamp": [1, 9, 3, 5],
        "device": ["phone", "tablet", None, "desk"],
        "price": [1, 2, 3, 4],
        "store": ["01", "02", "03", "04"],
        "item": ["not the id"] * 4,
    }
    data = from_frames(events)
    context = data.interactions.context
    assert data.item_ids[data.interactions.item].tolist() == ["a", "b", "b", "a"]
    assert context["device"].to_list() == [None, "desk", "tablet", "phone"]  # a repeated pair has two
    assert context["price"].to_list() == [3.0, 4.0, 2.0, 1.0]
    assert context["store"].to_list() == ["03", "04", "02", "01"]
    pl.DataFrame(events).sample(4, shuffle=True, seed=1).write_csv(tmp_path / "events.csv")
    assert read(tmp_path / "events.csv").fingerprint == data.fingerprint
    labels = [["b", ""], ["a", "b"], [], None]
    lists = from_frames(pl.DataFrame({"user_id": [1, 2, 3, 4], "item_id": [1] * 4, "where": labels}))
    assert lists.interactions.context["where"].to_list() == [["b"], ["a", "b"], None, None]
    odd = from_frames({"user_id": [1, 2], "item_id": [1, 2], "price": [1.0, float("inf")]})
    assert odd.interactions.context["price"].to_list() == [1.0, None]
    assert odd.notes["nulled values"] == {"interactions.price": 1}


@settings(max_examples=25)
@given(st.lists(st.tuples(EVENT, st.sampled_from(["x", "y", None])), min_size=1, max_size=15), st.randoms())
def test_context_moves_with_its_event_and_makes_no_event_of_its_own(rows, random):
    def of(pairs):
        table = frame([event for event, _ in pairs])
        where = pl.Series("where", [place for _, place in pairs], dtype=pl.String)
        return table, table.with_columns(where, (pl.col("timestamp") * 2).alias("twice"))

    plain, wide = (from_frames(table) for table in of(rows))
    for name in ("user", "item", "weight", "timestamp"):
        assert np.array_equal(getattr(plain.interactions, name), getattr(wide.interactions, name))
    assert plain.interactions.context is None
    log = wide.interactions
    assert (log.context["twice"].to_numpy() * 500_000 == log.timestamp).all()
    assert plain.fingerprint != wide.fingerprint
    random.shuffle(rows)
    shuffled = of(rows)[1]
    assert from_frames(shuffled.select(reversed(shuffled.columns))).fingerprint == wide.fingerprint


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "shape", "events"),
    [
        ("citeulike-a", (5551, 16980), 204_986),
        ("amazon-beauty", (22_363, 12_101), 198_502),
        ("amazon-industrial", (3285, 3686), 22_743),
        ("ml-1m", (6040, 3883), 1_000_209),
    ],
)
def test_public_sets(realdata, name, shape, events):
    data = read(realdata / name)
    assert (data.shape, len(data.interactions)) == (shape, events)
    assert data.schema.find("items", "title").role == "text"
    assert data.notes["quarantined"] == {}
