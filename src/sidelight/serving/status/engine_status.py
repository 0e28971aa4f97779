"""What the engine says of itself: which version serves, what waits, what drifts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class SetAside:
    """An item that could not be placed; it is tried again when its row changes or a version is loaded."""

    item_id: str
    change: int
    reason: str


@dataclass(frozen=True)
class Drift:
    """How far what comes in now is from the reference, by population stability index.

    PSI = sum over bins of (now - then) * ln(now / then), with shares smoothed by half a count a bin.
    Usual reading: below 0.1 nothing, above 0.2 look at it. None: too few answers to say.

    Args:
        history_length: Of histories against those of the stored users.
        scores: Of the best score of personal lists against those of a sample of stored users.
        unknown: Share of unknown ids in given histories, now.
        unknown_before: The same in the first hour of this process.
        answers: Recent answers that were looked at.
    """

    history_length: float | None = None
    scores: float | None = None
    unknown: float | None = None
    unknown_before: float | None = None
    answers: int = 0


@dataclass(frozen=True)
class Status:
    """How the engine is doing.

    Args:
        version: That serves.
        loaded: When it was loaded, UTC.
        users, items: Stored users; items, those that arrived included.
        new_items: Items that nobody had touched when the model was trained.
        arrived: Items that came after the bundle and are placed.
        change: Number of the last item change that is placed.
        waiting: Item changes that are stored and not yet placed.
        set_aside: Items that could not be placed, with reasons; the last 100.
        unavailable: What cannot be used of items that arrive, with reasons: modalities that cannot be
            encoded here, columns that this version does not have, "new items" where the model knows
            items by their clicks alone.
        incomplete: Arrived items that were placed without such a modality.
        events_per_minute, answers_per_minute: In the last 60 seconds.
        new_share: Share of slots of recent lists that new items have, None before the first answer.
        fallback_rate: Share of recent answers that knew nothing of the person, None before the first.
        drift: See `Drift`.
        exposures_waiting, exposures_lost: Not yet written; dropped because the buffer was full.
        search: "exact" or "hnsw".
        recall: Measured recall of the approximate search against the exact one, None for exact.
        refused: Why a version could not replace the one that serves, "" when none was refused.
        trouble: What the worker could not do last, "" when all is well.
        started: When the engine was started, UTC.
        uptime: Seconds since then.
    """

    version: str
    loaded: datetime
    users: int
    items: int
    new_items: int = 0
    arrived: int = 0
    change: int = 0
    waiting: int = 0
    set_aside: tuple[SetAside, ...] = ()
    unavailable: Mapping[str, str] = field(default_factory=dict)
    incomplete: int = 0
    events_per_minute: int = 0
    answers_per_minute: int = 0
    new_share: float | None = None
    fallback_rate: float | None = None
    drift: Drift = field(default_factory=Drift)
    exposures_waiting: int = 0
    exposures_lost: int = 0
    search: str = "exact"
    recall: float | None = None
    refused: str = ""
    trouble: str = ""
    started: datetime | None = None
    uptime: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values; times are ISO texts."""
        found = dataclasses.asdict(self)
        return {n: v.isoformat() if isinstance(v, datetime) else v for n, v in found.items()}
