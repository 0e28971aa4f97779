"""Operations that store something: items, events, and what people allow."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Query

from sidelight.serving.domain import Event
from sidelight.serving.http import request_models
from sidelight.serving.http.endpoint import RequestState
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.http.image_limits import check_images
from sidelight.serving.http.prometheus_metrics import ServiceMetrics
from sidelight.serving.responses import EventsReceipt, ItemsReceipt, Retired

if TYPE_CHECKING:
    from sidelight.serving.engine import Engine


class WriteRoutes:
    """What comes in.

    Args:
        engine: Checks and stores.
        metrics: Count what came in.
        options: Limits.
    """

    def __init__(self, engine: Engine, metrics: ServiceMetrics, options: HttpOptions) -> None:
        self._engine, self._metrics, self._options = engine, metrics, options

    def put_items(
        self,
        call: RequestState,
        body: request_models.PutItems,
        query: Annotated[request_models.Waiting, Query()],
    ) -> ItemsReceipt:
        """Add items, or replace the rows of items that are there. Nothing is retrained.

        The rows are on the disk when this returns. They are encoded and placed right after; with
        `wait` the call returns when lists may hold them, or when that time is over.
        """
        rows = [(f"/items/{at}", row) for at, row in enumerate(body.items)]
        check_images(rows, self._engine.snapshot.model.items, self._options)
        receipt = self._engine.put_items(body.items, wait=query.wait)
        self._metrics.items(receipt)
        return receipt

    def retire_items(self, call: RequestState, body: request_models.Retire) -> Retired:
        """Keep items out of all lists, or let them in again: when this returns, this service does.

        It holds over restarts and for every version, until it is undone; other services follow within a
        second. What people did with these items goes on counting.
        """
        return self._engine.retire(body.items, body.retired)

    def list_retired(self, call: RequestState) -> Retired:
        """The items that no list may hold."""
        return Retired(self._engine.retired())

    def add_events(self, call: RequestState, body: request_models.Events) -> EventsReceipt:
        """Store what people did. All of it is on the disk when this returns, or none.

        The next list of a person knows it. An event with an `event_id` may be sent again after an error:
        it is stored once. Events of people who withdrew their consent are dropped, and counted.
        """
        now = datetime.now(UTC)
        events = [Event(e.user, e.item, e.kind, e.at or now, e.event_id) for e in body.events]
        receipt = self._engine.add_events(events)
        self._metrics.events(receipt)
        return receipt

    def set_consent(self, call: RequestState, body: request_models.Consent) -> dict[str, Any]:
        """Write down whether what somebody does may be used.

        Withdrawn: the next list already knows nothing of the person, and no event is stored.
        """
        self._engine.set_consent(body.user, body.given)
        return {"given": body.given}

    def forget(self, call: RequestState, body: request_models.Forget) -> dict[str, Any]:
        """Delete what is stored of somebody, and never use what the model has of them.

        Only a keyed hash of the id stays, so that the history in the model is passed over.
        """
        return {"deleted": self._engine.forget(body.user)}
