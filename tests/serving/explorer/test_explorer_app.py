"""Templates escape all that comes from outside: titles, ids, notes and searches."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from report.browser import Browser
from serving.explorer.service import CLICKS, Service, publish, running
from serving.explorer.web import Web

from sidelight.serving.explorer import explorer_app


def test_bars_hold_numbers_only() -> None:
    assert (
        'width="37"' in explorer_app.bar(37)
        and 'width="100"' in explorer_app.bar(400)
        and 'width="0"' in explorer_app.bar(-3)
    )
    assert "<script" not in explorer_app.bar(3, '"><script>')


CORPUS = (
    "<script>window.pwned = 1</script>",
    '"><img src=x onerror="window.pwned = 1">',
    "' onfocus='window.pwned=1' autofocus='",
    "</textarea></title></select><svg/onload=window.pwned=1>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:window.pwned=1",
    "&lt;b&gt; &amp;#39;",
    "\u202eesrever\u202c \u2066",
    "a b&c=d#e?f/../g%2Fh+i",
    "<!--", "]]>", "\\u003cscript\\u003e", "${7*7}`", "\ufeff\u2028x",
)  # fmt: skip


FIELDS = (
    "who", "user", "history", "find", "pick", "k", "action", "column", "value", "strength", "diversity",
    "other", "c:title", "item_id", "said", "done", "failed", "name", "do",
)  # fmt: skip


def hostile() -> list[dict[str, object]]:
    """Books whose title, id, shelf, subjects and text are all of the corpus."""
    return [
        {
            "item_id": f"x{number} {text}", "title": f"Evil {text}", "description": f"storm {text}",
            "shelf": f"shelf {text}", "subjects": [text, "sea"], "year": 2026.0, "pages": 1.0,
        }
        for number, text in enumerate(CORPUS)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("hostile")
    with running(publish(folder / "store", hostile()), folder) as found:
        yield found


@pytest.fixture
def evil(browser: Browser, service: Service) -> Web:
    found = Web(browser, service.base)
    found.fresh()
    found.window()
    return found


def harmless(web: Web) -> None:
    """Nothing ran, nothing was loaded, nothing became an element."""
    assert web.value("window.pwned") is None
    made = "document.querySelectorAll('main script, main img, main iframe, main title').length"
    handled = "e => [...e.attributes].some(a => /^on/.test(a.name))"
    assert web.value(made) == 0
    assert web.value(f"[...document.querySelectorAll('*')].filter({handled}).length") == 0
    assert web.troubles() == [] and web.outside() == []


def test_lists_and_reasons(evil: Web) -> None:
    evil.go("/")
    evil.click("[name=who][value=history]")
    evil.focus("#find")
    for number in range(3):
        evil.type("Evil")
        evil.until("document.querySelector('.options')?.hidden === false")
        harmless(evil)
        evil.press("ArrowDown", number + 1)
        evil.press("Enter")
        evil.until(f"document.querySelectorAll('.chips li').length === {number + 1}")
    evil.until("document.querySelector('.rows')")
    assert all(title.startswith("Evil") for title in evil.texts(".chips bdi"))
    evil.value("document.querySelectorAll('details').forEach(one => { one.open = true })")
    harmless(evil)


@pytest.mark.slow
def test_somebody_with_a_strange_id_and_a_search_for_strange_words(evil: Web) -> None:
    for text in (*CORPUS, "x" * 500):
        evil.go("/")
        evil.focus("#user")
        evil.type(text)
        evil.press("Enter")
        evil.until("document.querySelector('.rows, .notice')")
        harmless(evil)
        evil.go("/catalogue?" + urlencode({"q": text}))
        harmless(evil)
        assert evil.value("document.documentElement.scrollWidth") <= 1280


def test_every_item_has_a_page_that_shows_what_it_is_called(evil: Web) -> None:
    for book in hostile():
        evil.go("/item?" + urlencode({"id": str(book["item_id"])}))
        heading = evil.value("document.querySelector('h1').textContent")
        assert heading == book["title"]
        assert str(book["shelf"]) in evil.value("document.querySelector('.facts').textContent")
        harmless(evil)


def test_rules_offer_and_take_strange_values(evil: Web) -> None:
    evil.go("/rules")
    evil.focus("#user")
    evil.type("reader-07")
    evil.press("Enter")
    evil.until("document.querySelector('.rows')")
    evil.focus("#floor")
    evil.press("End")
    evil.until("document.querySelectorAll('.rows .mark.new').length === 10")
    assert [title for title in evil.texts(".rows .title a") if title.startswith("Evil")]
    harmless(evil)
    for number, text in enumerate(CORPUS[:3]):
        evil.click("[name=do][value=rule]")
        evil.until(f"document.querySelectorAll('.rule').length === {number + 1}")
        evil.focus(f"#rule{number}-value")
        evil.type(f"shelf {text}")
        evil.until("document.querySelector('pre').textContent.includes('shelf')")
        harmless(evil)
    offered = evil.value("[...document.querySelectorAll('#values-shelf option')].map(o => o.value)")
    assert {f"shelf {text}" for text in CORPUS} <= set(offered)


def test_a_new_item_of_strange_words(evil: Web) -> None:
    evil.go("/new")
    evil.focus("#field0")
    evil.type(f"Storm {CORPUS[3]}")
    evil.until("document.querySelector('.result .rows, .result .people')")
    harmless(evil)
    evil.focus("#item_id")
    evil.type(CORPUS[1])
    evil.submit("[formaction]")
    evil.until("document.querySelector('h1')")
    harmless(evil)
    assert CORPUS[3] in evil.value("document.body.textContent")


def test_a_note_of_a_version_is_text(published: Path, tmp_path: Path, browser: Browser) -> None:
    store = Path(shutil.copytree(published, tmp_path / "store"))
    from sidelight.serving.store.store import Store

    Store(store).publish(Store(store).load(CLICKS), name="strange", note=CORPUS[1])
    with running(store, tmp_path) as service:
        web = Web(browser, service.base)
        web.fresh()
        for path in ("/versions", "/versions/confirm?name=strange"):
            web.go(path)
            assert CORPUS[1] in web.value("document.querySelector('main').textContent")
            harmless(web)


def test_what_is_asked_never_comes_back_unescaped(service: Service) -> None:
    """The same without a browser: no tag of the corpus stands in any answer as it was sent."""
    text = " ".join(CORPUS[:4])
    with httpx.Client(base_url=service.base, follow_redirects=True) as http:
        [token, *_] = re.findall(r'name="token" value="(\w+)"', http.get("/").text)
        for path in ("/", "/rules", "/new", "/versions", "/signin", "/versions/change", "/new/add"):
            for name in FIELDS:
                found = http.post(path, data={"token": token, name: text}).text
                assert not [each for each in CORPUS[:4] if each in found], (path, name)
        for path in ("/item", "/catalogue", "/versions/confirm", "/signin", "/", "/state", "/new"):
            for name in ("id", "q", "name", "next", "v", "do"):
                found = http.get(path, params={name: text}).text
                assert not [each for each in CORPUS[:4] if each in found], (path, name)
