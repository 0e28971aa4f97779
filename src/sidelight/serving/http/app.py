"""`create_app`: the service as an ASGI app, out of an engine, a database and options."""

from __future__ import annotations

import functools
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request

from sidelight.errors import SpecError, complain
from sidelight.serving.http import request_models
from sidelight.serving.http.access_control import AccessControl, KeyRing
from sidelight.serving.http.endpoint import Endpoint, RequestState, WorkerPools
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.http.middleware import RequestMiddleware
from sidelight.serving.http.openapi import ENTRIES, document
from sidelight.serving.http.prometheus_metrics import ServiceMetrics
from sidelight.serving.http.request_log import request_log
from sidelight.serving.http.routes_admin import AdminRoutes, HealthRoutes
from sidelight.serving.http.routes_read import ReadRoutes
from sidelight.serving.http.routes_write import WriteRoutes
from sidelight.serving.http.strict_json import names

if TYPE_CHECKING:
    from sidelight.serving.database.database import Database
    from sidelight.serving.engine import Engine

Table = Mapping[str, Mapping[str, Endpoint]]


def create_app(
    engine: Engine, database: Database, options: HttpOptions | None = None, log: Any = None
) -> FastAPI:
    """The service. The engine is started and closed by the caller.

    Args:
        engine: Answers.
        database: Knows the keys.
        options: Where it listens and how much it takes; the defaults without.
        log: A structlog logger for one line a request; JSON on standard error without.

    Raises:
        SpecError: It is to listen beyond this machine, and there is no key.
    """
    options = decided(options or HttpOptions(), database)
    parts = ServiceParts.of(engine, database, options)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        parts.room.open()
        parts.health.open()
        yield
        parts.health.close()
        await parts.room.end()

    app = FastAPI(
        title="Sidelight", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False,
        lifespan=life,
        # What is asked is nobody's business: no spans with queries in them.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )  # fmt: skip
    app.add_exception_handler(HTTPException, _passed_on)
    operations = parts.operations()
    app.router.routes.extend(operations)
    app.router.routes.append(_description(parts.room, operations))
    table: dict[str, dict[str, Endpoint]] = defaultdict(dict)
    for route in app.routes:
        if isinstance(route, Endpoint):
            table[route.path] |= dict.fromkeys(route.methods or (), route)
    if options.explorer:
        from sidelight.serving.explorer.page_routes import mount
        from sidelight.serving.http.page_limits import limited

        mount(app, engine, options, database, limited(parts.room))
    pages = {path for route in app.routes if (path := getattr(route, "path", None)) and path not in table}
    app.add_middleware(
        RequestMiddleware,
        room=parts.room, guard=parts.guard, metrics=parts.metrics, log=log or request_log(),
        table=dict(table), pages=frozenset(pages), version=lambda: engine.snapshot.version,
        known=_words(engine),
    )  # fmt: skip
    app.state.options, app.state.health = options, parts.health
    app.state.room, app.state.guard, app.state.table = parts.room, parts.guard, table
    return app


def decided(options: HttpOptions, database: Database) -> HttpOptions:
    """Options that say whether keys are needed: True or False for good, None until there is one.

    Raises:
        SpecError: The service is to be reached from elsewhere, and there is no key that works.
    """
    if options.loopback:
        needed = options.require_keys
        return replace(options, require_keys=True if needed is None and database.keys_required() else needed)
    if options.require_keys is False or not database.keys():
        found = "none that works" if options.require_keys is not False else "a service without keys"
        fix = "make one with sidelight keys new, or listen on 127.0.0.1 without a proxy"
        raise SpecError(complain("a key, to be reached from other machines", found, options.host, fix))
    return replace(options, require_keys=True)


@dataclass(frozen=True, eq=False)
class ServiceParts:
    """What an app is put together from."""

    room: WorkerPools
    guard: AccessControl
    metrics: ServiceMetrics
    reading: ReadRoutes
    writing: WriteRoutes
    running: AdminRoutes
    health: HealthRoutes

    @classmethod
    def of(cls, engine: Engine, database: Database, options: HttpOptions) -> ServiceParts:
        """All parts of one app."""
        room = WorkerPools(options)
        metrics = ServiceMetrics(engine, lambda: room.gates["answer"].waiting, lambda: database.dropped)
        return cls(
            room=room,
            guard=AccessControl(
                options, KeyRing(database.check_key, room.gates["side"], required=database.keys_required)
            ),
            metrics=metrics,
            reading=ReadRoutes(engine, options),
            writing=WriteRoutes(engine, metrics, options),
            running=AdminRoutes(engine, metrics),
            health=HealthRoutes(engine, database, room.gates["answer"]),
        )

    def operations(self) -> list[Endpoint]:
        """The table of `described` with its functions."""
        room, most = self.room, self.room.options
        return [
            Endpoint(
                room,
                entry.path,
                self._function(entry.name),
                scope=entry.scope,
                where=entry.where,
                most=most.most_items_body if entry.name in ("put_items", "audience") else most.most_body,
                media=entry.media,
                price=self.reading.price if entry.where == "answer" and entry.scope != "events" else None,
                methods=[entry.method],
                name=entry.name,
                operation_id=entry.name,
                summary=entry.summary,
                tags=[entry.tag],
                response_model=entry.gives,
            )
            for entry in ENTRIES
        ]

    def _function(self, name: str) -> Callable[..., Any]:
        parts = (self.reading, self.writing, self.running, self.health)
        found: Callable[..., Any] = next(getattr(part, name) for part in parts if hasattr(part, name))
        return found


def _description(room: WorkerPools, operations: Sequence[Endpoint]) -> Endpoint:
    """The document, made when it is first asked for: a service that starts need not wait for it."""
    made = functools.cache(lambda: json.dumps(document(operations)).encode())

    def openapi(call: RequestState) -> bytes:
        return made()

    return Endpoint(
        room, "/openapi.json", openapi, scope="", where="side", methods=["GET"], include_in_schema=False
    )


def _words(engine: Engine) -> Callable[[], frozenset[str]]:
    """Words that errors may repeat: columns of the catalogue and keys of the API."""
    keys = frozenset().union(*(names(model) for model in (request_models.Recommend, request_models.PutItems)))

    def known() -> frozenset[str]:
        return keys | frozenset(engine.snapshot.model.items.rows.columns)

    return known


async def _passed_on(_: Request, error: Exception) -> Any:
    """Errors of the framework are made problems by the envelope, like all others."""
    try:
        raise error
    finally:
        del error  # it holds this frame, which must not hold it
