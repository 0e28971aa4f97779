"""Pages of the catalogue: search, and one item with similar items and its audience."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np
from starlette.responses import JSONResponse, Response

from sidelight.errors import SidelightError, UnknownIdError
from sidelight.serving.explorer import template_filters
from sidelight.serving.explorer.page_request import PageRequest
from sidelight.serving.explorer.user_form import OFFERED, find_item, popular
from sidelight.serving.explorer.view_models import rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidelight.serving.engine import Engine
    from sidelight.serving.responses import Item

NO_SUCH = "No item of the catalogue has this id. Search for a word of its title."
FOUND, NEAR, WHO = 30, 10, 10
CELLS = 20_000_000  # users times items up to which an audience is computed without being requested
ABOUT = ("category", "tags", "number")  # roles of columns that describe an item briefly


def show(page: PageRequest) -> Response:
    """Render items found by words of their titles; without words the most popular and the new ones."""
    engine, text = page.engine, page.query.one("q")[:200]

    def shelf(items: Iterable[Item | None]) -> list[tuple[Item, str]]:
        return [(item, about(engine, item)) for item in items if item is not None]

    new, dated = ([], False) if text else newest(engine, 10)
    values = {
        "q": text,
        "most": FOUND,
        "total": len(engine.snapshot.model.items),
        "found": shelf(engine.search(text, FOUND)) if text else [],
        "popular": [] if text else shelf(popular(engine, 10)),
        "newest": shelf(new),
        "dated": dated,
        "retired": shelf(find_item(engine, each) for each in engine.retired()[:FOUND] if page.admin),
    }
    return page.render("catalogue.html", values)


def about(engine: Engine, item: Item) -> str:
    """Describe an item in half a line by its categories, tags and numbers."""
    columns = engine.snapshot.model.items.columns
    names = [c.name for role in ABOUT for c in columns if c.role == role]
    cells = [template_filters.cell(item.row[n]) for n in names if item.row.get(n) not in (None, "", [])]
    return " · ".join(cells[:3])


def newest(engine: Engine, k: int) -> tuple[list[Item | None], bool]:
    """Return items without interactions in training, and whether their times of arrival are known.

    With known times the latest come first, and items of unknown time are left out.
    """
    now = engine.snapshot
    dated = now.newest[np.isfinite(now.arrived[now.newest])]
    chosen = dated if len(dated) else now.newest
    return [find_item(engine, now.id_of(at)) for at in now.kept(chosen, k)], len(dated) > 0


def show_item(page: PageRequest) -> Response:
    """Render one item: its row, similar items, and its audience."""
    engine, name = page.engine, page.query.one("id")
    try:
        item = engine.item(name)
    except UnknownIdError as error:
        near = str(error).rpartition("; ")[2]
        hint = f"No item of the catalogue has this id; {near}" if near.startswith("did you mean") else NO_SUCH
        return page.render("missing.html", {"what": name or "An item without an id", "hint": hint}, 404)
    model = engine.snapshot.model
    small = model.people is not None and len(model.people) * len(model.items) <= CELLS
    values: dict[str, Any] = {"item": item, "facts": facts(engine, item), "similar": [], "audience": None}
    values |= {"small": small, "note": ""}
    try:
        values["similar"] = rows(engine.similar(item.item_id, NEAR))
        if page.admin and (small or page.query.one("people")):
            values["audience"] = engine.audience(item=item.item_id, k=WHO)
    except SidelightError as error:
        values["note"] = str(error)
    return page.render("item.html", values)


def retire(page: PageRequest) -> Response:
    """Retire an item from all lists, or restore it."""
    name = page.form.one("id")
    page.engine.item(name)
    page.engine.retire([name], page.form.one("do") == "retire")
    return page.redirect(f"/item?{urlencode({'id': name})}")


def facts(engine: Engine, item: Item) -> list[tuple[str, str]]:
    """Return the row of an item as pairs of column and text, long texts last."""
    hidden = ("item_id", engine.snapshot.title_column)
    role = {c.name: c.role for c in engine.snapshot.model.items.columns}
    pairs = [
        (n, template_filters.moment(value) if role.get(n) == "timestamp" else template_filters.cell(value))
        for n, value in item.row.items()
        if n not in hidden
    ]
    return sorted(pairs, key=lambda pair: role.get(pair[0]) == "text")


def suggest(page: PageRequest) -> Response:
    """Return search suggestions as JSON: ids, titles and short descriptions."""
    text = page.query.one("q")[:200]
    found = page.engine.search(text, OFFERED) if text else []
    return JSONResponse([
        {
            "id": one.item_id,
            "title": template_filters.clean(one.title or one.item_id),
            "about": template_filters.clean(about(page.engine, one)),
            "new": one.new,
        }
        for one in found
    ])  # fmt: skip
