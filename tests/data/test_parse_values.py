"""Values parsed by role."""

import polars as pl

from sidelight.data.parse_values import parse


def test_parsing_says_what_could_not_be_read():
    numbers = parse(pl.Series("n", ["1", " 2 ", "x", "", None, "inf"]), "number")
    assert numbers.values.to_list() == [1, 2, None, None, None, float("inf")]
    assert numbers.bad.to_list() == [False, False, True, False, False, False]
    vectors = parse(pl.Series("v", ["1 2", "1 x", None, "[]"]), "vector")
    assert vectors.values.to_list() == [[1, 2], None, None, None]
    assert vectors.bad.to_list()[:3] == [False, True, False]
    tags = parse(pl.Series("t", [["a ", "", None], [], None]), "tags")
    assert tags.values.to_list() == [["a"], None, None]
