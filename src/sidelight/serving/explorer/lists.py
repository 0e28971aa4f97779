"""The first page: the list of one person, and why each item is in it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sidelight.errors import SidelightError, SpecError
from sidelight.serving.explorer import people, words
from sidelight.serving.explorer.drawn import rows
from sidelight.serving.explorer.forms import LENGTHS, Form, Person, person
from sidelight.serving.explorer.people import Chip
from sidelight.serving.explorer.visit import Page, Visit

if TYPE_CHECKING:
    from sidelight.serving.asking import Answer, Ask
    from sidelight.serving.engine import Engine
    from sidelight.serving.explorer.desk import Desk


def settle(desk: Desk, visit: Visit) -> Form:
    """The form with what its buttons asked for done."""
    return people.settle(desk.engine, visit, desk.most_history)


def show(desk: Desk, visit: Visit) -> Page:
    """The form, and below it the list it asks for."""
    values: dict[str, Any] = {"answer": None, "rows": [], "notice": None, "took": 0.0, "past": None}
    values |= asked(desk, visit.form)
    who: Person = values["person"]
    if values["notice"] is None and who.asked and not values["find"]:
        try:
            values |= listed(desk.engine, who, visit.history)
            if visit.history and not who.by_history:
                values["past"] = past(desk.engine, who)
        except SidelightError as error:
            values["notice"] = str(error)
    return Page("lists.html", values)


def asked(desk: Desk, form: Form) -> dict[str, Any]:
    """What the shared part of the form needs: the person, their chips, and items to choose from."""
    values: dict[str, Any] = {"lengths": LENGTHS, "find": form.one("find"), "found": [], "notice": None}
    try:
        who = person(form, desk.most_history)
    except SpecError as error:
        return values | {"person": Person(), "chips": [], "starters": [], "notice": str(error)}
    if values["find"]:
        values["found"] = desk.engine.search(values["find"], people.OFFERED)
    starters = people.popular(desk.engine, 6) if not who.history else []
    return values | {"person": who, "chips": people.chips(desk.engine, who.history), "starters": starters}


def past(engine: Engine, who: Person) -> list[Chip]:
    """What somebody with a name has touched, as far as it may be used; in the order of the catalogue."""
    from sidelight.serving.persons import person as known

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


def listed(engine: Engine, who: Person, history: bool = True) -> dict[str, Any]:
    """The list of a person as the template wants it; with reasons, where the history may be seen."""
    start = time.perf_counter()
    answer = engine.recommend(ask(who, explain=history or who.by_history))
    took = time.perf_counter() - start
    return {"answer": answer, "rows": rows(answer.items), "took": took, "said": said(answer, who)}


def ask(who: Person, **options: Any) -> Ask:
    """What the engine is asked for a person. Lists that are only looked at explore nothing."""
    from sidelight.serving.asking import Ask

    given = {"history": who.history} if who.by_history else {"user": who.user}
    return Ask(**given, k=who.k, explore=False, **options)


def said(answer: Answer, who: Person) -> Said:
    """How many items there are, how many of them new, and what was left out."""
    if not answer.items:
        return Said("Nothing is left to show.", "Every item may be in the history already, or blocked.")
    fresh = sum(one.new for one in answer.items)
    line = f"{words.plural(len(answer.items), 'item')}, {fresh or 'none'} of them new."
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
