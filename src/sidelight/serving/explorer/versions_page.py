"""Page of model versions: their metrics, the lists of two side by side, and promotion and rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from sidelight.errors import SidelightError, SpecError
from sidelight.serving.explorer.page_request import PageRequest
from sidelight.serving.explorer.user_form import form_values, recommend_request
from sidelight.serving.explorer.view_models import moved, movement, rows

if TYPE_CHECKING:
    from sidelight.serving.responses import Version

SINGLE = (
    "Publish the bundle into a store (sidelight store publish) and serve the store: then versions can be "
    "compared, promoted and rolled back here."
)
LISTS = {"overall": "one list", "cold": "new items", "warm": "known items"}
METRICS = ("ndcg", "recall", "mrr", "hit_rate")  # the first that a version has is shown


def show(page: PageRequest) -> Response:
    """Render all versions, and two of them side by side for one user."""
    values: dict[str, Any] = {"versions": [], "figures": (), "other": "", "result": None, "stored": True}
    values |= form_values(page)
    try:
        found = page.engine.versions()
    except SidelightError as error:
        reason = SINGLE if isinstance(error, SpecError) else str(error)
        return page.render("versions.html", values | {"stored": False, "notice": None, "reason": reason})
    others = [version.name for version in found if not version.current]
    other = page.form.one("other") or next(iter(others), "")
    before = next((version.name for version in found if version.previous), "")
    values |= {"versions": found, "figures": figures(found), "other": other, "others": others}
    values["before"] = before
    if values["ready"] and other:
        try:
            now, then = page.engine.compare(recommend_request(values["chosen"]), other)
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
    return page.render("versions.html", values)


def figures(versions: list[Version]) -> list[tuple[str, str, str]]:
    """Return the metrics shown as columns: dotted name, label, and the items that they are about."""
    names = sorted({name for version in versions for name in version.metrics})
    for metric in METRICS:
        found = [
            (name, name.partition(".")[2].upper().replace("_", " "), meaning)
            for part, meaning in LISTS.items()
            for name in names
            if name.startswith(f"{part}.{metric}@")
        ]
        if found:
            return [figure for figure in found if figure[1] == found[0][1]]
    return []


def confirm(page: PageRequest) -> Response:
    """Render the question before another version serves."""
    found = page.engine.versions()
    wanted, back = page.query.one("name"), page.query.one("do") == "rollback"
    target = next((v for v in found if (v.previous if back else v.name == wanted)), None)
    if target is None:
        hint = "No version served before this one." if back else "No version has this name any more."
        return page.render("missing.html", {"what": wanted or "The version before", "hint": hint}, 404)
    current = next((version for version in found if version.current), None)
    values = {"target": target, "current": current, "back": back, "figures": figures(found)}
    return page.render("confirm.html", values)


def change(page: PageRequest) -> Response:
    """Promote a version or roll back; the page after the redirect tells the result."""
    try:
        if page.form.one("do") == "rollback":
            notice = f"Rolled back: {page.engine.rollback().name} serves now."
        else:
            notice = f"Promoted: {page.engine.promote(page.form.one('name')).name} serves now."
    except SidelightError as error:
        return page.redirect("/versions", (("failed", str(error)),))
    return page.redirect("/versions", (("done", notice),))
