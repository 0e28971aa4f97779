"""Whom a list is for: the part of a form that three pages share."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sidelight.errors import UnknownIdError
from sidelight.serving.explorer.forms import Form, UserFields, unique, user_fields
from sidelight.serving.explorer.page_types import PageRequest

if TYPE_CHECKING:
    from sidelight.serving.engine import Engine
    from sidelight.serving.responses import Item

OFFERED = 8  # items to choose from where words fit several
LOOKED_UP = 200  # people whose consent is looked up at a time
LIKELY = (4, 40)  # lengths of history that make a good example


@dataclass(frozen=True)
class Chip:
    """An item of a history that is being put together.

    Args:
        item_id, title: Of the item.
        known: Whether the catalogue has it.
    """

    item_id: str
    title: str
    known: bool


def normalise_form(engine: Engine, visit: PageRequest, most: int) -> Form:
    """A form with everything done that its buttons asked for: items added and removed, somebody picked.

    Args:
        engine: Knows the catalogue.
        visit: Its form as sent: `find` is text to look up, `pick` are chosen ids, `do=random` asks for
            anybody, which names a stored person and so takes an admin.
        most: How long a history may be.

    Returns:
        The same form with one plain person in it. `find` stays where several items would do, or none.
    """
    form = visit.form
    who = user_fields(form, most)
    rest = form.without("who", "user", "history", "k", "pick", "remove", "find", "do")
    if form.one("do") == "random" and visit.admin:
        return rest.plus(*UserFields(anybody(engine), k=who.k).fields)
    added, left = list(form.all("pick")), form.one("find")
    if added:
        left = ""
    if who.by_history and left:
        ids = [each for each in left.replace(",", " ").replace(";", " ").split() if each]
        whole = [left] if find_item(engine, left) else ids
        if all(find_item(engine, each) for each in whole):
            added, left = whole, ""
        elif len(found := engine.search(left, OFFERED)) == 1:
            added, left = [found[0].item_id], ""
    history = unique([*who.history, *added])
    done = rest.plus(*UserFields(who.user, history, who.by_history or bool(added), who.k).fields)
    done = person_checked(done, most)
    return done.plus(("find", left)) if who.by_history and left else done


def person_checked(form: Form, most: int) -> Form:
    """The form, once it is sure that `person` takes it."""
    user_fields(form, most)
    return form


def find_item(engine: Engine, item_id: str) -> Item | None:
    """An item by its id, None where the catalogue has no such id."""
    try:
        return engine.item(item_id)
    except UnknownIdError:
        return None


def chips(engine: Engine, history: Sequence[str]) -> list[Chip]:
    """The items of a history with their titles."""
    found = [(each, find_item(engine, each)) for each in history]
    return [Chip(each, item.title or each if item else each, item is not None) for each, item in found]


def anybody(engine: Engine) -> str:
    """The id of some person with a stored history that may be used, neither very short nor very long.

    Whoever was forgotten or withdrew consent is never named; "" where nobody is left.
    """
    people = engine.snapshot.model.people
    if people is None:
        return ""
    lengths = people.histories.lengths
    low, high = LIKELY
    good = ((lengths >= low) & (lengths <= high)).nonzero()[0]
    choice = good.tolist() or list(range(len(lengths)))
    random.shuffle(choice)
    for at in range(0, len(choice), LOOKED_UP):
        some = [str(people.ids[user]) for user in choice[at : at + LOOKED_UP]]
        barred = engine.database.barred(some)
        if named := next((user for user in some if user not in barred), ""):
            return named
    return ""


def popular(engine: Engine, k: int) -> list[Item]:
    """The items that most people have, to begin a history with."""
    now = engine.snapshot
    found = (find_item(engine, now.id_of(at)) for at in now.kept(now.popular, k))
    return [item for item in found if item is not None]
