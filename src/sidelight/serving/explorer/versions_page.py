"""Versions of the model: what there is, how two differ for one person, and which one serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sidelight.errors import SidelightError, SpecError
from sidelight.serving.explorer import person_form
from sidelight.serving.explorer.forms import Form, UserFields
from sidelight.serving.explorer.lists_page import ask, asked
from sidelight.serving.explorer.page_types import PageRequest, PageResponse, Redirect
from sidelight.serving.explorer.view_models import moved, movement, rows

if TYPE_CHECKING:
    from sidelight.serving.explorer.explorer_app import ExplorerApp
    from sidelight.serving.responses import Version

SINGLE = (
    "Publish the bundle into a store (sidelight store publish) and serve the store: then versions can be "
    "compared, promoted and rolled back here."
)
LISTS = {"overall": "one list", "cold": "new items", "warm": "known items"}
METRICS = ("ndcg", "recall", "mrr", "hit_rate")  # the first that a version has is shown


def normalise_form(desk: ExplorerApp, visit: PageRequest) -> Form:
    """The form with its buttons done."""
    return person_form.normalise_form(desk.engine, visit, desk.most_history)


def show(desk: ExplorerApp, visit: PageRequest) -> PageResponse:
    """All versions, and two of them side by side for one person."""
    values: dict[str, Any] = {"versions": [], "figures": (), "other": "", "result": None}
    values |= asked(desk, visit.form) | {"stored": True}
    try:
        found = desk.engine.versions()
    except SidelightError as error:
        reason = SINGLE if isinstance(error, SpecError) else str(error)
        return PageResponse("versions.html", values | {"stored": False, "notice": None, "reason": reason})
    before = next((version.name for version in found if version.previous), "")
    others = [version.name for version in found if not version.current]
    other = visit.form.one("other") or (others[0] if others else "")
    values |= {"versions": found, "figures": figures(found), "other": other, "others": others}
    values["before"] = before
    who: UserFields = values["person"]
    if values["notice"] is None and who.asked and other and not values["find"]:
        try:
            now, then = desk.engine.compare(ask(who), other)
        except SidelightError as error:
            values["notice"] = str(error)
        else:
            shown, left = moved(now, then)
            gone = {row.item_id for row in left}
            values["result"] = {
                "now": shown,
                "then": [(row, row.item_id in gone) for row in rows(then.items)],
                "movement": movement(shown, left),
                "versions": (now.version, then.version),
            }
    return PageResponse("versions.html", values)


def figures(versions: list[Version]) -> list[tuple[str, str, str]]:
    """The measured figures that are worth a column: dotted name, metric, and of which items."""
    there = {name for version in versions for name in version.metrics}
    for metric in METRICS:
        found = [
            (name, name.partition(".")[2].upper().replace("_", " "), meaning)
            for part, meaning in LISTS.items()
            for name in sorted(there)
            if name.startswith(f"{part}.{metric}@")
        ]
        if found:
            cut = found[0][1]
            return [figure for figure in found if figure[1] == cut]
    return []


def confirm(desk: ExplorerApp, visit: PageRequest) -> PageResponse:
    """The question before another version serves."""
    found = desk.engine.versions()
    wanted = visit.query.one("name")
    back = visit.query.one("do") == "rollback"
    target = next((v for v in found if (v.previous if back else v.name == wanted)), None)
    if target is None:
        hint = "No version served before this one." if back else "No version has this name any more."
        return PageResponse("missing.html", {"what": wanted or "The version before", "hint": hint}, 404)
    current = next((version for version in found if version.current), None)
    values = {"target": target, "current": current, "back": back, "figures": figures(found)}
    return PageResponse("confirm.html", values)


def change(desk: ExplorerApp, visit: PageRequest) -> Redirect:
    """Let another version serve; the page that follows says what happened."""
    try:
        if visit.form.one("do") == "rollback":
            done = desk.engine.rollback()
            said = f"Rolled back: {done.name} serves now."
        else:
            done = desk.engine.promote(visit.form.one("name"))
            said = f"Promoted: {done.name} serves now."
    except SidelightError as error:
        return Redirect("/versions", (("failed", str(error)),))
    return Redirect("/versions", (("done", said),))
