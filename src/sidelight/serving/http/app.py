"""ASGI app of the service: an engine, a database and options put together."""

from __future__ import annotations

import functools
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request

from sidelight.errors import SpecError, complain
from sidelight.serving.http.access_control import AccessControl, KeyRing
from sidelight.serving.http.endpoint import Endpoint, RequestState, WorkerPools
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.http.middleware import RequestMiddleware
from sidelight.serving.http.openapi import ENTRIES, JSON, document
from sidelight.serving.http.prometheus_metrics import ServiceMetrics
from sidelight.serving.http.request_log import request_log
from sidelight.serving.http.request_models import PutItemsBody, RecommendBody
from sidelight.serving.http.routes_admin import AdminRoutes, HealthRoutes
from sidelight.serving.http.routes_read import ReadRoutes
from sidelight.serving.http.routes_write import WriteRoutes
from sidelight.serving.http.strict_json import field_names

if TYPE_CHECKING:
    from sidelight.serving.database.database import Database
    from sidelight.serving.engine import Engine


def create_app(
    engine: Engine, database: Database, options: HttpOptions | None = None, log: Any = None
) -> FastAPI:
    """Build the app of the service. The caller starts and closes the engine.

    Args:
        engine: Engine that computes the responses.
        database: Database of the API keys.
        options: Address and limits; the defaults without.
        log: A structlog logger for one line per request; JSON on standard error without.

    Raises:
        SpecError: The service would listen beyond this machine without a key.
    """
    options = decide_keys(options or HttpOptions(), database)
    pools = WorkerPools(options)
    lists = pools.executors["answer"]
    metrics = ServiceMetrics(engine, lambda: lists.waiting, lambda: database.dropped)
    keys = KeyRing(database.check_key, pools.executors["side"], required=database.keys_required)
    access, health = AccessControl(options, keys), HealthRoutes(engine, database, lists)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        pools.open()
        health.open()
        yield
        health.close()
        await pools.close()

    app = FastAPI(
        title="Sidelight", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False,
        lifespan=lifespan,
        # Requests are private: no spans with queries in them.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )  # fmt: skip
    app.add_exception_handler(HTTPException, _raise_again)
    reads = ReadRoutes(engine, options)
    parts = (reads, WriteRoutes(engine, metrics, options), AdminRoutes(engine, metrics), health)
    endpoints = _endpoints(pools, parts, reads.estimate_cost)
    app.router.routes.extend(endpoints)
    table: dict[str, dict[str, Endpoint]] = defaultdict(dict)
    for endpoint in endpoints:
        table[endpoint.path] |= dict.fromkeys(endpoint.methods or (), endpoint)
    if options.explorer:
        from sidelight.serving.explorer.page_routes import mount
        from sidelight.serving.http.page_limits import limited

        mount(app, engine, options, database, limited(pools))
    pages = {path for route in app.routes if (path := getattr(route, "path", None)) and path not in table}
    app.add_middleware(
        RequestMiddleware,
        pools=pools, access=access, metrics=metrics, log=log or request_log(), table=dict(table),
        pages=frozenset(pages), version=lambda: engine.snapshot.version, known=_known_words(engine),
    )  # fmt: skip
    app.state.options, app.state.health, app.state.pools = options, health, pools
    app.state.access, app.state.table = access, table
    return app


def decide_keys(options: HttpOptions, database: Database) -> HttpOptions:
    """Decide whether keys are needed: True or False for good, None until there is one.

    Raises:
        SpecError: Other machines could reach the service, and there is no key that works.
    """
    if options.loopback:
        needed = options.require_keys
        return replace(options, require_keys=True if needed is None and database.keys_required() else needed)
    if options.require_keys is False or not database.keys():
        found = "none that works" if options.require_keys is not False else "a service without keys"
        fix = "make one with sidelight keys new, or listen on 127.0.0.1 without a proxy"
        raise SpecError(complain("a key, to be reached from other machines", found, options.host, fix))
    return replace(options, require_keys=True)


def _endpoints(pools: WorkerPools, parts: Sequence[object], cost: Callable[..., float]) -> list[Endpoint]:
    """Build the endpoints of the table, with the methods of the same names as handlers."""
    options, found = pools.options, []
    for entry in ENTRIES:
        plain: dict[str, Any] = {} if entry.media == JSON else {"response_model": None}
        found.append(Endpoint(
            pools, entry.path,
            next(getattr(part, entry.name) for part in parts if hasattr(part, entry.name)),
            scope=entry.scope, lane=entry.lane, media=entry.media,
            most=options.most_items_body if entry.name in ("put_items", "audience") else options.most_body,
            cost=cost if entry.lane == "answer" and entry.scope != "events" else None,
            methods=[entry.method], name=entry.name, operation_id=entry.name, summary=entry.summary,
            tags=[entry.tag], **plain,
        ))  # fmt: skip
    described = tuple(found)
    # Generated with the first request for it: a service that starts need not wait for it.
    text = functools.cache(lambda: json.dumps(document(described)).encode())

    def openapi(state: RequestState) -> bytes:
        return text()

    found.append(
        Endpoint(
            pools, "/openapi.json", openapi, scope="", lane="side", methods=["GET"], include_in_schema=False
        )
    )
    return found


def _known_words(engine: Engine) -> Callable[[], frozenset[str]]:
    """Return the function of words that errors may repeat: columns of the catalogue and keys of the API."""
    keys = field_names(RecommendBody) | field_names(PutItemsBody)
    return lambda: keys | frozenset(engine.snapshot.model.items.rows.columns)


async def _raise_again(_: Request, error: Exception) -> Any:
    """Leave errors of the framework to the middleware, which makes all errors problems."""
    try:
        raise error
    finally:
        del error  # it holds this frame, which must not hold it
