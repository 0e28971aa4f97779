"""Endpoints for operators: versions, status, metrics and health."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sidelight.errors import BundleError
from sidelight.serving.http import request_models
from sidelight.serving.http.endpoint import RequestState
from sidelight.serving.http.executors import BoundedExecutor
from sidelight.serving.http.problems import Problem, busy
from sidelight.serving.http.prometheus_metrics import ServiceMetrics
from sidelight.serving.responses import Status, Version

if TYPE_CHECKING:
    from sidelight.serving.database.database import Database
    from sidelight.serving.engine import Engine

PATIENCE: Final = 2.0  # seconds in which the database, and some list, has to respond
BELIEVED: Final = 1.0  # seconds for which its last response is believed


@dataclass(frozen=True)
class Versions:
    """Versions of the store, newest first."""

    versions: list[Version]


@dataclass(frozen=True)
class Health:
    """Health of the service.

    Args:
        status: "alive" or "ready".
    """

    status: str


class AdminRoutes:
    """Endpoints for versions, status and metrics.

    Args:
        engine: Engine that serves the versions.
        metrics: Metrics of the app.
    """

    def __init__(self, engine: Engine, metrics: ServiceMetrics) -> None:
        self._engine, self._metrics = engine, metrics

    def list_versions(self, state: RequestState) -> Versions:
        """List the versions of the store, newest first."""
        return Versions(self._engine.versions())

    def promote(self, state: RequestState, body: request_models.PromoteBody) -> Version:
        """Let a version serve, after its checks. The current version serves until the new one is ready."""
        names = {each.name for each in self._engine.versions()}
        if body.name not in names:
            raise Problem(
                404, "no version in the store has this name; see GET /v1/versions", "unknown-version"
            )
        try:
            return self._engine.promote(body.name)
        except BundleError:
            self._metrics.refused()
            raise

    def rollback(self, state: RequestState) -> Version:
        """Let the version serve that served before; again goes back further."""
        return self._engine.rollback()

    def status(self, state: RequestState) -> Status:
        """Return the status of the service."""
        return self._engine.status()

    def metrics(self, state: RequestState) -> bytes:
        """Return the metrics for Prometheus."""
        return self._metrics.page()


class HealthRoutes:
    """Endpoints for liveness and readiness. Neither waits behind other requests.

    Args:
        engine: Engine, which must have a model.
        database: Database, which must respond.
        lists: Executor of lists, which must not be stuck.
    """

    def __init__(self, engine: Engine, database: Database, lists: BoundedExecutor) -> None:
        self._engine, self._database, self._lists = engine, database, lists
        self._executor = BoundedExecutor("health", 1, 0)
        self._ping: asyncio.Task[None] | None = None
        self._until = 0.0
        self.stopping = False

    async def alive(self, state: RequestState) -> Health:
        """Report that the process is alive: it responds."""
        return Health("alive")

    async def ready(self, state: RequestState) -> Health:
        """Report that the service can take traffic: it has a model, and lists and the database respond."""
        if self.stopping:
            raise busy("the service is stopping")
        if self._lists.stuck > PATIENCE:
            raise busy("all threads have been at work for seconds and no list was answered")
        state.version = self._engine.snapshot.version
        if time.monotonic() >= self._until:
            if self._ping is None:
                self._ping = asyncio.create_task(self._ping_database())
            await asyncio.shield(self._ping)
        return Health("ready")

    async def _ping_database(self) -> None:
        try:
            await self._executor.run(self._database.ping, time.monotonic() + PATIENCE)
            self._until = time.monotonic() + BELIEVED
        finally:
            self._ping = None

    def open(self) -> None:
        """Take traffic."""
        self.stopping = False
        self._executor.open()

    def close(self) -> None:
        """Take no more traffic."""
        self.stopping = True
        self._executor.close()
