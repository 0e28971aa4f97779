"""Fields of requests: limits of the engine's options, cells of rows, and times of events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from sidelight.serving.http.field_types import LARGEST, Id, Value, check_time, option_limits, parse_time
from sidelight.serving.rerank.rules import Pin


def test_limits_are_those_of_the_engine() -> None:
    limits = {type(each).__name__: each for each in option_limits(Pin, "place").metadata}
    assert (limits["Ge"].ge, limits["Le"].le) == (1, 200)


@pytest.mark.parametrize("item", ["i07", "Größe 7", "a b/c%", "日本"])
def test_ids_are_text(item: str) -> None:
    assert TypeAdapter(Id).validate_python(item) == item


@pytest.mark.parametrize("item", ["", "a\nb", "a\u202eb", "\ufeffa", "x" * 513, 7])
def test_other_ids_are_refused(item: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Id).validate_python(item, strict=True)


@pytest.mark.parametrize("cell", ["text", 3, 2.5, True, None, ["a", "b"], [1.0, 2], []])
def test_cells_of_rows(cell: Any) -> None:
    assert TypeAdapter(Value).validate_python(cell) == cell


@pytest.mark.parametrize("cell", [{"a": 1}, [["a"]], ["a", 1], LARGEST * 2, "a\0b", [None], b"x"])
def test_other_cells_are_refused_in_one_sentence(cell: Any) -> None:
    with pytest.raises(ValidationError) as error:
        TypeAdapter(Value).validate_python(cell)
    assert error.value.error_count() == 1 and "expected" in str(error.value)


def test_times_of_events() -> None:
    at = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    assert parse_time("2026-03-01T09:30:00Z") == at and check_time(at) == at
    assert parse_time(7) == 7, "left for the model to refuse"
    for wrong in (at.replace(tzinfo=None), at.replace(year=1969), datetime.now(UTC) + timedelta(days=2)):
        with pytest.raises(ValueError, match="expected a time"):
            check_time(wrong)
    with pytest.raises(ValueError, match="ISO 8601"):
        parse_time("yesterday")
