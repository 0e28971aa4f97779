"""The page of rules: sliders, lines, and their cost."""

from __future__ import annotations

from serving.explorer.library import books
from serving.explorer.web import Web, ask_for, settled, slide


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
