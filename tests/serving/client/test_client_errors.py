"""Problems as exceptions, and pauses before the next try."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving.client.cases import Service, client, problem

from sidelight.serving.client import client_errors
from sidelight.serving.http import openapi


def test_a_mistake_has_the_fields_that_the_api_describes() -> None:
    described = openapi.PROBLEM["properties"]["errors"]["items"]["properties"]
    assert {field.name for field in dataclasses.fields(client_errors.Mistake)} == set(described)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, client_errors.InvalidRequestError),
        (401, client_errors.KeyRefusedError),
        (403, client_errors.KeyRefusedError),
        (404, client_errors.NotFoundError),
        (409, client_errors.ConflictError),
        (413, client_errors.InvalidRequestError),
        (422, client_errors.InvalidRequestError),
        (429, client_errors.BusyError),
        (500, client_errors.ServiceError),
        (503, client_errors.BusyError),
    ],
)
def test_problems_are_typed(status: int, kind: type[Exception], pauses: list[float]) -> None:
    service = Service(problem(status))
    with pytest.raises(client_errors.ServiceError) as caught:
        client(service).recommend("u1")
    found = caught.value
    assert type(found) is kind
    assert (found.status, found.request_id, found.detail) == (status, "r-9", "k is too large")
    assert found.kind == "urn:sidelight:problem:invalid"
    assert found.mistakes == (client_errors.Mistake("/k", "at most 1000"),)
    assert str(found) == f"{status}: k is too large (request r-9)"
    # The service itself, without a word of later: it would say the same again.
    assert len(service.seen) == 1 and pauses == []


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{", b'{"errors": [3, {}], "detail": null}'])
def test_broken_problems_are_errors_too(body: bytes) -> None:
    answer = httpx.Response(500, content=body, headers={"Content-Type": "application/problem+json"})
    with pytest.raises(client_errors.ServiceError, match="500: a response without an explanation"):
        client(Service(answer)).recommend("u1")


@given(st.integers(0, 6), st.none() | st.floats(0, 29))
def test_pauses_grow_and_respect_the_service(tries: int, after: float | None) -> None:
    error = client_errors.BusyError("busy", 503, retry_after=after)
    pause = client_errors.pause_after(error, tries)
    longest = client_errors.FIRST_PAUSE * 2.0**tries
    assert (
        pause is not None and pause >= max(longest / 2, after or 0.0) and pause <= max(longest, after or 0.0)
    )


def test_retry_after_in_both_forms() -> None:
    assert client_errors.seconds_of("7") == 7.0
    later = client_errors.seconds_of(format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True))
    assert later is not None and 15 < later <= 20
    assert client_errors.seconds_of("Sun, 06 Nov 1994 08:49:37 GMT") == 0.0
    for none in ("", "soon", "-1", "1.5", "²"):
        assert client_errors.seconds_of(none) is None
