"""The column of the event times."""

import pytest
from data.cases import SECONDS, WRITTEN, events

from sidelight.data.frames import frame_table
from sidelight.data.join_tables import join_tables
from sidelight.data.read import from_frames

NAMES = [
    "clicked_at",
    "order_date",
    "occurred_at",
    "eventTime",
    "purchased_on",
    "when",
    "zeitpunkt",
    "timestamp",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_the_time_may_be_any(name):
    data = from_frames(events(name, WRITTEN["iso"], price=[9.5] * 200))
    assert data.interactions.timestamp.min() == SECONDS[0] * 10**6


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("release_date", [f"20{10 + k % 33 % 10}-01-01" for k in range(200)]),  # of the item
        ("price", [1995 + k % 50 for k in range(200)]),
        ("year", [1990 + k % 33 for k in range(200)]),
        ("session_id", SECONDS),
        ("length", [40_000 + k for k in range(200)]),
        ("hour", [k % 24 for k in range(200)]),
        ("seen", [f"{20 + k % 33}.01.2020" for k in range(200)]),
    ],
)
def test_what_is_no_time_of_the_event_is_not_taken_for_one(name, values):
    assert from_frames(events(name, values)).interactions.timestamp is None


def test_of_several_times_the_event_comes_first_and_the_choice_is_said():
    raw = join_tables(
        {"interactions": [frame_table(events("shipped_at", WRITTEN["iso"], sold_at=SECONDS), "interactions")]}
    )
    assert raw.schema.find("interactions", "timestamp").source == "sold_at"
    [found] = [f for f in raw.findings if f.column == "sold_at"]
    assert found.defect == "ambiguous-column" and "shipped_at" in found.message
    assert 'timestamp = { role = "timestamp", source = "sold_at" }' in found.fix
