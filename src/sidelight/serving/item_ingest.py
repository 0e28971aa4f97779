"""Ingestion of item rows: validate, store, optionally wait until placed; or preview without storing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sidelight.errors import DataError
from sidelight.serving.background_worker import BackgroundWorker
from sidelight.serving.domain import ChangedItem
from sidelight.serving.hot_swap import HotSwap
from sidelight.serving.recommend.audience import audience
from sidelight.serving.responses import Audience, ItemsReceipt, RefusedRow
from sidelight.serving.snapshot import CLICKS, Snapshot

if TYPE_CHECKING:
    from sidelight.serving.database.database import Database

PREVIEW = "preview"


def put_items(
    live: HotSwap,
    worker: BackgroundWorker,
    database: Database,
    rows: Sequence[Mapping[str, Any]],
    wait: float,
) -> ItemsReceipt:
    """Store item rows, see `Engine.put_items`."""
    now = live.now
    for at, row in enumerate(rows):
        try:
            now.columns.check(row)
        except DataError as error:
            raise DataError(f"{error} (row {at + 1})" if len(rows) > 1 else str(error)) from None
    change = database.put_items(rows)
    worker.wake()
    names = list(dict.fromkeys(str(row["item_id"]) for row in rows))
    known = [(name, now.items.find(name)) for name in names]
    later = tuple(name for name, at in known if at >= 0 and not now.new[at])
    placed = wait > 0 and worker.wait(change, wait)
    aside = {each.item_id: each.reason for each in live.now.set_aside} if placed else {}
    refused = tuple(RefusedRow(name, aside[name]) for name in names if name in aside)
    missing = missing_parts(now, rows)
    if not now.model.scorer.supports_cold_items and any(at < 0 for _, at in known):
        missing = (*missing, CLICKS)
    return ItemsReceipt(change, len(names), placed, missing, later, refused)


def preview(live: HotSwap, database: Database, row: Mapping[str, Any], k: int, cells: int) -> Audience:
    """Return the audience of a row without storing it, see `Engine.audience`."""
    now = live.now
    item = row.get("item_id") or _free_id(now)
    row = {**row, "item_id": item}
    now.columns.check(row)
    then = live.preview(now, ChangedItem(now.change, item, row, datetime.now(UTC)))
    refused = [each.reason for each in then.set_aside if each.item_id == item]
    if refused:
        raise DataError(refused[0])
    result = audience(then, database, then.need(item), k, cells)
    return dataclasses.replace(result, missing=missing_parts(then, [row]))


def missing_parts(snapshot: Snapshot, rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the modalities that these rows have values for and that cannot be encoded here."""
    given = {name for row in rows for name, value in row.items() if value is not None}
    return tuple(each.name for each in snapshot.missing if given & set(each.columns))


def _free_id(snapshot: Snapshot) -> str:
    """Return an id that no item has, for a row that is not stored."""
    if snapshot.items.numeric:
        return str(int(snapshot.model.items.ids.max(initial=0)) + 1)
    name = PREVIEW
    while snapshot.items.find(name) >= 0:
        name += "'"
    return name
