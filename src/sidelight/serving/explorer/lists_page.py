"""First page: the list of one user, with an explanation per item."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from sidelight.errors import SidelightError
from sidelight.serving.explorer import template_filters
from sidelight.serving.explorer.forms import UserFields
from sidelight.serving.explorer.page_request import PageRequest
from sidelight.serving.explorer.user_form import Chip, form_values, recommend_request
from sidelight.serving.explorer.view_models import rows
from sidelight.serving.recommend.user_history import load_user_history

if TYPE_CHECKING:
    from sidelight.serving.engine import Engine
    from sidelight.serving.responses import RecommendResponse


def show(page: PageRequest) -> Response:
    """Render the form, and below it the list of the chosen user."""
    values: dict[str, Any] = {"answer": None, "rows": [], "took": 0.0, "past": None, **form_values(page)}
    chosen: UserFields = values["chosen"]
    if values["ready"]:
        try:
            values |= ranked_list(page.engine, chosen, page.history)
            if page.history and not chosen.by_history:
                values["past"] = stored_history(page.engine, chosen)
        except SidelightError as error:
            values["notice"] = str(error)
    return page.render("lists.html", values)


def stored_history(engine: Engine, chosen: UserFields) -> list[Chip]:
    """Return the stored history of a user as far as consent allows, in the order of the catalogue."""
    now = engine.snapshot
    history = load_user_history(now, engine.database, recommend_request(chosen)).history
    titles = now.titles_of(history)
    return [Chip(now.id_of(at), title, True) for at, title in zip(history, titles, strict=True)]


def ranked_list(engine: Engine, chosen: UserFields, history: bool = True) -> dict[str, Any]:
    """Return the values of the template for a list; explained where the visitor may see the history."""
    start = time.perf_counter()
    answer = engine.recommend(recommend_request(chosen, explain=history or chosen.by_history))
    took = time.perf_counter() - start
    return {"answer": answer, "rows": rows(answer.items), "took": took, "headline": headline(answer, chosen)}


def headline(answer: RecommendResponse, chosen: UserFields) -> dict[str, str]:
    """Describe a list: a line with the number of items and new items, and a hint about missing data."""
    if not answer.items:
        hint = "Every item may be in the history already, or blocked."
        return {"line": "Nothing is left to show.", "hint": hint}
    new, hint = sum(one.new for one in answer.items), ""
    line = f"{template_filters.plural(len(answer.items), 'item')}, {new or 'none'} of them new."
    if answer.fallback and chosen.by_history:
        hint = "An empty history says nothing about anybody, so these are the most popular items."
    elif answer.fallback:
        hint = "Nobody with this id has a history that may be used, so these are the most popular items."
    elif answer.unknown:
        hint = f"Left out, because the catalogue does not have them: {', '.join(answer.unknown[:5])}."
    return {"line": line, "hint": hint}
