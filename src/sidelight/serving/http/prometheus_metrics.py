"""Metrics for Prometheus. Labels are routes, statuses and kinds that are known beforehand, never ids."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from sidelight.serving.engine import Engine
    from sidelight.serving.responses import EventsReceipt, ItemsReceipt, RecommendResponse, Status

SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
SHARES: Final = (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class ServiceMetrics:
    """Metrics of one app, in a registry of their own.

    Args:
        engine: Engine whose lists are counted, and whose status is read at each scrape.
        waiting: Function that returns the number of waiting requests.
        dropped: Function that returns the number of events dropped since the start.
    """

    def __init__(self, engine: Engine, waiting: Callable[[], int], dropped: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        text = "Time from the first byte to the last."
        self._requests = self._histogram("request_seconds", text, SECONDS, ["route", "status"])
        self.in_flight = self._gauge("requests_in_flight", "Requests that are not answered yet.")
        self._gauge("requests_waiting", "Requests that wait for their turn.").set_function(waiting)
        self._answers = self._histogram("answer_seconds", "Time that the engine took for a list.", SECONDS)
        slots = self._counter("slots", "Places in lists, by what stood there.", ["kind"])
        self._new, self._warm = slots.labels("new"), slots.labels("warm")
        self._explored = self._counter("slots_explored", "Places that exploration filled.")
        self._fallback = self._counter("fallback_answers", "Lists for people of whom nothing was known.")
        text = "Share of discounted relevance that rules cost a list."
        self._cost = self._histogram("rule_cost", text, SHARES)
        self._stored = self._counter("events_stored", "Events that were new and are stored.")
        self._items = self._counter("items_accepted", "Item rows that are stored.")
        reloads = self._counter("reloads", "Versions that were to serve, by what became of them.", ["result"])
        self._loaded, self._refused = reloads.labels("ok"), reloads.labels("refused")
        self._known: dict[tuple[str, int], Any] = {}
        self._version, self._trouble = engine.snapshot.version, ""
        self._engine, self._dropped = engine, dropped
        self._lock = threading.Lock()
        engine.on_answer(self.answered)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"sidelight_{name}", text, registry=self.registry)

    def _counter(self, name: str, text: str, labels: Iterable[str] = ()) -> Counter:
        return Counter(f"sidelight_{name}", text, tuple(labels), registry=self.registry)

    def _histogram(
        self, name: str, text: str, buckets: Sequence[float], labels: Iterable[str] = ()
    ) -> Histogram:
        return Histogram(f"sidelight_{name}", text, tuple(labels), buckets=buckets, registry=self.registry)

    def requested(self, route: str, status: int, seconds: float) -> None:
        """Count a request and its duration."""
        found = self._known.get((route, status))
        if found is None:
            found = self._known[route, status] = self._requests.labels(route, str(status))
        found.observe(seconds)

    def answered(self, answer: RecommendResponse, seconds: float) -> None:
        """Count a list."""
        if answer.version != self._version:
            self._serves(answer.version)
        self._answers.observe(seconds)
        new = sum(item.new for item in answer.items)
        self._new.inc(new)
        self._warm.inc(len(answer.items) - new)
        explored = sum(item.explored for item in answer.items)
        if explored:
            self._explored.inc(explored)
        if answer.fallback:
            self._fallback.inc()
        if answer.cost is not None:
            self._cost.observe(answer.cost.total)

    def events(self, receipt: EventsReceipt) -> None:
        """Count stored events."""
        self._stored.inc(receipt.accepted)

    def items(self, receipt: ItemsReceipt) -> None:
        """Count stored item rows."""
        self._items.inc(receipt.accepted)

    def refused(self) -> None:
        """Count a version that was refused."""
        self._refused.inc()

    def page(self) -> bytes:
        """Return all metrics in the text format."""
        status = self._engine.status()
        self._serves(status.version)
        if status.refused != self._trouble:
            self._trouble = status.refused
            self._refused.inc(bool(status.refused))
        current = CollectorRegistry()
        current.register(_StatusCollector(status, self._dropped()))
        return generate_latest(self.registry) + generate_latest(current)

    def _serves(self, version: str) -> None:
        with self._lock:
            if version != self._version:
                self._version = version
                self._loaded.inc()


class _StatusCollector(Collector):
    """Collector of an engine's status.

    Args:
        status: Status of the engine.
        dropped: Events dropped since the start for want of consent.
    """

    def __init__(self, status: Status, dropped: int) -> None:
        self._status, self._dropped = status, dropped

    def collect(self) -> Iterable[Metric]:
        """Yield the figures; unknown ones are left out."""
        status = self._status
        info = GaugeMetricFamily("sidelight_version_info", "The version that serves.", labels=["version"])
        info.add_metric([status.version], 1)
        yield info
        drift = GaugeMetricFamily(
            "sidelight_drift", "Population stability index; above 0.2 look at it.", labels=["of"]
        )
        for of, value in (("history_length", status.drift.history_length), ("scores", status.drift.scores)):
            if value is not None:
                drift.add_metric([of], value)
        yield drift
        for name, text, figure in (
            ("items", "Items that can be shown.", status.items),
            ("items_new", "Items that nobody had touched when the model was trained.", status.new_items),
            ("items_arrived", "Items that came after the bundle.", status.arrived),
            ("items_waiting", "Item changes that are not placed yet.", status.waiting),
            ("items_set_aside", "Items that could not be placed.", len(status.set_aside)),
            ("items_incomplete", "Items placed without one of their modalities.", status.incomplete),
            ("users", "Stored users.", status.users),
            ("new_share", "Share of places of recent lists that new items have.", status.new_share),
            ("fallback_rate", "Share of recent lists for unknown people.", status.fallback_rate),
            ("unknown_ids", "Share of unknown ids in recent histories.", status.drift.unknown),
            ("exposures_waiting", "Exposures that are not written yet.", status.exposures_waiting),
            ("search_recall", "Measured recall of the approximate search.", status.recall),
            ("uptime_seconds", "Seconds since the engine started.", status.uptime),
        ):
            if figure is not None:
                yield GaugeMetricFamily(f"sidelight_{name}", text, figure)
        lost = status.exposures_lost
        yield CounterMetricFamily("sidelight_exposures_lost", "Exposures that were dropped.", lost)
        text = "Events that the person did not allow."
        yield CounterMetricFamily("sidelight_events_dropped", text, self._dropped)
