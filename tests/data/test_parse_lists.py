"""Lists in one cell of text."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidelight.data.infer_roles import infer_role
from sidelight.data.parse_values import parse

WORD = st.text(st.sampled_from("abc ,;|'\"\\{}[]()é\n"), min_size=1, max_size=6).filter(
    lambda w: w == w.strip()
)


WORDS = st.lists(WORD, min_size=1, max_size=4, unique=True)


def postgres(words):
    quoted = (w.replace("\\", "\\\\").replace('"', '\\"') for w in words)
    return "{" + ",".join(f'"{w}"' for w in quoted) + "}"


WRITERS = {
    "python": repr,
    "json": json.dumps,
    "json, not ascii": lambda words: json.dumps(words, ensure_ascii=False),
    "tuple": lambda words: repr(tuple(words)),
    "set": lambda words: "{" + ", ".join(map(repr, words)) + "}",
    "frozenset": lambda words: "frozenset({" + ", ".join(map(repr, words)) + "})",
    "numpy": lambda words: str(np.array(words, dtype=object)),
    "numpy repr": lambda words: repr(np.array(words, dtype=object)),
    "postgres": postgres,
    "r": lambda words: f"c({', '.join(json.dumps(w) for w in words)})",
    "objects": lambda words: repr([{"id": k, "name": w} for k, w in enumerate(words)]),
    "json objects": lambda words: json.dumps([{"id": k, "name": w} for k, w in enumerate(words)]),
}


@pytest.mark.parametrize("writer", WRITERS)
@given(rows=st.lists(WORDS, min_size=1, max_size=4))
def test_quoted_lists_come_back(writer, rows):
    cells = pl.Series("genres", [WRITERS[writer](words) for words in rows])
    assert parse(cells, "tags").values.to_list() == rows


@pytest.mark.parametrize(
    ("cells", "want"),
    [
        (["{drama,sci fi,NULL}", "{war}"], [["drama", "sci fi"], ["war"]]),
        (["[drama, sci fi]", "[war]"], [["drama", "sci fi"], ["war"]]),
        (["[drama war]", "[war]"], [["drama", "war"], ["war"]]),
        (["drama|war", "war", None], [["drama", "war"], ["war"], None]),
        (['"a; b";c', "a; b;c", "c;a"] * 8, [["a; b", "c"], ["a", "b", "c"], ["c", "a"]] * 8),
        (["[]", "{}", "set()", "['a']"], [None, None, None, ["a"]]),
        (["['it's, 'b']", "[{oops]"], [["['it's, 'b']"], ["[{oops]"]]),
        (["[don't, stop]"], [["don't", "stop"]]),
    ],
)
def test_lists_without_quotes(cells, want):
    assert parse(pl.Series("genres", cells), "tags").values.to_list() == want


@pytest.mark.parametrize("writer", WRITERS)
def test_lists_are_tags_and_broken_cells_do_not_change_that(writer):
    cells = [WRITERS[writer]([a, b]) for a in "abcd" for b in ("war, cold", "drama")]
    assert infer_role(pl.Series("x", [*cells, *cells, "oops"]), "items") == "tags"


@pytest.mark.parametrize(
    "cell", ["[0.5, 1.0]", "[0.5 1. ]", "{0.5,1}", "(0.5, 1.0)", "array([0.5, 1.0])", "[0.5\n 1.0]"]
)
def test_lists_of_fractions_are_vectors(cell):
    cells = pl.Series("x", [cell] * 3)
    assert infer_role(cells, "items") == "vector"
    assert parse(cells, "vector").values.to_list() == [[0.5, 1.0]] * 3


def test_tags_without_a_mark_and_broken_lists_stay_one_tag():
    single = pl.Series("t", ["drama", None, "war"])
    assert parse(single, "tags").values.to_list() == [["drama"], None, ["war"]]
    broken = pl.Series("t", ['["a", 2]', "[{oops]", None])
    assert parse(broken, "tags").values.to_list() == [["a", "2"], ["[{oops]"], None]
