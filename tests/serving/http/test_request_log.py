"""Logs hold no personal data, whatever is sent and whatever fails."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from http_service import Service

from sidelight.errors import BundleError, DataError, SpecError, UnknownIdError, complain
from sidelight.serving.domain import DatabaseError
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.http.request_log import JsonLogFormatter, describe_error

USER, ITEM, TEXT = "canary-user-7f3a", "canary-item-9c1d", "canary words of a text"


MARKS = (USER, ITEM, TEXT, "canary")


SCOPES = {"all": ["read", "history", "events", "metrics", "admin"], "few": ["events"]}


GOOD: list[tuple[str, str, Any]] = [
    ("PUT", "/v1/items?wait=3", {"items": [{"item_id": ITEM, "title": TEXT}]}),
    ("POST", "/v1/events", {"events": [{"user": USER, "item": ITEM, "kind": "click", "event_id": USER}]}),
    ("POST", "/v1/recommend", {"user": USER, "k": 5, "explain": True}),
    ("POST", "/v1/recommend", {"history": [ITEM, "i01"], "candidates": [ITEM]}),
    ("POST", "/v1/recommend/batch", {"requests": [{"user": USER}, {"history": [ITEM]}]}),
    ("POST", "/v1/similar", {"item": ITEM}),
    ("POST", "/v1/explain", {"item": ITEM, "user": USER}),
    ("POST", "/v1/audience", {"item": ITEM}),
    ("GET", "/v1/items?q=canary%20words", None),
    ("POST", "/v1/items/get", {"items": [ITEM, "canary-unknown"]}),
    ("PUT", "/v1/consent", {"user": USER, "given": True}),
    ("POST", "/v1/forget", {"user": USER}),
    ("GET", "/v1/status", None),
    ("GET", "/metrics", None),
]


BAD: list[tuple[str, str, Any]] = [
    ("POST", "/v1/recommend", {"user": USER, TEXT: 1}),
    ("POST", "/v1/recommend", {"user": {TEXT: USER}}),
    ("POST", "/v1/recommend", {"user": USER, "k": TEXT}),
    ("POST", "/v1/recommend", {"user": USER, "context": {TEXT: [1]}}),
    ("POST", "/v1/recommend", {"user": USER, "context": {TEXT: USER}}),
    ("POST", "/v1/recommend", {"user": f"{USER}\u202e"}),
    ("POST", "/v1/recommend", {"user": USER * 60}),
    ("POST", "/v1/recommend", {"user": USER, "rules": {"boost": [{"column": TEXT, "value": USER}]}}),
    ("POST", "/v1/recommend", {"user": USER, "rules": {"block": [{"column": "title", "value": 3}]}}),
    ("POST", "/v1/recommend", {"user": USER, "rules": {"pin": [{"item": ITEM, "place": 1}] * 2}}),
    ("POST", "/v1/recommend", {"user": USER, "rules": {"boost": [{"column": "price", "value": TEXT}]}}),
    ("POST", "/v1/recommend", {"user": USER, "rules": {TEXT: 1}}),
    ("POST", "/v1/recommend", f'{{"user": "{USER}", "user": "{USER}"}}'.encode()),
    ("POST", "/v1/recommend", f'{{"user": "{USER}", "k": NaN, {TEXT}'.encode()),
    ("POST", "/v1/recommend", f'{{"user": "{USER}\\ud800"}}'.encode()),
    ("POST", "/v1/similar", {"item": "canary-nobody"}),
    ("POST", "/v1/similar", {"item": 'canary-it\'s-"quoted"'}),
    ("POST", "/v1/explain", {"item": "canary-nobody", "user": USER}),
    ("POST", "/v1/audience", {"row": {TEXT: TEXT}}),
    ("POST", "/v1/audience", {"row": {"price": TEXT, "title": TEXT}}),
    ("PUT", "/v1/items", {"items": [{"item_id": ITEM, "price": f"{TEXT}'s \"{USER}\" \\' {USER}"}]}),
    ("PUT", "/v1/items", {"items": [{"item_id": ITEM, "title": [TEXT]}]}),
    ("PUT", "/v1/items", {"items": [{"item_id": ITEM * 10, "title": TEXT}]}),
    ("PUT", "/v1/items", {"items": [{TEXT: ITEM}]}),
    ("PUT", f"/v1/items?wait={USER}", {"items": [{"item_id": ITEM}]}),
    ("PUT", f"/v1/items?{USER}=1", {"items": [{"item_id": ITEM}]}),
    ("POST", "/v1/events", {"events": [{"user": USER, "item": ITEM, "kind": TEXT, "at": USER}]}),
    ("POST", "/v1/versions/promote", {"name": "canary-version"}),
    ("POST", "/v1/versions/promote", {"name": TEXT}),
    ("GET", f"/v1/items?q={USER}&k={USER}", None),
    ("GET", f"/{USER}/{ITEM}?user={USER}", None),
    ("BREW", "/v1/items", None),
    ("POST", f"/v1/recommend?user={USER}", {"history": [TEXT, 3]}),
]


@pytest.fixture
def told() -> Iterator[io.StringIO]:
    """What the standard library logs, in the form that the service gives it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLogFormatter())
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def silent(text: str, *secrets: str) -> None:
    for mark in (*MARKS, *secrets):
        assert mark not in text, (mark, text)
    for mark in secrets:
        assert mark[3:20] not in text


@pytest.mark.parametrize("kind", ["little", "real"])
def test_a_session_of_good_and_bad_requests(
    make: Callable[..., Service], real: Callable[..., Service], told: io.StringIO, kind: str
) -> None:
    options = HttpOptions(rate=0, explorer=True)
    service = (make if kind == "little" else real)(options, keys=SCOPES)
    wrong = "sl_" + "canaryX" * 6 + "c"
    secrets = (*service.secrets.values(), wrong)
    headers = {"User-Agent": USER, "Referer": f"http://x/{USER}", "Cookie": f"sidelight_session={USER}"}
    errors = []
    for method, path, body in GOOD:
        given = service.send(method, path, body, key="all", headers=headers)
        assert given.status_code == 200, (path, given.text)
        if path == "/metrics":
            silent(given.text, *secrets)
    for method, path, body in [*GOOD, *BAD]:
        for key in (None, wrong, "few"):
            given = service.send(method, path, body, key=key, headers=headers)
            if given.status_code >= 400:
                errors.append(given)
    for method, path, body in BAD:
        given = service.send(method, path, body, key="all", headers=headers)
        assert 400 <= given.status_code < 500 or kind == "little", (path, body, given.text)
        errors.append(given)
    for path in ("/", f"/item?id={ITEM}", f"/catalogue?q={USER}", "/signin", "/state", f"/static/{USER}"):
        service.send("GET", path, headers=headers)
    for given in errors:
        if given.status_code >= 400:
            silent(given.text, *secrets)
            silent(str(dict(given.headers)), *secrets)
    silent(service.send("GET", "/metrics", key="all").text, *secrets)
    silent(service.stream.getvalue(), *secrets)
    silent(told.getvalue(), *secrets)
    assert len(service.lines) > 100


FAILURES = [
    ValueError(f"{USER} {ITEM}"), KeyError(USER), RuntimeError(TEXT), ZeroDivisionError(USER),
    OSError(28, USER), MemoryError(TEXT), RecursionError(USER), AssertionError(USER),
    UnicodeError(USER), TimeoutError(USER),
    UnknownIdError(complain("an item", repr(ITEM), fix=f"did you mean {ITEM!r}?")),
    SpecError(complain("a column", repr(TEXT), fix=f"did you mean {TEXT!r}?")),
    SpecError(f"unknown key {TEXT!r}; valid names: {USER!r}, {ITEM!r}"),
    DataError(complain("a number", repr({"user": USER})[:80], f"column {TEXT!r}")),
    DataError(complain("a text", repr(f"it's {TEXT} \"{USER}\"")[:30])),
    BundleError(complain("a bundle", "none", f"'/somewhere/{USER}'")),
    DatabaseError(complain("a working database", "locked"), retry=True),
    BaseExceptionGroup("x", [ValueError(USER)]),
]  # fmt: skip


@pytest.mark.parametrize("failure", FAILURES, ids=lambda e: type(e).__name__)
def test_an_engine_that_raises_says_nothing(service: Service, told: io.StringIO, failure: Exception) -> None:
    service.engine.failure = failure
    asked = [
        ("POST", "/v1/recommend", {"user": USER}),
        ("POST", "/v1/similar", {"item": "i01"}),
        ("POST", "/v1/events", {"events": [{"user": USER, "item": ITEM, "kind": "view"}]}),
        ("PUT", "/v1/items", {"items": [{"item_id": ITEM, "title": TEXT}]}),
    ]
    for method, path, body in asked:
        given = service.send(method, path, body)
        assert given.status_code in (404, 409, 422, 500, 503)
        assert given.headers["content-type"] == "application/problem+json"
        assert given.json()["request_id"] == service.lines[-1]["request_id"]
        silent(given.text)
    silent(service.stream.getvalue() + told.getvalue() + service.send("GET", "/metrics").text)
    if given.status_code == 500:
        line = service.lines[-2]
        assert (line["level"], line["error"]) == ("error", type(failure).__name__)
        assert line["at"][0].startswith("http_service.py:")  # where, and not what


def test_no_line_of_a_log_has_other_fields(service: Service) -> None:
    for method, path, body in [*GOOD, *BAD]:
        service.send(method, path, body)
    fields = {"time", "level", "event", "route", "method", "status", "ms", "key", "request_id", "version"}
    assert {frozenset(line) for line in service.lines} == {frozenset(fields)}
    assert {line["route"] for line in service.lines} <= {
        *service.app.state.table, "(none)",
    }  # fmt: skip


def test_records_of_the_standard_library() -> None:
    def line(name: str, *given: Any, **more: Any) -> dict[str, Any]:
        record = logging.LogRecord(name, logging.ERROR, "x.py", 1, *given, **more)
        return dict(json.loads(JsonLogFormatter().format(record)))

    assert line("uvicorn.error", "port %d", (80,), None)["event"] == "port 80"
    assert line("other.package", "failed for %s", (USER,), None)["event"] == "failed for %s"
    try:
        try:
            raise KeyError(USER)
        except KeyError as cause:
            raise ValueError(TEXT) from cause
    except ValueError as error:
        said = line("sidelight.x", "broke", (), (type(error), error, error.__traceback__))
    assert (said["error"], said["from"]) == ("ValueError", "KeyError")
    assert said["at"][0].startswith("test_request_log.py:")
    silent(json.dumps(said))


def test_places_do_not_tell_where_the_program_lies() -> None:
    try:
        json.loads("{")
    except ValueError as error:
        found = describe_error(error)
    assert all("/" not in at or at.startswith("sidelight/") for at in found["at"]), found
