"""Example lists: items that come in and items that leave."""

from __future__ import annotations

import re

from report import made_record

from sidelight.report.page import page


def test_items_that_come_and_go_are_marked() -> None:
    record = made_record.made()
    old, new = ({"item": f"i{n}", "title": f"title {n}", "new": n == 3, "relevant": n == 2} for n in (1, 3))
    both = {"item": "i2", "title": "title 2", "new": False, "relevant": True}
    lists = {"clicks only": [old, both], "clicks and content": [both, new]}
    record["examples"] = [{"user": "u", "history": [], "lists": lists}]
    rows = re.findall(r'<li class="[^"]*"><span class="title">(.*?)</li>', page(record))
    assert [re.sub("<.*?>", " ", row).split() for row in rows] == [
        ["title", "1", "←", "out"],
        ["title", "2", "✓", "chosen"],
        ["title", "2", "from", "2", "✓", "chosen"],
        ["title", "3", "new", "→", "in"],
    ]
