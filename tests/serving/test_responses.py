"""Responses are plain: what the engine gives is JSON, and the client reads the same dataclasses from it."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic_core import to_json

from sidelight.json_files import decode
from sidelight.serving import responses
from sidelight.serving.responses import (
    Audience,
    Explanation,
    ItemsReceipt,
    PlacedUser,
    RankedItem,
    RecommendResponse,
    RefusedRow,
    RuleCost,
    SetAside,
    Status,
    Version,
)

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
WHY = Explanation("i1", 1.5, 0.25, history=(("i2", "a tent", 0.5),), words=(("tent", 0.25),))
ITEM = RankedItem("i1", "a rope", 1.5, 1, "personal", True, False, 0.5, WHY, -2)


@pytest.mark.parametrize(
    "given",
    [
        RecommendResponse("v", "r", (ITEM,), RuleCost(0.5, {"pin": 0.5}, 1, 2), ("i9",), True, 7, ("i8",)),
        Audience((PlacedUser("u1", 2, 0.5),), (ITEM,), 3, 4, ("text",), 5, 1),
        ItemsReceipt(3, 2, True, ("text",), ("i1",), (RefusedRow("i2", "no"),)),
        Version("monday", AT, "note", "ab", {"ndcg@10": 0.5, "cold": None}, 12, True, False),
        Status("v", AT, 1, 2, set_aside=(SetAside("i1", 3, "no"),), unavailable={"a": "b"}, started=AT),
    ],
)
def test_a_response_is_the_same_after_its_way_as_json(given: Any) -> None:
    assert decode(type(given), json.loads(to_json(given))) == given


def test_every_response_is_frozen_and_documents_what_it_holds() -> None:
    kinds = [k for k in vars(responses).values() if dataclasses.is_dataclass(k) and isinstance(k, type)]
    assert len(kinds) > 15
    for kind in kinds:
        assert kind.__dataclass_params__.frozen and kind.__doc__  # type: ignore[attr-defined]
