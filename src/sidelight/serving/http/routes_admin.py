"""Operations for those who run the service: versions, status, health, metrics."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

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

PATIENCE: Final = 2.0  # seconds in which the database, and some list, has to be answered
BELIEVED: Final = 1.0  # seconds for which its last answer is believed


class AdminRoutes:
    """What operators ask.

    Args:
        engine: Has the versions.
        metrics: Of the app.
    """

    def __init__(self, engine: Engine, metrics: ServiceMetrics) -> None:
        self._engine, self._metrics = engine, metrics

    def list_versions(self, call: RequestState) -> dict[str, Any]:
        """The versions of the store, newest first."""
        return {"versions": self._engine.versions()}

    def promote(self, call: RequestState, body: request_models.Promote) -> Version:
        """Let a version serve, after its checks. What served goes on until the new one is ready."""
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

    def rollback(self, call: RequestState) -> Version:
        """Let the version serve that served before; again goes back further."""
        return self._engine.rollback()

    def status(self, call: RequestState) -> Status:
        """How the service is doing."""
        return self._engine.status()

    def metrics(self, call: RequestState) -> bytes:
        """Figures for Prometheus."""
        return self._metrics.page()


class HealthRoutes:
    """Whether the service lives, and whether it may take traffic. Neither waits behind other requests.

    Args:
        engine: Must have a model.
        database: Must answer.
        lists: Threads that answer lists; they must not be stuck.
    """

    def __init__(self, engine: Engine, database: Database, lists: BoundedExecutor) -> None:
        self._engine, self._database, self._lists = engine, database, lists
        self._gate = BoundedExecutor("health", 1, 0)
        self._asked: asyncio.Task[None] | None = None
        self._until = 0.0
        self.stopping = False

    async def alive(self, call: RequestState) -> dict[str, str]:
        """Whether the process lives: always, if it can answer."""
        return {"status": "alive"}

    async def ready(self, call: RequestState) -> dict[str, str]:
        """Whether the service may take traffic: it has a model, and lists and the database are answered."""
        if self.stopping:
            raise busy("the service is stopping")
        if self._lists.stuck > PATIENCE:
            raise busy("all threads have been at work for seconds and no list was answered")
        call.version = self._engine.snapshot.version
        if time.monotonic() >= self._until:
            if self._asked is None:
                self._asked = asyncio.create_task(self._ping())
            await asyncio.shield(self._asked)
        return {"status": "ready"}

    async def _ping(self) -> None:
        try:
            await self._gate.run(self._database.ping, time.monotonic() + PATIENCE)
            self._until = time.monotonic() + BELIEVED
        finally:
            self._asked = None

    def open(self) -> None:
        """Take traffic."""
        self.stopping = False
        self._gate.open()

    def close(self) -> None:
        """Take no more."""
        self.stopping = True
        self._gate.close()
