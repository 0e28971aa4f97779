"""The page of the status."""

from __future__ import annotations

import re

from serving.explorer.service import CONTENT, Service
from serving.explorer.web import READER, Web

from sidelight.serving.requests import RecommendRequest


def test_the_state_is_told_in_tiles(web: Web, shared: Service) -> None:
    shared.engine.recommend(RecommendRequest(user=READER))
    web.go("/state")
    tiles = dict(zip(web.texts(".tile dt"), web.texts(".tile .big"), strict=True))
    assert tiles["Version"] == CONTENT and tiles["Items"] == "68" and tiles["Waiting"] == "0"
    assert tiles["New items"] == str(shared.engine.status().new_items)
    assert re.search(r"\d.*(ms|s)$", tiles["Answering time"])
    assert web.value("document.querySelector('[data-pause]').hidden") is False
    web.click("[data-pause]")
    assert web.text("[data-pause]") == "Go on"
    assert web.troubles() == []
