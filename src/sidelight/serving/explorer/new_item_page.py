"""Pages of a new item: its audience and similar items before it is stored, and storing it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl
from starlette.responses import Response

from sidelight.errors import SidelightError, SpecError, complain
from sidelight.serving.explorer import template_filters
from sidelight.serving.explorer.forms import LENGTHS, Form, UserFields, number
from sidelight.serving.explorer.page_request import PageRequest
from sidelight.serving.explorer.user_form import find_item, recommend_request
from sidelight.serving.explorer.view_models import ListRow, rows

if TYPE_CHECKING:
    from sidelight.data.schema import Column
    from sidelight.serving.responses import PlacedUser

WHO = 10
PATIENCE = 5.0  # seconds to wait until a new item is placed
LONGEST = 20_000  # letters in one field
LINE = 30  # mean length up to which a text column gets a single line, in letters
PREFIX = "c:"  # prefix of fields that are columns, so that no column collides with another field
NEAR, FAR, BESIDE = 20, 500, 4  # places: a list from the top, none at all, and rows around a place
HANDLED = ("text", "category", "tags", "links", "number")


@dataclass(frozen=True)
class Field:
    """Column of the catalogue as a field of the form.

    Args:
        name: Name of the column.
        kind: Kind of input: "line", "area" (a longer text), "number", "list" or "flag" (yes or no).
        values: Values to choose from.
        value: Text of the visitor.
    """

    name: str
    kind: str = "line"
    values: tuple[str, ...] = ()
    value: str = ""


def filled_fields(page: PageRequest) -> tuple[Field, ...]:
    """Return the columns that a new item can have, the title first, with the values of the form."""
    empty = page.explorer.cached("fields", lambda: _fields(page))
    return tuple(replace(field, value=page.form.one(PREFIX + field.name)) for field in empty)


def _fields(page: PageRequest) -> tuple[Field, ...]:
    now = page.engine.snapshot
    title, items = now.title_column, now.model.items.rows
    columns = now.model.items.columns
    usable = [c for c in columns if c.role in HANDLED and c.known_at_launch and c.name in items]
    usable.sort(key=lambda c: (c.name != title, HANDLED.index(c.role)))
    return tuple(_field(c, items[c.name], c.name == title) for c in usable)


def _field(column: Column, values: pl.Series, title: bool) -> Field:
    if isinstance(values.dtype, pl.List | pl.Array):
        return Field(column.name, "list")
    if values.dtype == pl.Boolean:
        return Field(column.name, "flag", ("true", "false"))
    if values.dtype.is_numeric():
        return Field(column.name, "number")
    if column.role == "text":
        letters = values.cast(pl.String).drop_nulls().str.len_chars().to_list()
        return Field(column.name, "area" if not title and sum(letters) > LINE * len(letters) else "line")
    most = values.drop_nulls().value_counts(sort=True)[values.name].head(200).to_list()
    return Field(column.name, values=tuple(map(template_filters.plain, most)))


def normalise_form(page: PageRequest) -> Form:
    """Return the form as it was sent: it has no buttons that act on its fields."""
    return page.form.without("said", "do")


def show(page: PageRequest) -> Response:
    """Render the form, and the audience of the item that it describes."""
    fields, columns = filled_fields(page), page.engine.snapshot.model.items.columns
    handled = {*(field.name for field in fields)}
    values: dict[str, Any] = {
        "fields": fields, "item_id": page.form.one("item_id"), "notice": page.form.one("said") or None,
        "audience": None, "near": [], "took": 0.0, "prefix": PREFIX,
        # Columns that the form cannot fill in: images, vectors, and those known only after launch.
        "others": [c.name for c in columns if c.name not in handled and c.role not in ("item_id", "ignore")],
    }  # fmt: skip
    if any(field.value for field in fields):
        try:
            start = time.perf_counter()
            audience = page.engine.audience(row=item_row(fields), k=WHO)
            took = time.perf_counter() - start
            values |= {"audience": audience, "near": rows(audience.near), "took": took}
        except SidelightError as error:
            values["notice"] = values["notice"] or str(error)
    return page.render("new.html", values)


def item_row(filled: tuple[Field, ...]) -> dict[str, Any]:
    """Return the filled-in fields as a row of the catalogue; an empty field is a missing value.

    Raises:
        SpecError: A value is no number, or a text is too long.
    """
    row: dict[str, Any] = {}
    for field in filled:
        if not field.value:
            continue
        if len(field.value) > LONGEST:
            raise SpecError(complain(f"at most {LONGEST:,} letters", f"{len(field.value):,}", field.name))
        row[field.name] = field.value
        if field.kind == "number":
            row[field.name] = number(field.value, field.name, -1e300, 1e300)
        elif field.kind == "flag":
            row[field.name] = field.value.lower() in ("true", "yes", "1")
        elif field.kind == "list":
            parts = field.value.replace("|", ",").split(",")
            row[field.name] = [part.strip() for part in parts if part.strip()]
    return row


def add(page: PageRequest) -> Response:
    """Store the item, wait until it is placed, and redirect to a list that holds it."""
    name = page.form.one("item_id")
    try:
        if not name:
            raise SpecError(complain("an id for the item", "none", "the field Id", "write one that is new"))
        if find_item(page.engine, name):
            raise SpecError(complain("an id that is new", f"{name!r}, which exists", "the field Id"))
        start = time.perf_counter()
        row = {"item_id": name, **item_row(filled_fields(page))}
        receipt = page.engine.put_items([row], PATIENCE)
        took = time.perf_counter() - start
        if receipt.refused:
            raise SpecError(complain("an item that can be placed", receipt.refused[0].reason, "the new item"))
    except SidelightError as error:
        return page.redirect("/new", normalise_form(page).plus(("said", str(error))).fields)
    pairs = [("item_id", name), ("placed", f"{took:.3f}" if receipt.placed else "")]
    return page.redirect("/new/added", (*pairs, *(("missing", each) for each in receipt.missing)))


def added(page: PageRequest) -> Response:
    """Render the new item in the list in which it stands highest."""
    name, placed = page.form.one("item_id"), page.form.one("placed")
    if not name:
        return page.redirect("/new")
    item = find_item(page.engine, name)
    values: dict[str, Any] = {"item_id": name, "item": item, "placed": float(placed) if placed else None}
    values |= {"missing": page.form.all("missing"), "rows": [], "who": None, "place": 0, "audience": None}
    if item is not None:
        audience = page.engine.audience(item=name, k=WHO)
        values["audience"] = audience
        if audience.people:
            best = audience.people[0]
            values |= {"who": best.user, "place": best.place, "rows": rows_around(page, best)}
    return page.render("added.html", values)


def rows_around(page: PageRequest, best: PlacedUser) -> list[ListRow]:
    """Return the list of a user down to a place, or where that is far down, a few rows around it."""
    user, place = best.user, best.place
    if place > FAR:
        return []
    fields, explain = UserFields(user, k=max(LENGTHS[0], place + BESIDE)), page.history and place <= NEAR
    answer = page.engine.recommend(recommend_request(fields, explain=explain))
    return [row for row in rows(answer.items) if place <= NEAR or abs(row.rank - place) <= BESIDE]
