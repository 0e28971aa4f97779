"""Roles from names and values; the same for every order of the rows."""

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidelight.data.coerce_types import plain
from sidelight.data.infer_roles import describe, infer_role, is_afterwards, is_sensitive
from sidelight.data.parse_values import parse
from sidelight.data.read import from_frames
from sidelight.data.schema import Column, Schema
from sidelight.errors import DataError

MANY = range(40)


@pytest.mark.parametrize(
    ("name", "values", "role"),
    [
        ("title", ["Red shoe", "Blue shoe"], "text"),
        ("about", [f"a long and winding story about thing number {i}" for i in MANY], "text"),
        ("brand", ["Acme", "Bolt", "Acme"], "category"),
        ("brand", [f"House of {i // 3}" for i in MANY], "category"),
        ("genres", ["drama|war", "war", None], "tags"),
        ("genres", ["drama, war", "war, comedy"] * 9, "tags"),
        ("genres", [["drama"], []], "tags"),
        ("related_ids", [[1, 2], [3]], "tags"),
        ("labels", ['["a", "b"]', "[]"], "tags"),
        ("price", ["1.5", "2", "oops"], "number"),
        ("year", [1990 + i for i in MANY], "number"),
        ("vector", [[0.5, 1.0], None], "vector"),
        ("vector", ["[0.5, 1]", "[2, 3.5]"], "vector"),
        ("photo", ["a/b c.jpg", "d.PNG"], "image_path"),
        ("photo", [f"https://host/{i}.jpg" for i in MANY], "ignore"),
        ("jpeg", [b"\xff", None], "image_bytes"),
        ("released", ["2024-01-01", "2023-05-05 10:00:00"], "timestamp"),
        ("created_at", [1_600_000_000, 1_700_000_000], "timestamp"),
        ("asin", [f"B00{i}" for i in MANY], "ignore"),
        ("colour_code", ["1", "2", "1"] * 20, "category"),
        ("imported", [True, False], "category"),
        ("empty", [None, None], "ignore"),
        ("zip", ["01234", "98765"], "category"),
    ],
)
def test_roles(name, values, role):
    series = pl.Series(name, values)
    assert infer_role(series, "items") == role
    assert infer_role(series.reverse(), "items") == role
    assert infer_role(series, "interactions") == ("ignore" if role == "text" else "context")
    assert infer_role(series, "users") != "text"


@given(
    st.lists(st.none() | st.sampled_from(["a|b", "c", "2024-01-01", "3.5", "one two three", ""]), min_size=1)
)
def test_row_order_does_not_change_the_role(values):
    series = pl.Series("column", values, dtype=pl.String)
    assert (
        infer_role(series, "items")
        == infer_role(series.sort(), "items")
        == infer_role(series.reverse(), "items")
    )


@pytest.mark.parametrize(
    ("values", "role", "want"),
    [
        (pl.Series(["a", "b", None], dtype=pl.Categorical), "category", ["a", "b", None]),
        (pl.Series(["a", "b", None], dtype=pl.Enum(["a", "b"])), "category", ["a", "b", None]),
        (pl.Series([Decimal("1.5"), None]), "number", [1.5, None]),
        (pl.Series([timedelta(days=1), None]), "number", [86400, None]),
        (pl.Series([{"a": 1}, None]), "ignore", ['{"a":1}', None]),
        (pl.Series([[1.0, 2.0], None], dtype=pl.Array(pl.Float32, 2)), "vector", [[1.0, 2.0], None]),
        (pl.Series([2**70, 1], dtype=pl.Int128), "number", [2.0**70, 1]),
        (pl.Series([[[1]], None]), "tags", [["[1]"], None]),
        (pl.Series([date(2024, 1, 1), None]), "timestamp", [1704067200000000, None]),
        (pl.Series([None, None]), "ignore", [None, None]),
        (pl.Series([["a", None, " "], []]), "tags", [["a"], None]),
    ],
)
def test_any_type_of_polars_is_understood(values, role, want):
    items = pl.DataFrame([pl.Series("item_id", range(len(values))), values.alias("x")])
    data = from_frames({"user_id": [1], "item_id": [0]}, items=items)
    assert (data.schema.find("items", "x").role, data.items["x"].to_list()) == (role, want)


ROLES = ["text", "category", "tags", "number", "vector", "image_bytes", "timestamp", "ignore"]


@pytest.mark.parametrize("role", ROLES)
def test_every_role_can_be_declared_for_every_type(role):
    """What does not fit is null and counted; where nothing fits the declaration is refused."""
    schema = Schema(items=(Column("item_id", "item_id"), Column("x", role)))
    for values in (
        [1.5, 2.5],
        ["p q", "r"],
        ["p q", "7"],
        [True, False],
        [b"x", b"y"],
        [["a"], ["b"]],
        [date(2024, 1, 1)] * 2,
    ):
        items = pl.DataFrame({"item_id": [1, 2], "x": values})
        events = {"user_id": [1], "item_id": [1]}
        if parse(plain(items["x"]), role).values.count():
            data = from_frames(events, items=items, schema=schema)
            assert data.items["x"].null_count() == data.notes["nulled values"].get("items.x", 0)
        else:
            with pytest.raises(DataError, match=r"'x'.*row 1.*role = "):
                from_frames(events, items=items, schema=schema)


@pytest.mark.parametrize(
    ("table", "role"), [("items", "weight"), ("items", "user_id"), ("interactions", "tags")]
)
def test_a_role_that_the_table_cannot_have_is_refused(table, role):
    own = {
        "items": [Column("item_id", "item_id")],
        "interactions": [Column(n, n) for n in ("user_id", "item_id")],
    }
    schema = Schema(**{table: (*own[table], Column("x", role))})
    frame = {"user_id": [1], "item_id": [1], "x": ["a"]}
    with pytest.raises(DataError, match=rf"{role}.*\[{table}\] x"):
        from_frames(frame, items=frame, schema=schema)


def test_consent_must_be_a_column_that_is_declared():
    users = (
        Column("user_id", "user_id"),
        Column("age", "number", consent="opt_inn"),
        Column("opt_in", "context"),
    )
    frame = {"user_id": [1], "age": [30], "opt_in": [True]}
    with pytest.raises(DataError, match=r"'opt_inn'.*did you mean 'opt_in'"):
        from_frames({"user_id": [1], "item_id": [1]}, users=frame, schema=Schema(users=users))


def test_free_text_of_an_event_is_never_context():
    many = [f"this one is nice, got it {i} weeks ago" for i in MANY]
    labels = ["smart phone", "desk", "smart tv", "phone"] * 10
    events = {
        "user_id": list(MANY),
        "item_id": list(MANY),
        "x": many,
        "review": ["fine so far"] * 40,
        "on": labels,
    }
    data = from_frames(events)
    assert data.interactions.context.columns == ["on"]
    assert set(data.notes["columns left out"]) == {"interactions.x", "interactions.review"}


def test_tags_without_a_mark_and_broken_lists_stay_one_tag():
    single = pl.Series("t", ["drama", None, "war"])
    assert parse(single, "tags").values.to_list() == [["drama"], None, ["war"]]
    broken = pl.Series("t", ['["a", 2]', "[{oops]", None])
    assert parse(broken, "tags").values.to_list() == [["a", "2"], ["[{oops]"], None]


def test_names_that_tell():
    assert all(map(is_sensitive, ["gender", "age_group", "ageGroup", "zip_code", "household_income", "race"]))
    assert not any(map(is_sensitive, ["page", "image", "embrace", "brand", "agenda", "language"]))
    assert all(map(is_afterwards, ["imdb_votes", "salesRank", "num_reviews", "popularity", "average_rating"]))
    assert not any(
        map(is_afterwards, ["content_rating", "age_rating", "title", "mpaa", "price", "genres", "tags"])
    )


def test_sensitive_is_for_people_and_afterwards_for_items():
    series = [pl.Series("gender", ["f"]), pl.Series("votes", [1.0])]
    items = describe("items", series, ["category", "number"])
    users = describe("users", series, ["category", "number"])
    assert [(c.sensitive, c.known_at_launch) for c in items] == [(False, True), (False, False)]
    assert [(c.sensitive, c.known_at_launch) for c in users] == [(True, True), (False, True)]


def test_a_consent_column_rules_its_own_column_or_all_others():
    series = [pl.Series(n, [True]) for n in ("user_id", "age", "city", "consent_age", "opt_in")]
    found = describe("users", series, ["user_id", "number", "category", "context", "context"])
    assert {c.name: c.consent for c in found} == {
        "user_id": None, "age": "consent_age", "city": "opt_in", "consent_age": None, "opt_in": None,
    }  # fmt: skip


def test_parsing_says_what_could_not_be_read():
    numbers = parse(pl.Series("n", ["1", " 2 ", "x", "", None, "inf"]), "number")
    assert numbers.values.to_list() == [1, 2, None, None, None, float("inf")]
    assert numbers.bad.to_list() == [False, False, True, False, False, False]
    vectors = parse(pl.Series("v", ["1 2", "1 x", None, "[]"]), "vector")
    assert vectors.values.to_list() == [[1, 2], None, None, None]
    assert vectors.bad.to_list()[:3] == [False, True, False]
    tags = parse(pl.Series("t", [["a ", "", None], [], None]), "tags")
    assert tags.values.to_list() == [["a"], None, None]
