"""JSON in chunks is the JSON written at once."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidelight.serving.fair_turns import Stopped, Turn, taking
from sidelight.serving.http.chunked_json import RUN, compact, piecewise


@dataclass(frozen=True)
class Row:
    item: str
    score: float
    reasons: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Ranked:
    user: str | None
    rows: list[Row] = field(default_factory=list)


PLAIN = st.one_of(st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(), st.text(max_size=8))


ROWS = st.builds(Row, st.text(max_size=4), st.floats(), st.lists(PLAIN, max_size=3).map(tuple))


LISTS = st.builds(Ranked, st.none() | st.text(max_size=4), st.lists(ROWS, max_size=2 * RUN + 3))


ANSWERS = st.recursive(
    st.one_of(PLAIN, ROWS, LISTS),
    lambda inner: st.lists(inner, max_size=RUN + 2) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=40,
)


@given(ANSWERS)
def test_pieces_are_what_is_written_at_once(made: Any) -> None:
    assert piecewise(made) == compact(made)


def test_numbers_that_are_not_finite_are_null_and_bytes_stay() -> None:
    found = json.loads(piecewise({"scores": [math.nan, math.inf, 1.5] * RUN}))
    assert found == {"scores": [None, None, 1.5] * RUN}
    assert piecewise(b"{}") == compact(b"{}") == b"{}"


def test_writing_ends_at_a_deadline() -> None:
    lists = [Ranked("u", [Row("i", 1.0)] * 4)] * RUN
    with pytest.raises(Stopped), taking(turn := Turn(time.monotonic() + 60)):
        turn.stopped = True
        piecewise({"lists": lists})
