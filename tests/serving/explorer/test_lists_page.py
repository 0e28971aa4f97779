"""The page of lists: the list of the engine, its reasons, and histories behind a scope."""

from __future__ import annotations

import re

from serving.explorer.library import books, loans
from serving.explorer.service import Service
from serving.explorer.visitor import READING, Visitor
from serving.explorer.web import READER, Web, ask_for

from sidelight.serving.requests import RecommendRequest


def test_reasons_of_a_stored_user_take_the_scope_history(guest: Visitor, locked: Service) -> None:
    for scopes, told in ((READING, False), (READING | {"history"}, True)):
        guest.sign_in(locked.database.add_key("one", scopes))
        text = guest.http.get(guest.post("/", "/", user="reader-07").headers["location"]).text
        assert ('class="why"' in text) is ('class="card past"' in text) is told
        sent = guest.post("/", "/", who="history", history="b003")
        assert guest.http.get(sent.headers["location"]).status_code == 200
        guest.post("/signout")


TITLES = {str(book["item_id"]): str(book["title"]) for book in books()}


def test_the_list_is_that_of_the_engine_and_says_why(web: Web, shared: Service) -> None:
    web.go("/")
    ask_for(web)
    expected = shared.engine.recommend(RecommendRequest(user=READER, k=10, explore=False, explain=True))
    assert web.texts(".rows .what .title a") == [one.title for one in expected.items]
    told = expected.items[0].why
    assert told is not None and told.history
    assert told.history[0][1] in web.text(".rows .source")
    before = web.value("document.querySelector('.rows li .title').getBoundingClientRect().top")
    web.focus(".why summary")
    web.press("Enter")
    web.until("document.querySelector('.why').open")
    assert web.texts(".rows li:first-child .reasons .title") == [name for name, _ in told.reasons]
    assert web.value("document.querySelector('.rows li .title').getBoundingClientRect().top") == before
    assert "10 items" in web.text("#told"), "it is said to those who do not see it"
    web.click("[name=k][value='20']")
    web.until("document.querySelectorAll('.rows > li').length === 20")
    assert web.value("document.querySelector('.why').open"), "what was open stays open"
    assert web.troubles() == []


def test_no_address_names_a_person_and_the_page_can_be_gone_back_to(web: Web) -> None:
    web.go("/")
    ask_for(web)
    assert re.search(r"/\?v=[\w-]+$", web.value("location.href"))
    first = web.texts(".rows .what .title a")
    web.submit(".rows .what .title a")
    assert "/item?id=" in web.value("location.href")
    web.value("history.back()")
    web.until("document.querySelector('.rows') && document.querySelector('#user')?.value === 'reader-07'")
    assert web.texts(".rows .what .title a") == first
    assert all(READER not in url for url in web.browser.requests())
    web.go(web.value("location.pathname + location.search"))
    assert web.texts(".rows .what .title a") == first


def test_somebody_nobody_knows_gets_popular_items_and_is_told_so(web: Web) -> None:
    web.go("/")
    ask_for(web, "nobody-at-all")
    assert set(web.texts(".rows .source")) == {"popular, because nobody knows this person"}
    assert "most popular" in web.text(".hint")
    assert "No history that may be used" in web.text(".past")


def test_the_history_is_shown_next_to_the_list(web: Web) -> None:
    web.go("/")
    ask_for(web)
    web.click(".past summary")
    mine = {TITLES[str(loan["item_id"])] for loan in loans() if loan["user_id"] == READER}
    shown = set(web.texts(".past li"))
    assert shown and shown <= mine, "what was held back for validation and test is not there"
    assert f"{len(shown)} items" in web.text(".past summary")
    assert not shown & set(web.texts(".rows .what .title a"))
