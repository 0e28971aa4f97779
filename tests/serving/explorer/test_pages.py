"""The six pages in a browser: what they show, by keyboard, on a phone, in the dark, without scripts."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from report.browser import Browser
from serving.explorer.library import books, loans
from serving.explorer.looks import faint, nameless, ringed
from serving.explorer.service import CLICKS, CONTENT, Service, running
from serving.explorer.web import Web

from sidelight.serving.requests import RecommendRequest

READER = "reader-07"
PAGES = ("/", "/rules", "/catalogue", "/catalogue?q=salt", "/item?id=b003", "/new", "/versions", "/state")
TITLES = {str(book["item_id"]): str(book["title"]) for book in books()}


def ask_for(web: Web, user: str = READER) -> None:
    """Write an id and press Enter, as somebody with a keyboard would."""
    web.focus("#user")
    web.type(user)
    web.press("Enter")
    web.until("document.querySelector('.result .rows, .result .pair')")
    web.until("!document.querySelector('[aria-busy=true]')")


def pick(web: Web, *words: str) -> None:
    """Put a history together with the keyboard alone."""
    web.click("[name=who][value=history]")
    for number, word in enumerate(words):
        web.focus("#find")
        web.type(word)
        web.until("document.querySelector('.options')?.hidden === false")
        web.press("ArrowDown")
        web.press("Enter")
        web.until(f"document.querySelectorAll('.chips li').length === {number + 1}")
    web.until("!document.querySelector('[aria-busy=true]')")


def slide(web: Web, name: str, presses: int) -> None:
    web.focus(f"#{name}")
    web.press("ArrowRight", presses)


def settled(web: Web) -> None:
    """Wait until everything that was slid and typed is answered."""
    time.sleep(0.2)  # the pause after which a form is sent
    web.until("!document.querySelector('[aria-busy=true]')")


# ---- All of them -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_and_is_quiet(web: Web, path: str) -> None:
    for width, dark in ((1280, False), (390, True), (390, False), (1280, True)):
        web.window(width, dark=dark)
        if not dark:
            web.go(path)
        assert web.value("document.documentElement.scrollWidth") <= width
        assert faint(web) == []
        assert web.value("document.querySelectorAll('h1').length") == 1
    assert web.troubles() == [] and web.outside() == []


def test_a_page_with_everything_open_fits_a_phone_too(web: Web) -> None:
    web.window(390, dark=True)
    for path in ("/", "/rules", "/versions"):
        web.go(path)
        ask_for(web)
        web.value("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert web.value("document.documentElement.scrollWidth") <= 390, path
        assert faint(web) == [], path
    assert web.troubles() == []


def test_text_that_is_too_faint_would_be_noticed(web: Web) -> None:
    web.go("/")
    web.value("document.querySelector('h1').className = 'faint'")
    web.value("document.styleSheets[0].insertRule('.faint { color: #bbb }')")
    assert len(faint(web)) == 1


def test_colours_follow_the_scheme(web: Web) -> None:
    ground = {}
    for dark in (False, True):
        web.window(dark=dark)
        web.go("/")
        ground[dark] = web.value("getComputedStyle(document.body).backgroundColor")
    assert ground[False] != ground[True]


@pytest.mark.parametrize("path", PAGES)
def test_every_field_and_button_has_a_name(web: Web, path: str) -> None:
    web.go(path)
    assert nameless(web) == []
    ids = web.value("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_focus_is_always_seen(web: Web) -> None:
    web.go("/rules")
    seen, rings = [], []
    for _ in range(16):
        web.press("Tab")
        seen.append(web.value("document.activeElement.id || document.activeElement.textContent.trim()"))
        rings.append(ringed(web))
    assert all(rings), [name for name, ring in zip(seen, rings, strict=True) if not ring]
    assert seen[0] == "Skip to the page" and {"user", "diversity", "freshness", "floor"} <= set(seen)


def test_the_skip_link_leads_past_the_navigation(web: Web) -> None:
    web.go("/")
    web.press("Tab")
    web.press("Enter")
    web.until("document.activeElement.id === 'main'")


# ---- Lists -----------------------------------------------------------------------------------------


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


# ---- Rules -----------------------------------------------------------------------------------------


def test_sliding_moves_the_list_and_tells_the_cost(web: Web) -> None:
    web.go("/rules")
    ask_for(web)
    assert "cost nothing" in web.text(".cost h2")
    assert set(web.texts(".rows .move")) == {"=\nin its place"} or "=" in web.text(".rows .move")
    slide(web, "diversity", 12)
    assert web.text("[for=diversity] output") == "strongly"
    web.until(
        "/give up [\\d.]+\\u00a0% of predicted relevance/.test(document.querySelector('.cost h2').innerText)"
    )
    settled(web)
    slide(web, "floor", 6)
    web.until("document.querySelector('.cost').innerText.includes('places for new items')")
    settled(web)
    assert len(web.texts(".rows .mark.new")) >= 3
    assert web.text(".cost h2") == web.text("#told").partition(" relevance.")[0] + " relevance."
    moves = " ".join(web.texts(".rows .move"))
    assert "▼" in moves or "→" in moves
    assert len(web.texts("ul.left li")) == moves.count("→")
    assert '"diversity": 0.6' in web.value("document.querySelector('pre').textContent")
    assert web.value("document.activeElement.id") == "floor", "the slider keeps the focus"
    assert web.troubles() == []


def test_a_rule_is_written_used_and_dropped(web: Web) -> None:
    web.go("/rules")
    ask_for(web)
    here = set(web.texts(".rows .what .title a"))
    web.click("[name=do][value=rule]")
    web.until("document.activeElement?.name === 'action'")
    web.press("ArrowDown", 2)  # block
    web.press("Tab", 2)
    web.type(shelf_of(sorted(here)))
    web.until("document.querySelector('ul.left')")
    settled(web)
    assert "blocking" in web.text(".cost") or "give up" in web.text(".cost h2")
    blocked = shelf_of(sorted(here))
    assert all(shelf_of([title]) != blocked for title in web.texts(".rows .what .title a"))
    web.click("[name=drop]")
    web.until("!document.querySelector('.rule')")
    settled(web)
    assert set(web.texts(".rows .what .title a")) == here
    assert web.troubles() == []


def shelf_of(titles: list[str]) -> str:
    """The shelf on which most of these books stand."""
    shelf = {str(book["title"]): str(book["shelf"]) for book in books()}
    found = [shelf[title] for title in titles]
    return max(sorted(set(found)), key=found.count)


def test_a_value_that_makes_no_sense_is_answered_in_words(web: Web) -> None:
    web.go("/rules")
    ask_for(web)
    web.value("document.querySelector('#half_life_days').value = 'soon'")
    web.focus("#diversity")
    web.press("ArrowRight")
    web.until("document.querySelector('.notice')")
    assert "a number from 1 to" in web.text(".notice") and "soon" in web.text(".notice")
    assert web.troubles() == []


# ---- Catalogue -------------------------------------------------------------------------------------


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


# ---- Changing things -------------------------------------------------------------------------------


@pytest.fixture
def own(published: Path, tmp_path: Path, browser: Browser) -> Any:
    """The pages over a store of their own, for tests that change something."""
    store = Path(shutil.copytree(published, tmp_path / "store"))
    with running(store, tmp_path) as service:
        web = Web(browser, service.base)
        web.fresh()
        web.window()
        yield web, service


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


def test_versions_are_compared_promoted_and_rolled_back(own: tuple[Web, Service]) -> None:
    web, service = own
    web.go("/versions")
    assert web.texts("tbody th .name") == [CONTENT, CLICKS] and "serves" in web.text("tr.current")
    assert "0.4758" in web.text("tr.current")
    ask_for(web)
    now, other = service.engine.compare(RecommendRequest(user=READER, explore=False), CLICKS)
    titles = "l => [...l.querySelectorAll('.title a')].map(a => a.innerText)"
    lists = web.value(f"[...document.querySelectorAll('.pair ol')].map({titles})")
    assert lists == [[one.title for one in other.items], [one.title for one in now.items]]
    assert re.search(r"rose|fell|entered|same", web.text(".result h3"))
    web.submit("tbody .act .button")
    assert web.text("h1") == f"Let {CLICKS} serve?" and "0.4758 → 0.3912" in web.text(".facts")
    assert service.engine.snapshot.version == CONTENT, "asking changes nothing"
    web.submit("main .ways button")
    assert (
        web.text(".success") == f"Promoted: {CLICKS} serves now."
        and service.engine.snapshot.version == CLICKS
    )
    web.submit(".after .button")
    assert web.text("h1") == f"Roll back to {CONTENT}?"
    web.submit("main .ways button")
    assert service.engine.snapshot.version == CONTENT and "Rolled back" in web.text(".success")
    assert web.troubles() == []


def test_a_single_bundle_has_no_versions_and_says_so(
    published: Path, tmp_path: Path, browser: Browser
) -> None:
    with running(published / "versions" / CONTENT, tmp_path, single=True) as service:
        web = Web(browser, service.base)
        web.fresh()
        web.go("/versions")
        assert "single bundle" in web.text("h2") and web.troubles() == []
        web.go("/")
        ask_for(web)


# ---- State -----------------------------------------------------------------------------------------


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


# ---- Without scripts -------------------------------------------------------------------------------


def test_every_form_works_without_scripts(web: Web) -> None:
    web.browser.ask("Emulation.setScriptExecutionDisabled", value=True)
    web.go("/rules")
    web.focus("#user")
    web.type(READER)
    web.submit("main button.main")
    assert len(web.texts(".rows > li")) == 10
    web.submit("[name=do][value=rule]")
    assert len(web.texts(".rule")) == 1 and web.value("document.querySelector('#user').value") == READER
    web.submit("[name=drop]")
    assert web.texts(".rule") == []
    web.go("/")
    web.click("[name=who][value=history]")
    web.focus("#find")
    web.type("tide clerk")
    web.submit("[name=do][value=add]")
    assert web.texts(".chips bdi") == ["The Tide Clerk"] and len(web.texts(".rows > li")) == 10
    web.focus("#find")
    web.type("salt")
    web.submit("[name=do][value=add]")
    web.submit(".choices button")
    assert len(web.texts(".chips li")) == 2
    web.submit(".chips button")
    assert len(web.texts(".chips li")) == 1
    web.go("/new")
    web.focus("#field0")
    web.type("Storm and lighthouse")
    web.submit("main button.main")
    assert web.texts(".people li")
    web.browser.ask("Emulation.setScriptExecutionDisabled", value=False)
    assert web.troubles() == []


def test_a_service_that_is_gone_is_told_and_the_last_list_stays(
    published: Path, tmp_path: Path, browser: Browser
) -> None:
    with running(published, tmp_path) as service:
        web = Web(browser, service.base)
        web.fresh()
        web.go("/")
        ask_for(web)
    web.click("[name=k][value='20']")
    web.until("document.querySelector('#told.failed')")
    assert "does not answer" in web.text("#told") and len(web.texts(".rows > li")) == 10
