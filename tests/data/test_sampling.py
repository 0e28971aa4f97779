"""What is drawn for the tasks: by content where asked for, never by clicks."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from sidelight.data.sampling import draw_items, item_probabilities
from sidelight.data.schema import Column, Schema

SCHEMA = Schema((), (Column("title", "text"), Column("tags", "tags"), Column("price", "number")), ())


def words(start: int, count: int) -> str:
    return " ".join(f"word{n}" for n in range(start, start + count))


def test_the_formula() -> None:
    items = pl.DataFrame(
        {
            "title": ["red red tea", "Red pot", None, " "],
            "tags": [["a", "b"], [], None, ["a"]],
            "price": [1.0, None, None, 2.0],
        }
    )
    idf = {"red": np.log(5 / 3), "tea": np.log(5 / 2), "pot": np.log(5 / 2), "a": np.log(5 / 3)}
    idf["b"] = np.log(5 / 2)
    text = np.array([np.hypot(idf["red"], idf["tea"]), np.hypot(idf["red"], idf["pot"]), 0, 0])
    tags = np.array([np.hypot(idf["a"], idf["b"]), 0, 0, idf["a"]])
    price = np.array([1.0, 0, 0, 1])
    columns = [column / column[column > 0].mean() for column in (text, tags, price)]
    wanted = 0.5 + np.mean(columns, axis=0)
    found = item_probabilities(items, SCHEMA, "richness")
    np.testing.assert_allclose(found, wanted / wanted.sum())


def test_forty_words_are_drawn_more_than_three() -> None:
    """All columns of both items are filled: a count of filled columns could not tell them apart."""
    titles = [words(40 * n, 40 if n % 2 else 3) for n in range(40)]
    items = pl.DataFrame({"title": titles, "tags": [["a"]] * 40, "price": [1.0] * 40})
    chance = item_probabilities(items, SCHEMA, "richness")
    assert chance[1::2].min() > 1.3 * chance[::2].max()
    rng = np.random.default_rng(0)
    drawn = np.concatenate([draw_items(rng, chance, 5) for _ in range(400)])
    assert (drawn % 2).mean() > 0.55


def test_uniform_is_uniform_and_nothing_filled_still_counts() -> None:
    items = pl.DataFrame({"title": ["a b", None], "tags": [["x"], []], "price": [1.0, None]})
    assert item_probabilities(items, SCHEMA).tolist() == [0.5, 0.5]
    assert 0 < item_probabilities(items, SCHEMA, "richness")[1] < 0.5


@pytest.mark.parametrize("m", [1, 3, 9])
def test_draws_are_distinct_and_in_order(m: int) -> None:
    drawn = draw_items(np.random.default_rng(1), np.full(6, 1 / 6), m)
    assert len(drawn) == min(m, 6) and (np.diff(drawn) > 0).all()
