"""The pages of a new item: a preview stores nothing, adding it does."""

from __future__ import annotations

import re
import time

from serving.explorer.service import Service
from serving.explorer.web import Web, settled


def test_a_new_item_is_previewed_without_storing_then_added_and_seen(own: tuple[Web, Service]) -> None:
    web, service = own
    count = service.engine.snapshot.n_items
    web.go("/new")
    web.focus("#field0")
    web.type("A Lighthouse, a Storm and Two Islands")
    web.until("document.querySelector('.people')")
    settled(web)
    near = web.texts(".result .rows .what .title a")
    assert any("Light" in title or "Isles" in title for title in near[:5])
    assert service.engine.snapshot.n_items == count, "nothing is stored by looking"
    web.submit("[formaction]")
    assert "an id for the item" in web.text(".notice")
    assert "Lighthouse, a Storm" in web.value("document.querySelector('#field0').value")
    web.focus("#item_id")
    web.type("b900")
    before = time.monotonic()
    web.submit("[formaction]")
    assert time.monotonic() - before < 5
    assert "is in" in web.text("h1") and re.search(r"placed in \d", web.text(".lead"))
    assert web.text("li.marked .title a") == "A Lighthouse, a Storm and Two Islands"
    assert service.engine.snapshot.n_items == count + 1
    web.go("/catalogue")
    assert web.texts(".shelf .title a")[10] == "A Lighthouse, a Storm and Two Islands"
    web.go("/new")
    web.focus("#item_id")
    web.type("b900")
    web.submit("[formaction]")
    assert "which exists" in web.text(".notice")
    assert web.troubles() == []
