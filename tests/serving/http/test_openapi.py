"""The table of the API and its OpenAPI document: responses and requests fit it, good ones and bad ones."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from http_service import Service
from pydantic import TypeAdapter

from sidelight.serving.database.database import Database
from sidelight.serving.engine import Engine
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.http.endpoint import Endpoint
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.http.openapi import ENTRIES, ApiEntry
from sidelight.serving.store.store import Store

SAID = {entry.name: entry for entry in ENTRIES}


ANSWERED = {
    "promote": {"name": "v2"},
    "put_items": {"items": [{"item_id": "i81", "title": "folding spade", "brand": "a", "price": 19.5}]},
    "explain": {"item": "i07", "history": ["i01", "i05"], "k": 3},
    "audience": {"row": {"title": "folding spade"}, "k": 10},
}


def ask(service: Service, entry: ApiEntry, **more: Any) -> Any:
    body = ANSWERED.get(entry.name, entry.sends)
    return service.send(entry.method, entry.path, body, **more)


def held(service: Service, entry: ApiEntry, given: Any) -> None:
    """The answer is what the description says: no field more, none less."""
    assert given.headers["content-type"].startswith(entry.media.partition(";")[0])
    model = endpoints(service)[entry.name].response_model
    if model is not None:
        assert_fits(TypeAdapter(model), given.content)


def assert_fits(adapter: TypeAdapter[Any], content: bytes) -> None:
    read = adapter.validate_json(content, extra="forbid")
    assert json.loads(adapter.dump_json(read)) == json.loads(content)


def endpoints(service: Service) -> dict[str, Endpoint]:
    return {r.operation_id: r for r in service.app.routes if isinstance(r, Endpoint)}


@pytest.mark.parametrize("name", [name for name in SAID if name != "rollback"])
def test_each_operation_answers_as_described(service: Service, name: str) -> None:
    given = ask(service, SAID[name])
    assert given.status_code == 200, given.text
    held(service, SAID[name], given)


def test_each_operation_of_a_real_engine_answers_as_described(real: Callable[..., Service]) -> None:
    service = real()
    bodies = {
        "explain": {"item": "i07", "user": "u01"},
        "audience": {"row": {"title": "folding spade", "brand": "Fernhill"}},
        "put_items": {"items": [{"item_id": "i99", "title": "folding spade", "brand": "Fernhill"}]},
        "promote": {"name": "clicks"},
    }
    for entry in ENTRIES:
        given = service.send(entry.method, entry.path, bodies.get(entry.name, entry.sends))
        assert given.status_code == 200, (entry.name, given.text)
        held(service, entry, given)
    for path in ("recommend", "recommend/batch"):
        asked = {"user": "u02", "explain": True, "rules": {"floor": 0.3, "diversity": 0.2}}
        body = asked if path == "recommend" else {"requests": [asked, {"history": ["i01", "none"]}]}
        given = service.send("POST", f"/v1/{path}", body)
        held(service, next(each for each in ENTRIES if each.path == f"/v1/{path}"), given)


@pytest.fixture
def document(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = service.send("GET", "/openapi.json").json()
    return found


def test_the_description_is_whole(document: dict[str, Any]) -> None:
    told = {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert set(told) == {(e.method, e.path) for e in ENTRIES}
    for entry in ENTRIES:
        operation = told[entry.method, entry.path]
        assert operation["operationId"] == entry.name
        assert len(operation["description"]) > 10 and operation["summary"] == entry.summary
        assert operation["security"] == ([{"key": [entry.scope]}] if entry.scope else [])
        assert set(operation["responses"]) == {"200", *map(str, entry.statuses)}
        for status, said in operation["responses"].items():
            assert "X-Request-ID" in said["headers"]
            if status != "200":
                assert said["content"]["application/problem+json"]["schema"] == {
                    "$ref": "#/components/schemas/Problem"
                }


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert named <= set(document["components"]["schemas"])
    assert not {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"])


def test_examples_are_what_is_taken_and_given(service: Service) -> None:
    from sidelight.serving.http import strict_json

    routes = endpoints(service)
    for entry in ENTRIES:
        if entry.sends is not None:
            assert routes[entry.name].body is not None
            strict_json.parse_body(json.dumps(entry.sends).encode(), routes[entry.name].body)
        model = routes[entry.name].response_model
        if model is not None and entry.example is not None:
            assert_fits(TypeAdapter(model), json.dumps(entry.example).encode())


def test_operation_ids_never_change() -> None:
    assert sorted(SAID) == [
        "add_events", "alive", "audience", "explain", "forget", "get_items", "list_retired", "list_versions",
        "metrics", "promote", "put_items", "ready", "recommend", "recommend_batch", "retire_items",
        "rollback", "search_items", "set_consent", "similar", "status",
    ]  # fmt: skip


schemathesis = pytest.importorskip("schemathesis")


EXAMPLES = 20  # of each operation


# Good by its form, and still not what the catalogue or the store knows.
MEANING = {404, 409, 422}


@pytest.fixture(scope="module")
def described(shop_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("described")
    database = Database.open(str(folder / "service.sqlite"))
    store = Store(shutil.copytree(shop_store, folder / "store"))
    options = HttpOptions(rate=0, explorer=False, most_body=200_000, patience=60)
    with Engine(store, database, EngineOptions(poll=0.05)) as engine:
        keys = {"all": ["read", "history", "events", "metrics", "admin"]}
        made = Service(folder, options, keys, engine=engine, database=database)
        yield made
        made.close()
    database.close()


@pytest.fixture(scope="module")
def schema(described: Service) -> Any:
    document = described.send("GET", "/openapi.json").json()
    found = schemathesis.openapi.from_dict(document)
    found.app = described.app
    return found


def checks() -> list[Any]:
    from schemathesis import checks as known

    known.load_all_checks()
    wanted = [
        "not_a_server_error", "status_code_conformance", "content_type_conformance",
        "response_headers_conformance", "response_schema_conformance", "negative_data_rejection",
    ]  # fmt: skip
    return known.CHECKS.get_by_names(wanted)


@pytest.mark.slow
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_an_operation_keeps_its_word(described: Service, schema: Any, entry: Any) -> None:
    operation = schema[entry.path][entry.method]
    headers = {"Authorization": f"Bearer {described.secrets['all']}"}
    found: dict[int, int] = {}

    def one(case: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of schemathesis' own transport
            response = case.call(headers=headers)
        found[response.status_code] = found.get(response.status_code, 0) + 1
        case.validate_response(response, checks=checks())
        if case.meta and case.meta.generation.mode.is_positive:
            assert response.status_code in {200, *MEANING}, response.text

    settings = hypothesis.settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    for mode in schemathesis.GenerationMode:
        strategy = operation.as_strategy(generation_mode=mode)
        try:
            settings(hypothesis.given(strategy)(one))()
        except hypothesis.errors.Unsatisfiable:
            assert mode.is_negative  # an operation without parameters cannot be asked wrongly
    assert sum(found.values()) > 0
