"""Differences: marks of clear ones, groups of few users, costs and other baselines."""

from __future__ import annotations

import re

from report import made_record

from sidelight.report.page import page


def test_what_is_sure_is_marked_by_more_than_colour() -> None:
    record = made_record.made(groups=(), slices=("overall", "cold", "warm"))
    sure, before_holm, unsure = record["differences"]
    sure |= {"mean": 0.02, "low": 0.01, "high": 0.03, "p_holm": 0.001}
    before_holm |= {"mean": -0.02, "low": -0.03, "high": -0.01, "p_holm": 0.2}
    unsure |= {"mean": 0.02, "low": -0.01, "high": 0.05, "p_holm": 0.001}
    cells = re.findall(r'<td class="cell (.*?)" .*?>(.*?)</td>', page(record))
    assert [(kind, re.sub("<.*?>", "", text).split()) for kind, text in cells] == [
        ("up clear", ["+0.0200", "▲"]),
        ("down", ["\u22120.0200"]),
        ("up", ["+0.0200"]),
    ]


def test_rows_of_few_users_are_grey_and_unmarked() -> None:
    record = made_record.made(groups=(), slices=("overall", "cold", "warm"))
    for entry, users in zip(record["differences"], (9, 10, 5000), strict=True):
        entry |= {"mean": 0.02, "low": 0.01, "high": 0.03, "p_holm": 0.001, "users": users}
    html = page(record)
    cells = re.findall(r'<td class="cell (.*?)"', html)
    assert cells == ["none", "up clear", "up clear"] and html.count('<tr class="few">') == 1


def test_costs_power_and_other_baselines_are_on_the_page() -> None:
    record = made_record.few()
    names = [arm["name"] for arm in record["arms"]]
    for run in record["runs"]:
        run |= {"megabytes": 12.5, "milliseconds": 0.25}
    record["answer"]["power"] = {"sentence": "With these 7 users nothing could be shown."}
    others = [{**d, "arm": names[0]} for d in record["differences"] if d["arm"] == names[1]]
    record["against"] = [{"baseline": names[1], "differences": others, "answer": record["answer"]}]
    html = page(record)
    assert "12.50" in html and "0.25" in html
    assert "With these 7 users nothing could be shown." in html
    assert re.findall(r'<details name="(\w+)"', html) == ["baseline"]
