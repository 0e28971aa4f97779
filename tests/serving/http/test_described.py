"""The description against the service: requests made from it by schemathesis, good ones and bad ones."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from http_service import Service

from sidelight.serving.database.database import Database
from sidelight.serving.engine import Engine
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.http.openapi import ENTRIES
from sidelight.serving.store.store import Store

schemathesis = pytest.importorskip("schemathesis")
EXAMPLES = 20  # of each operation
# Good by its form, and still not what the catalogue or the store knows.
MEANING = {404, 409, 422}


@pytest.fixture(scope="module")
def service(shop_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
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
def schema(service: Service) -> Any:
    document = service.send("GET", "/openapi.json").json()
    found = schemathesis.openapi.from_dict(document)
    found.app = service.app
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
def test_an_operation_keeps_its_word(service: Service, schema: Any, entry: Any) -> None:
    operation = schema[entry.path][entry.method]
    headers = {"Authorization": f"Bearer {service.secrets['all']}"}
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
