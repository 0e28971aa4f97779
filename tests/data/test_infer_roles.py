"""Roles inferred from names and values."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidelight.data.infer_roles import describe, infer_role, is_afterwards, is_links, is_sensitive
from sidelight.data.read import from_frames

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


@pytest.mark.parametrize(
    ("name", "lists", "links"),
    [
        ("cites", [["a", "x"], None, ["b"]], True),
        ("relatedItems", [["a"], ["b", "c"]], True),
        ("cites", [["x", "y"], ["a"]], False),  # ids of another catalogue
        ("genres", [["a"], ["b"]], False),  # labels that happen to be ids as well
        ("cites", [[], None], False),
    ],
)
def test_links_are_lists_of_item_ids_that_are_named_so(name, lists, links):
    assert is_links(pl.Series(name, lists, dtype=pl.List(pl.String)), pl.Series(["a", "b", "c"])) is links


def test_a_table_that_is_read_tells_links_from_tags():
    items = pl.DataFrame(
        {"item_id": [1, 2, 3], "related_ids": ["2|3", "1", None], "topics": [["1"], ["2"], []]}
    )
    data = from_frames({"user_id": [1], "item_id": [1]}, items=items)
    roles = {column.name: column.role for column in data.schema.items}
    assert roles == {"item_id": "item_id", "related_ids": "links", "topics": "tags"}
    assert data.items["related_ids"].to_list() == [["2", "3"], ["1"], None]
