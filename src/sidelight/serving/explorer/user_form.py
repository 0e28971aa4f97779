"""Form shared by the pages for lists, rules and versions: the user or history that a list is for."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sidelight.errors import SpecError, UnknownIdError
from sidelight.serving.explorer.forms import LENGTHS, Form, UserFields, unique, user_fields
from sidelight.serving.explorer.page_request import PageRequest
from sidelight.serving.requests import RecommendRequest

if TYPE_CHECKING:
    from sidelight.serving.engine import Engine
    from sidelight.serving.responses import Item

OFFERED = 8  # search results to choose from
LOOKED_UP = 200  # users per query for consent
LIKELY = (4, 40)  # lengths of history that make a good example


@dataclass(frozen=True)
class Chip:
    """Item of a history that is being put together.

    Args:
        item_id: Outside id.
        title: Title, or the id without one.
        known: Whether the catalogue has the item.
    """

    item_id: str
    title: str
    known: bool


def normalise_form(page: PageRequest) -> Form:
    """Return the form after the actions of its buttons: items added and removed, a random user chosen.

    The field `find` is text to look up, `pick` are chosen ids, and `do=random` chooses a stored user, which
    reveals an id and so takes an admin. `find` stays where it matches several items, or none.

    Raises:
        SpecError: The history would be too long.
    """
    form, engine, most = page.form, page.engine, page.explorer.most_history
    chosen = user_fields(form, most)
    rest = form.without("who", "user", "history", "k", "pick", "remove", "find", "do")
    if form.one("do") == "random" and page.admin:
        return rest.plus(*UserFields(random_user(engine), k=chosen.k).fields)
    added = list(form.all("pick"))
    find = "" if added else form.one("find")
    if chosen.by_history and find:
        ids = [find] if find_item(engine, find) else find.replace(",", " ").replace(";", " ").split()
        if all(find_item(engine, each) for each in ids):
            added, find = ids, ""
        elif len(matches := engine.search(find, OFFERED)) == 1:
            added, find = [matches[0].item_id], ""
    history = unique([*chosen.history, *added])
    done = rest.plus(*UserFields(chosen.user, history, chosen.by_history or bool(added), chosen.k).fields)
    user_fields(done, most)
    return done.plus(("find", find)) if chosen.by_history and find else done


def form_values(page: PageRequest) -> dict[str, Any]:
    """Return the values of the shared part of the templates; `ready` says that a list can be computed."""
    find = page.form.one("find")
    values: dict[str, Any] = {
        "lengths": LENGTHS, "find": find, "found": [], "chips": [], "starters": [], "notice": None,
    }  # fmt: skip
    try:
        chosen = user_fields(page.form, page.explorer.most_history)
    except SpecError as error:
        return values | {"chosen": UserFields(), "ready": False, "notice": str(error)}
    return values | {
        "chosen": chosen,
        "ready": chosen.given and not find,
        "found": page.engine.search(find, OFFERED) if find else [],
        "chips": chips(page.engine, chosen.history),
        "starters": [] if chosen.history else popular(page.engine, 6),
    }


def recommend_request(chosen: UserFields, **options: Any) -> RecommendRequest:
    """Return the request for the list of a form; lists that are only looked at are not explored."""
    given = {"history": chosen.history} if chosen.by_history else {"user": chosen.user}
    return RecommendRequest(**given, k=chosen.k, explore=False, **options)


def find_item(engine: Engine, item_id: str) -> Item | None:
    """Return an item by its id, None where the catalogue has no such id."""
    try:
        return engine.item(item_id)
    except UnknownIdError:
        return None


def chips(engine: Engine, history: Sequence[str]) -> list[Chip]:
    """Return the items of a history with their titles."""
    items = [(each, find_item(engine, each)) for each in history]
    return [Chip(each, (item and item.title) or each, item is not None) for each, item in items]


def random_user(engine: Engine) -> str:
    """Return the id of a random user with a usable history, neither very short nor very long.

    Users who were forgotten or withdrew consent are never named; "" where no user is left.
    """
    people = engine.snapshot.model.people
    if people is None:
        return ""
    lengths = people.histories.lengths
    low, high = LIKELY
    candidates = ((lengths >= low) & (lengths <= high)).nonzero()[0].tolist() or list(range(len(lengths)))
    random.shuffle(candidates)
    for at in range(0, len(candidates), LOOKED_UP):
        users = [str(people.ids[user]) for user in candidates[at : at + LOOKED_UP]]
        blocked = engine.database.barred(users)
        if user := next((user for user in users if user not in blocked), ""):
            return user
    return ""


def popular(engine: Engine, k: int) -> list[Item]:
    """Return the k most popular items that lists may hold."""
    now = engine.snapshot
    items = (find_item(engine, now.id_of(at)) for at in now.kept(now.popular, k))
    return [item for item in items if item is not None]
