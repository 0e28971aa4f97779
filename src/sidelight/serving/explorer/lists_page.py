"""The first page: the list of one person, and why each item is in it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sidelight.errors import SidelightError, SpecError
from sidelight.serving.explorer import person_form, template_filters
from sidelight.serving.explorer.forms import LENGTHS, Form, UserFields, user_fields
from sidelight.serving.explorer.page_types import PageRequest, PageResponse
from sidelight.serving.explorer.person_form import Chip
from sidelight.serving.explorer.view_models import rows

if TYPE_CHECKING:
    from sidelight.serving.engine import Engine
    from sidelight.serving.explorer.explorer_app import ExplorerApp
    from sidelight.serving.requests import RecommendRequest
    from sidelight.serving.responses import RecommendResponse


def normalise_form(desk: ExplorerApp, visit: PageRequest) -> Form:
    """The form with what its buttons asked for done."""
    return person_form.normalise_form(desk.engine, visit, desk.most_history)


def show(desk: ExplorerApp, visit: PageRequest) -> PageResponse:
    """The form, and below it the list it asks for."""
    values: dict[str, Any] = {"answer": None, "rows": [], "notice": None, "took": 0.0, "past": None}
    values |= asked(desk, visit.form)
    who: UserFields = values["person"]
    if values["notice"] is None and who.asked and not values["find"]:
        try:
            values |= listed(desk.engine, who, visit.history)
            if visit.history and not who.by_history:
                values["past"] = past(desk.engine, who)
        except SidelightError as error:
            values["notice"] = str(error)
    return PageResponse("lists.html", values)


def asked(desk: ExplorerApp, form: Form) -> dict[str, Any]:
    """What the shared part of the form needs: the person, their chips, and items to choose from."""
    values: dict[str, Any] = {"lengths": LENGTHS, "find": form.one("find"), "found": [], "notice": None}
    try:
        who = user_fields(form, desk.most_history)
    except SpecError as error:
        return values | {"person": UserFields(), "chips": [], "starters": [], "notice": str(error)}
    if values["find"]:
        values["found"] = desk.engine.search(values["find"], person_form.OFFERED)
    starters = person_form.popular(desk.engine, 6) if not who.history else []
    return values | {
        "person": who,
        "chips": person_form.chips(desk.engine, who.history),
        "starters": starters,
    }


def past(engine: Engine, who: UserFields) -> list[Chip]:
    """What somebody with a name has touched, as far as it may be used; in the order of the catalogue."""
    from sidelight.serving.recommend.user_history import load_user_history as known

    now = engine.snapshot
    history = known(now, engine.database, ask(who)).history
    titles = now.titles_of(history)
    return [Chip(now.id_of(at), title, True) for at, title in zip(history, titles, strict=True)]


@dataclass(frozen=True)
class Said:
    """What a list is, in a line above it.

    Args:
        line: The sentence.
        hint: What else is worth knowing, "" for nothing.
    """

    line: str
    hint: str = ""


def listed(engine: Engine, who: UserFields, history: bool = True) -> dict[str, Any]:
    """The list of a person as the template wants it; with reasons, where the history may be seen."""
    start = time.perf_counter()
    answer = engine.recommend(ask(who, explain=history or who.by_history))
    took = time.perf_counter() - start
    return {"answer": answer, "rows": rows(answer.items), "took": took, "said": said(answer, who)}


def ask(who: UserFields, **options: Any) -> RecommendRequest:
    """What the engine is asked for a person. Lists that are only looked at explore nothing."""
    from sidelight.serving.requests import RecommendRequest

    given = {"history": who.history} if who.by_history else {"user": who.user}
    return RecommendRequest(**given, k=who.k, explore=False, **options)


def said(answer: RecommendResponse, who: UserFields) -> Said:
    """How many items there are, how many of them new, and what was left out."""
    if not answer.items:
        return Said("Nothing is left to show.", "Every item may be in the history already, or blocked.")
    fresh = sum(one.new for one in answer.items)
    line = f"{template_filters.plural(len(answer.items), 'item')}, {fresh or 'none'} of them new."
    if answer.fallback:
        hint = (
            "An empty history says nothing about anybody, so these are the most popular items."
            if who.by_history
            else "Nobody with this id has a history that may be used, so these are the most popular items."
        )
        return Said(line, hint)
    if answer.unknown:
        gone = ", ".join(answer.unknown[:5])
        return Said(line, f"Left out, because the catalogue does not have them: {gone}.")
    return Said(line)
