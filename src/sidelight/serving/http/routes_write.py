"""Endpoints that store data: items, events, consent and deletion."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

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


@dataclass(frozen=True)
class ConsentReceipt:
    """Consent as it is stored now."""

    given: bool


@dataclass(frozen=True)
class ForgetReceipt:
    """Receipt for a deletion.

    Args:
        deleted: Events and exposures that were deleted.
    """

    deleted: int


class WriteRoutes:
    """Endpoints that store data.

    Args:
        engine: Engine that validates and stores.
        metrics: Metrics that count stored rows and events.
        options: Limits.
    """

    def __init__(self, engine: Engine, metrics: ServiceMetrics, options: HttpOptions) -> None:
        self._engine, self._metrics, self._options = engine, metrics, options

    def put_items(
        self,
        state: RequestState,
        body: request_models.PutItemsBody,
        query: Annotated[request_models.WaitQuery, Query()],
    ) -> ItemsReceipt:
        """Add items, or replace the rows of existing items. Nothing is retrained.

        The rows are on disk when this returns. They are encoded and placed right after; with `wait` the call
        returns when lists may hold them, or when that time is over.
        """
        rows = [(f"/items/{at}", row) for at, row in enumerate(body.items)]
        check_images(rows, self._engine.snapshot.model.items, self._options)
        receipt = self._engine.put_items(body.items, wait=query.wait)
        self._metrics.items(receipt)
        return receipt

    def retire_items(self, state: RequestState, body: request_models.RetireBody) -> Retired:
        """Retire items from all lists, or restore them; this service has done so when this returns.

        It holds over restarts and for every version, until it is undone; other services follow within a
        second. Past events with these items still count.
        """
        return self._engine.retire(body.items, body.retired)

    def list_retired(self, state: RequestState) -> Retired:
        """List the items that no list may hold."""
        return Retired(tuple(self._engine.retired()))

    def add_events(self, state: RequestState, body: request_models.EventsBody) -> EventsReceipt:
        """Store events of users. All of them are on disk when this returns, or none.

        The next list of a user takes them into account. An event with an `event_id` may be sent again after
        an error: it is stored once. Events of users who withdrew their consent are dropped, and counted.
        """
        now = datetime.now(UTC)
        events = [Event(e.user, e.item, e.kind, e.at or now, e.event_id) for e in body.events]
        receipt = self._engine.add_events(events)
        self._metrics.events(receipt)
        return receipt

    def set_consent(self, state: RequestState, body: request_models.ConsentBody) -> ConsentReceipt:
        """Store the consent of a user to the use of their events.

        After a withdrawal the next list already ignores the user's history, and no event is stored.
        """
        self._engine.set_consent(body.user, body.given)
        return ConsentReceipt(body.given)

    def forget(self, state: RequestState, body: request_models.ForgetBody) -> ForgetReceipt:
        """Delete the stored data of a user, and never use the user's history in the model.

        Only a keyed hash of the id stays, so that the history in the model can be ignored.
        """
        return ForgetReceipt(self._engine.forget(body.user))
