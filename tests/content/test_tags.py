"""Tags as multi-hot columns."""

from __future__ import annotations

import polars as pl

import sidelight as sl


def test_lists_and_separated_text_give_the_same_columns() -> None:
    rows = [["b", "a"], [], ["a"]]
    listed = pl.DataFrame({"genres": rows})
    joined = pl.DataFrame({"genres": ["|".join(row) for row in rows]})
    one = sl.Tags("genres").fit(listed).transform(listed)
    two = sl.Tags("genres", separator="|").fit(joined).transform(joined)
    assert one.names == two.names == ("genres=a", "genres=b")
    assert abs(one.values - two.values).max() == 0
    assert one.present.tolist() == [True, False, True]


def test_rare_tags_are_left_out() -> None:
    items = pl.DataFrame({"genres": [["a", "rare"], ["a"]]})
    assert sl.Tags("genres", min_count=2).fit(items).transform(items).names == ("genres=a",)
