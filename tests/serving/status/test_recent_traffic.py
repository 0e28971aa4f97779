"""Counts of recent traffic."""

from __future__ import annotations

import time
from dataclasses import replace

from sidelight.serving.status.recent_traffic import RecentTraffic, TrafficSample


def test_counts_of_a_minute_forget_what_is_older(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    watch = RecentTraffic()
    seen = TrafficSample(0.0, 3, 0, 0, 1.0, 10, 2, False, "v")
    for _ in range(90):
        now[0] += 1.0
        watch.answer(replace(seen, at=now[0]))
        watch.events(2)
    answers, events = watch.per_minute()
    assert 59 <= answers <= 61 and events == 2 * answers
    assert watch.shares() == (0.2, 0.0)
    now[0] += 100.0
    assert watch.per_minute() == (0, 0)
