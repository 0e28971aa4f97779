"""Status of the engine, collected from its parts."""

from __future__ import annotations

import time

from sidelight.errors import SidelightError
from sidelight.serving.background_worker import BackgroundWorker, ExposureWriter
from sidelight.serving.hot_swap import HotSwap
from sidelight.serving.responses import Status
from sidelight.serving.snapshot import CLICKS, Snapshot
from sidelight.serving.status.recent_traffic import RecentTraffic

LISTED = 100  # largest number of items set aside that are named


def collect_status(
    live: HotSwap, worker: BackgroundWorker, exposures: ExposureWriter, traffic: RecentTraffic
) -> Status:
    """Return the present status of the engine."""
    now = live.now
    answers, events = traffic.per_minute()
    new_share, fallback = traffic.shares()
    waiting, trouble = now.waiting, worker.trouble
    try:
        waiting = live.waiting()
    except SidelightError as error:  # the rest of the status is needed now more than ever
        trouble = f"{trouble}; database: {error}" if trouble else f"database: {error}"
    return Status(
        version=now.version,
        loaded=now.loaded_at,
        users=0 if now.model.people is None else len(now.model.people),
        items=now.n_items,
        new_items=int(now.new.sum()),
        arrived=now.n_items - now.base,
        change=now.change,
        waiting=waiting,
        set_aside=now.set_aside[-LISTED:],
        unavailable=_unavailable(now),
        incomplete=len(now.incomplete),
        events_per_minute=events,
        answers_per_minute=answers,
        new_share=new_share,
        fallback_rate=fallback,
        drift=traffic.drift(now.reference, now.version),
        exposures_waiting=len(exposures),
        exposures_lost=exposures.lost,
        search=now.search.name,
        recall=now.search.recall,
        refused=live.refused,
        trouble=trouble,
        started=traffic.since,
        uptime=time.monotonic() - traffic.started,
    )


def _unavailable(now: Snapshot) -> dict[str, str]:
    """Parts of arriving items that cannot be used, with reasons."""
    parts = {each.name: each.reason for each in now.missing}
    parts |= {f"column {name}": "this version does not have it" for name in sorted(now.left_out)}
    if not now.model.scorer.supports_cold_items:
        parts[CLICKS] = "this model knows items by their clicks: they score 0 until it is trained again"
    return parts
