"""Context of events: types of its columns, consent, values of the clock, context common to a user."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from sidelight.data.context import common_context, consented, context_rows, context_values
from sidelight.data.interactions import Interactions
from sidelight.data.schema import Column, Schema
from sidelight.errors import SpecError

MOMENTS = [datetime(2024, 2, 29, 23, 59, tzinfo=UTC), datetime(2023, 1, 1, 0, 0, tzinfo=UTC)]


def log_of(**context: list[object]) -> Interactions:
    n = len(MOMENTS)
    time = np.array([int(m.timestamp()) * 1_000_000 for m in MOMENTS])
    ids = np.arange(n, dtype=np.int32)
    return Interactions(ids, ids, np.ones(n, dtype=np.float32), time, None, pl.DataFrame(context))


@pytest.mark.parametrize(
    ("values", "want"),
    [
        (["1", "2.5", None], [1.0, 2.5, None]),
        (["007", "12"], ["007", "12"]),
        (["app", " web "], ["app", "web"]),
        ([[0.5, 1.0]], [[0.5, 1.0]]),
        ([["a", ""], []], [["a"], None]),
        (["", None], [None, None]),
    ],
)
def test_numbers_are_numbers_and_codes_stay_text(values: list[object], want: list[object]) -> None:
    assert context_values(pl.Series("c", values, strict=False)).to_list() == want


def test_the_clock_is_read_in_utc() -> None:
    found = context_rows(log_of(), Schema(), ["hour", "weekday", "month"])
    assert found.rows() == [(m.hour, m.isoweekday(), m.month) for m in MOMENTS]


def test_a_column_of_the_log_wins_over_the_clock_and_needs_its_consent() -> None:
    log = log_of(hour=["late", "early"], agreed=[True, None])
    schema = Schema((Column("hour", "context", consent="agreed"),))
    assert context_rows(log, schema, ["hour"])["hour"].to_list() == ["late", None]
    assert consented(log.context, Column("hour", "context"), "x").all()  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="as consent to 'hour'"):
        context_rows(log_of(hour=["late", "early"]), schema, ["hour"])
    with pytest.raises(SpecError, match="did you mean 'hour'"):
        context_rows(log, schema, ["huor"])


def test_a_user_has_the_context_that_all_events_share() -> None:
    table = pl.DataFrame({"device": ["app", "app", "web", "app"]})
    user = np.array([0, 0, 2, 2], dtype=np.int32)
    assert common_context(table, user, np.arange(4), 3)["device"].to_list() == ["app", None, None]
    assert common_context(table, user, np.array([0, 2]), 3)["device"].to_list() == ["app", None, "web"]
