"""The pages of the catalogue: search, one item, and retiring it."""

from __future__ import annotations

from serving.explorer.service import Service
from serving.explorer.visitor import ADMIN, READING, Visitor
from serving.explorer.web import Web


def test_an_admin_may_retire_an_item_and_undo_it(guest: Visitor, locked: Service) -> None:
    guest.sign_in(locked.database.add_key("a reader", READING))
    assert guest.post("/item/retire", id="b003", do="retire").status_code == 403
    guest.post("/signout")
    guest.sign_in(locked.database.add_key("an admin", ADMIN))
    found = guest.post("/item/retire", id="b003", do="retire")
    assert found.is_redirect and locked.engine.retired() == ("b003",)
    assert "retired: in no list" in guest.http.get(found.headers["location"]).text
    assert "/item?id=b003" in guest.http.get("/catalogue").text
    assert guest.post("/item/retire", id="no-such", do="retire").status_code == 400
    guest.post("/item/retire", id="b003", do="restore")
    assert locked.engine.retired() == ()


def test_searching_finds_titles_and_an_item_has_a_page(web: Web) -> None:
    web.go("/catalogue")
    assert len(web.texts(".shelf li")) == 18
    web.focus("#q")
    web.type("lighthouse end")
    web.submit(".search button")
    assert "The Lighthouse at the End of Winter" in web.texts(".shelf .title a")
    web.submit(".shelf .title a")
    assert web.text("h1") == "The Lighthouse at the End of Winter" and "new" in web.text(".eyebrow")
    assert "must not go dark" in web.text(".facts")
    assert len(web.texts(".rows > li")) == 10 and web.texts(".people .link")
    reader = web.text(".people .link")
    web.submit(".people .link")
    assert web.value("document.querySelector('#user').value") == reader
    web.go("/catalogue?q=zzzz")
    assert "Nothing fits" in web.text("h2")
    assert web.troubles() == []


def test_an_item_that_is_not_there_is_answered_with_help(web: Web) -> None:
    web.go("/item?id=b03")
    assert "is not there" in web.text("h1") and "did you mean" in web.text(".lead")
    web.submit("main .button")
    assert web.value("location.pathname") == "/catalogue"
