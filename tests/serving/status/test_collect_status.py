"""The status of an engine."""

from __future__ import annotations

import json

import served
from pydantic_core import to_json

from sidelight.serving.requests import RecommendRequest


def test_the_state_is_plain_and_counts(tmp_path):
    with served.engine(tmp_path, "content_knn", "ease") as engine:
        engine.recommend_many(
            [
                RecommendRequest(user="u01"),
                RecommendRequest(user="nobody"),
                RecommendRequest(user="nobody"),
                RecommendRequest(history=()),
            ]
        )
        engine.add_events([served.event("u01", "i05"), served.event("u02", "i05")])
        status = engine.status()
        assert (status.answers_per_minute, status.events_per_minute) == (4, 2)
        assert status.fallback_rate == 0.75 and 0 <= status.new_share < 1
        assert (status.items, status.users, status.new_items) == (
            80,
            60,
            int((served.model().items.popular == 0).sum()),
        )
        plain = json.loads(to_json(status))
        assert plain["version"] == "content_knn" and plain["drift"]["answers"] == 4
