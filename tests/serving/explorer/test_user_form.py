"""The form of a user or a history: search, ids, a random user with consent."""

from __future__ import annotations

import re
from pathlib import Path

from serving.explorer.library import books
from serving.explorer.service import Service, running
from serving.explorer.web import Web, pick

from sidelight.serving.explorer import user_form
from sidelight.serving.requests import RecommendRequest


def test_anybody_is_never_somebody_who_may_not_be_looked_at(published: Path, tmp_path: Path) -> None:
    with running(published, tmp_path) as service:
        users = [str(u) for u in service.engine.snapshot.model.people.ids]
        for n, user in enumerate(users[1:]):
            service.engine.forget(user) if n % 2 else service.engine.set_consent(user, False)
        assert {user_form.random_user(service.engine) for _ in range(5)} == {users[0]}
        service.engine.forget(users[0])
        assert user_form.random_user(service.engine) == ""


TITLES = {str(book["item_id"]): str(book["title"]) for book in books()}


def test_a_history_is_put_together_with_the_keyboard_alone(web: Web, shared: Service) -> None:
    web.go("/")
    pick(web, "tide cl", "harbour with")
    ids = web.value("[...document.querySelectorAll('.chips [name=history]')].map(e => e.value)")
    assert [TITLES[i] for i in ids] == ["The Tide Clerk", "A Harbour Without Ships"]
    expected = shared.engine.recommend(RecommendRequest(history=tuple(ids), k=10, explore=False))
    assert web.texts(".rows .what .title a") == [one.title for one in expected.items]
    assert web.value("document.activeElement.id") == "find", "ready for the next one"
    web.click(".chips [name=remove]")
    web.until("document.querySelectorAll('.chips li').length === 1")
    assert web.value("document.activeElement !== document.body"), "focus is not lost with the button"
    assert web.troubles() == []


def test_ids_can_be_pasted_and_words_that_fit_many_are_asked_about(web: Web) -> None:
    web.go("/")
    web.click("[name=who][value=history]")
    web.focus("#find")
    web.type("b001, b002 b011")
    web.press("Enter")
    web.until("document.querySelectorAll('.chips li').length === 3")
    assert web.value("document.querySelector('#find').value") == ""
    web.type("salt")
    web.press("Enter")
    web.until("document.querySelectorAll('.choices [name=pick]').length > 1")
    assert "Which one is" in web.text("[data-part=found]")
    web.click(".choices li:last-child [name=pick]")
    web.until("document.querySelectorAll('.chips li').length === 4")
    web.until("document.querySelector('#find').value === ''")
    web.focus("#find")
    web.type("zzzzzz")
    web.press("Enter")
    web.until(
        "document.querySelector('[data-part=found]').innerText.includes('Nothing in the catalogue fits')"
    )


def test_anybody_is_somebody_with_a_list_of_their_own(web: Web) -> None:
    web.go("/")
    web.click("[name=do][value=random]")
    web.until("document.querySelector('.rows')")
    assert re.fullmatch(r"reader-\d\d", web.value("document.querySelector('#user').value"))
    assert "because of" in web.text(".rows")
