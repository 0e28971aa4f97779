"""The catalogue: searching it, and everything about one item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np

from sidelight.errors import SidelightError, UnknownIdError
from sidelight.serving.explorer import person_form, template_filters
from sidelight.serving.explorer.page_types import PageRequest, PageResponse, Redirect
from sidelight.serving.explorer.view_models import rows

if TYPE_CHECKING:
    from sidelight.serving.engine import Engine
    from sidelight.serving.explorer.explorer_app import ExplorerApp
    from sidelight.serving.responses import Item

NO_SUCH = "No item of the catalogue has this id. Search for a word of its title."
FOUND, NEAR, WHO = 30, 10, 10
CELLS = 20_000_000  # people times items, up to which the audience of an item is a matter of a blink
ABOUT = ("category", "tags", "number")  # roles of columns that say briefly what an item is


def show(desk: ExplorerApp, visit: PageRequest) -> PageResponse:
    """Items by words of their titles; without words the most popular ones and new ones."""
    text = visit.query.one("q")[:200]
    known = desk.engine.snapshot.model.items
    values: dict[str, Any] = {"q": text, "found": [], "total": len(known), "popular": [], "newest": []}
    values |= {"most": FOUND, "dated": False}
    gone = (person_form.find_item(desk.engine, each) for each in desk.engine.retired()[:FOUND] if visit.admin)
    values["retired"] = [(item, about(desk.engine, item)) for item in gone if item is not None]
    if text:
        values["found"] = [(item, about(desk.engine, item)) for item in desk.engine.search(text, FOUND)]
    else:
        values["popular"] = [
            (item, about(desk.engine, item)) for item in person_form.popular(desk.engine, 10)
        ]
        fresh, values["dated"] = newest(desk.engine, 10)
        values["newest"] = [(item, about(desk.engine, item)) for item in fresh]
    return PageResponse("catalogue.html", values)


def about(engine: Engine, item: Item) -> str:
    """What an item is, in half a line: its categories and the like."""
    known = engine.snapshot.model.items
    named = [c.name for role in ABOUT for c in known.columns if c.role == role]
    given = [
        template_filters.cell(item.row[name]) for name in named if item.row.get(name) not in (None, "", [])
    ]
    return " · ".join(given[:3])


def newest(engine: Engine, k: int) -> tuple[list[Item], bool]:
    """Items without clicks in training, and whether the time of their arrival or release is known.

    With known times the latest come first, and items of unknown time are left out.
    """
    now = engine.snapshot
    dated = now.newest[np.isfinite(now.arrived[now.newest])]
    chosen = dated if len(dated) else now.newest
    found = (person_form.find_item(engine, now.id_of(at)) for at in now.kept(chosen, k))
    return [item for item in found if item is not None], len(dated) > 0


def item(desk: ExplorerApp, visit: PageRequest) -> PageResponse:
    """One item: its row, what is like it, and who would get it."""
    engine, name = desk.engine, visit.query.one("id")
    try:
        found = engine.item(name)
    except UnknownIdError as error:
        near = str(error).rpartition("; ")[2]
        hint = f"No item of the catalogue has this id; {near}" if near.startswith("did you mean") else NO_SUCH
        return PageResponse("missing.html", {"what": name or "An item without an id", "hint": hint}, 404)
    model = engine.snapshot.model
    small = model.people is not None and len(model.people) * len(model.items) <= CELLS
    values: dict[str, Any] = {"item": found, "facts": facts(engine, found), "similar": [], "audience": None}
    values |= {"notice": None, "small": small, "note": ""}
    try:
        values["similar"] = rows(engine.similar(found.item_id, NEAR))
        if visit.admin and (small or visit.query.one("people")):
            values["audience"] = engine.audience(item=found.item_id, k=WHO)
    except SidelightError as error:
        values["note"] = str(error)
    return PageResponse("item.html", values)


def retire(desk: ExplorerApp, visit: PageRequest) -> PageResponse | Redirect:
    """Keep an item out of all lists, or let it in again."""
    name = visit.form.one("id")
    desk.engine.item(name)
    desk.engine.retire([name], visit.form.one("do") == "retire")
    return Redirect(f"/item?{urlencode({'id': name})}")


def facts(engine: Engine, found: Item) -> list[tuple[str, str]]:
    """The row of an item as pairs of column and text, long texts last."""
    hidden = ("item_id", engine.snapshot.title_column)
    known = engine.snapshot.model.items
    times = {c.name for c in known.columns if c.role == "timestamp"}
    long = {c.name for c in known.columns if c.role == "text"}
    pairs = [
        (name, template_filters.moment(value) if name in times else template_filters.cell(value))
        for name, value in found.row.items()
        if name not in hidden
    ]
    return sorted(pairs, key=lambda pair: pair[0] in long)


def pick(desk: ExplorerApp, visit: PageRequest) -> list[dict[str, Any]]:
    """What the search field offers while somebody writes: ids, titles, and what they are."""
    text = visit.query.one("q")[:200]
    found = desk.engine.search(text, person_form.OFFERED) if text else []
    return [
        {
            "id": one.item_id,
            "title": template_filters.clean(one.title or one.item_id),
            "about": template_filters.clean(about(desk.engine, one)),
            "new": one.new,
        }
        for one in found
    ]
