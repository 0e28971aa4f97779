"""Problems: quotations are removed, errors have statuses."""

from __future__ import annotations

import pytest

from sidelight.errors import BundleError, DataError, SpecError, UnknownIdError
from sidelight.serving.domain import DatabaseError
from sidelight.serving.http.problems import of_error, quiet


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "unknown key 'boots' in rules; did you mean 'boost'?",
            "unknown key '...' in rules; did you mean 'boost'?",
        ),
        ("found 'a' and \"b's\"", "found '...' and '...'"),
        ("found 'it\\'s'; more", "found '...'; more"),
        ("found 'cut off he", "found '...'"),
        ("a person's list; found 'x'", "a person's list; found '...'"),
        ("found b'x'; and b\"y\"", "found '...'; and '...'"),
        ("nothing quoted", "nothing quoted"),
        ("two\nlines  and 'x'", "two lines and '...'"),
        ("column 'title' of 'boost'", "column 'title' of 'boost'"),
    ],
)
def test_quotations_are_left_out(message: str, said: str) -> None:
    assert quiet(message, {"boost", "title"}) == said


def test_errors_and_their_statuses() -> None:
    found = {
        type(e).__name__: of_error(e).status
        for e in (
            UnknownIdError("x"), SpecError("x"), DataError("x"), BundleError("x"), DatabaseError("x"),
        )
    }  # fmt: skip
    assert found == {
        "UnknownIdError": 404, "SpecError": 422, "DataError": 422, "BundleError": 409, "DatabaseError": 503,
    }  # fmt: skip
    assert "Retry-After" in of_error(DatabaseError("x", retry=True)).headers
    assert "Retry-After" not in of_error(DatabaseError("x")).headers
