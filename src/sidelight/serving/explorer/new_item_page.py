"""A new item: who would get it and what is near it before it is stored, and adding it for real."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sidelight.errors import SidelightError, SpecError, complain
from sidelight.serving.explorer import person_form, template_filters
from sidelight.serving.explorer.forms import LENGTHS, Form, UserFields, number
from sidelight.serving.explorer.lists_page import ask
from sidelight.serving.explorer.page_types import PageRequest, PageResponse, Redirect
from sidelight.serving.explorer.view_models import ListRow, rows

if TYPE_CHECKING:
    import polars as pl

    from sidelight.data.schema import Column
    from sidelight.serving.explorer.explorer_app import ExplorerApp
    from sidelight.serving.responses import Audience

WHO = 10
PATIENCE = 5.0  # seconds to wait until a new item is placed
LONGEST = 20_000  # letters in one field
LINE = 30  # letters that a text of one line has on average, at most
PREFIX = "c:"  # of fields that are columns, so that no column collides with a field of the page's own
NEAR, FAR, BESIDE = 20, 500, 4  # places: a list from the top, none at all, and rows around a place
HANDLED = ("text", "category", "tags", "number")


@dataclass(frozen=True)
class Field:
    """A column of the catalogue as a field to fill in.

    Args:
        name: Of the column.
        kind: What it takes: "line", "area" (a longer text), "number", "list" or "flag" (yes or no).
        values: What it may be, to choose from.
        value: What was written.
    """

    name: str
    kind: str = "line"
    values: tuple[str, ...] = ()
    value: str = ""


def fields_of(desk: ExplorerApp) -> tuple[Field, ...]:
    """The columns that a new item can have, the title first."""
    return desk.kept("fields", lambda: _fields(desk))


def _fields(desk: ExplorerApp) -> tuple[Field, ...]:
    known = desk.engine.snapshot.model.items
    usable = [c for c in known.columns if c.role in HANDLED and c.known_at_launch and c.name in known.rows]
    title = desk.engine.snapshot.title_column
    usable.sort(key=lambda c: (c.name != title, HANDLED.index(c.role)))
    return tuple(_field(c, known.rows[c.name], c.name == title) for c in usable)


def _field(column: Column, values: pl.Series, title: bool) -> Field:
    import polars as pl

    if isinstance(values.dtype, pl.List | pl.Array):
        return Field(column.name, "list")
    if values.dtype == pl.Boolean:
        return Field(column.name, "flag", ("true", "false"))
    if values.dtype.is_numeric():
        return Field(column.name, "number")
    if column.role == "text":
        letters = values.cast(pl.String).drop_nulls().str.len_chars().to_list()
        return Field(column.name, "area" if not title and sum(letters) > LINE * len(letters) else "line")
    count = values.drop_nulls().value_counts(sort=True)
    return Field(
        column.name, values=tuple(map(template_filters.plain, count[values.name].head(200).to_list()))
    )


def normalise_form(desk: ExplorerApp, visit: PageRequest) -> Form:
    """The form as it was sent: it has no buttons of its own."""
    return visit.form.without("said", "do")


def show(desk: ExplorerApp, visit: PageRequest) -> PageResponse:
    """The form, and who would get what it describes."""
    filled = tuple(replace(f, value=visit.form.one(PREFIX + f.name)) for f in fields_of(desk))
    values: dict[str, Any] = {"fields": filled, "item_id": visit.form.one("item_id"), "notice": None}
    values |= {"audience": None, "near": [], "took": 0.0, "prefix": PREFIX, "others": others(desk)}
    if any(f.value for f in filled):
        try:
            start = time.perf_counter()
            found: Audience = desk.engine.audience(row=row_of(filled), k=WHO)
            took = time.perf_counter() - start
            values |= {"audience": found, "near": rows(found.near), "took": took}
        except SidelightError as error:
            values["notice"] = str(error)
    if visit.form.one("said"):
        values["notice"] = visit.form.one("said")
    return PageResponse("new.html", values)


def others(desk: ExplorerApp) -> list[str]:
    """Columns that a page cannot fill in: images, vectors, and what is only known later."""
    known = desk.engine.snapshot.model.items
    handled = {f.name for f in fields_of(desk)}
    return [c.name for c in known.columns if c.name not in handled and c.role not in ("item_id", "ignore")]


def row_of(filled: tuple[Field, ...]) -> dict[str, Any]:
    """What was filled in as a row of the catalogue; an empty field is a missing value.

    Raises:
        SpecError: A number is none, or a text is too long.
    """
    row: dict[str, Any] = {}
    for field in filled:
        if not field.value:
            continue
        if len(field.value) > LONGEST:
            found = f"{len(field.value):,}"
            raise SpecError(complain(f"at most {LONGEST:,} letters", found, field.name))
        if field.kind == "number":
            row[field.name] = number(field.value, field.name, -1e300, 1e300)
        elif field.kind == "flag":
            row[field.name] = field.value.lower() in ("true", "yes", "1")
        elif field.kind == "list":
            parts = field.value.replace("|", ",").split(",")
            row[field.name] = [part.strip() for part in parts if part.strip()]
        else:
            row[field.name] = field.value
    return row


def add(desk: ExplorerApp, visit: PageRequest) -> Redirect:
    """Store the item for everybody, wait until it is placed, and show it in somebody's list."""
    form = visit.form.without("said", "do")
    filled = tuple(replace(f, value=form.one(PREFIX + f.name)) for f in fields_of(desk))
    name = form.one("item_id")
    try:
        if not name:
            raise SpecError(complain("an id for the item", "none", "the field Id", "write one that is new"))
        if person_form.find_item(desk.engine, name):
            raise SpecError(complain("an id that is new", f"{name!r}, which exists", "the field Id"))
        start = time.perf_counter()
        receipt = desk.engine.put_items([{"item_id": name, **row_of(filled)}], PATIENCE)
        took = time.perf_counter() - start
        if receipt.refused:
            raise SpecError(complain("an item that can be placed", receipt.refused[0].reason, "the new item"))
    except SidelightError as error:
        return Redirect("/new", form.plus(("said", str(error))).fields)
    pairs = [("item_id", name), ("placed", f"{took:.3f}" if receipt.placed else "")]
    return Redirect("/new/added", (*pairs, *(("missing", each) for each in receipt.missing)))


def added(desk: ExplorerApp, visit: PageRequest) -> PageResponse | Redirect:
    """The new item in the list of the person in whose list it stands highest."""
    name, placed = visit.form.one("item_id"), visit.form.one("placed")
    found = person_form.find_item(desk.engine, name) if name else None
    if found is None and not name:
        return Redirect("/new")
    values: dict[str, Any] = {"item_id": name, "item": found, "placed": float(placed) if placed else None}
    values |= {"missing": visit.form.all("missing"), "rows": [], "who": None, "place": 0, "audience": None}
    if found is not None:
        values["audience"] = desk.engine.audience(item=name, k=WHO)
        if values["audience"].people:
            best = values["audience"].people[0]
            user, place = best.user, best.place
            values |= {"who": user, "place": place, "rows": around(desk, user, place, visit.history)}
    return PageResponse("added.html", values)


def around(desk: ExplorerApp, user: str, place: int, history: bool) -> list[ListRow]:
    """The list of a person down to a place, or where that is far down, a few rows around it."""
    if place > FAR:
        return []
    person, explain = UserFields(user, k=max(LENGTHS[0], place + BESIDE)), history and place <= NEAR
    found = desk.engine.recommend(ask(person, explain=explain))
    return [row for row in rows(found.items) if place <= NEAR or abs(row.rank - place) <= BESIDE]
