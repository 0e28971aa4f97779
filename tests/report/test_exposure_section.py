"""Exposure of item groups: shares of arms and of choices, and the groups that gain and lose most."""

from __future__ import annotations

from report import made_record

from sidelight.report.exposure_section import exposure, new_items
from sidelight.report.load_record import load_record


def test_the_groups_that_gain_and_lose_most_are_named() -> None:
    record = made_record.made()
    shares = {"clicks only": (0.1, 0.3, 0.6), "clicks and content": (0.4, 0.2, 0.4)}
    record["exposure"] = [
        {"arm": arm, "keep": 1.0, "group": group, "exposure": share, "relevance": 0.25}
        for arm, three in shares.items()
        for group, share in zip(("new", "item:popularity=1-4", "item:popularity=5-9"), three, strict=True)
    ]
    found = exposure(load_record(record))
    assert found["said"]["up"] == {"phrase": "new items", "before": "10.0 %", "after": "40.0 %"}
    assert found["said"]["down"]["before"] == "60.0 %" and found["said"]["down"]["after"] == "40.0 %"
    [panel] = found["front"]
    assert [(row.other, row.mean, row.chosen) for row in panel["rows"]] == [
        (0.1, 0.4, 0.25),
        (0.3, 0.2, 0.25),
        (0.6, 0.4, 0.25),
    ]
    assert found["table"][0]["cells"] == ["10.00 %", "40.00 %"]


def test_without_a_gain_and_a_loss_nothing_is_said() -> None:
    record = made_record.made()
    for entry in record["exposure"]:
        entry["exposure"] = 0.2
    assert exposure(load_record(record))["said"] is None


def test_places_of_new_items_stand_beside_the_choices() -> None:
    record = made_record.made()
    found = new_items(load_record(record))
    slots = {
        e["arm"]: e["mean"]
        for e in record["figures"]
        if e["metric"].startswith("cold_slots@") and e["keep"] == 1
    }
    assert found["said"]["rows"] == {arm: f"{100 * mean:.1f} %" for arm, mean in slots.items()}
    record["figures"] = [e for e in record["figures"] if not e["metric"].startswith("cold_slots@")]
    assert new_items(load_record(record))["chart"] is None
