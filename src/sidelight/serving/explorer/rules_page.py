"""Page of business rules: sliders, lines that boost, bury or block, and their effect on one list."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.responses import Response

from sidelight.errors import SidelightError
from sidelight.serving.explorer import template_filters
from sidelight.serving.explorer.forms import ACTIONS, Form, RuleRow, UserFields, rule_rows
from sidelight.serving.explorer.page_request import PageRequest
from sidelight.serving.explorer.user_form import form_values, recommend_request
from sidelight.serving.explorer.user_form import normalise_form as normalise_user
from sidelight.serving.explorer.view_models import moved, movement
from sidelight.serving.rerank.rules import Rules

if TYPE_CHECKING:
    from sidelight.models.items import Items
    from sidelight.serving.responses import RecommendResponse

CHOOSABLE = ("category", "tags", "number")  # roles of columns that a rule can name
RULES = {
    "boost": "boosting", "bury": "burying", "block": "blocking", "pin": "pinning",
    "floor": "the floor for new items",
}  # fmt: skip
OFFERED = 100  # values of a column to choose from; others can be typed
HALF_LIFE = 30.0  # days


@dataclass(frozen=True)
class Slider:
    """Slider of one soft rule.

    Args:
        name: Name of the field.
        label: Label of the slider.
        meaning: Explanation of the rule.
        low: Label of the lower end.
        high: Label of the upper end.
        value: Position, from 0 to 1.
    """

    name: str
    label: str
    meaning: str
    low: str
    high: str
    value: float = 0.0


SLIDERS = (
    Slider("diversity", "Diversity", "How much items may differ from those above them.", "alike", "varied"),
    Slider("freshness", "Freshness", "How much newer items are lifted.", "any age", "newest"),
    Slider("floor", "Floor for new items", "Least share of places for items without clicks.", "none", "all"),
)


def normalise_form(page: PageRequest) -> Form:
    """Return the form after the actions of its buttons: rules added and removed, the user chosen."""
    kept = rule_rows(page.form)
    if page.form.one("do") == "rule":
        kept = (*kept, RuleRow(column=next(iter(column_values(page)), "")))
    form = normalise_user(page).without("action", "column", "value", "strength", "drop")
    return form.plus(*(pair for row in kept for pair in row.fields))


def show(page: PageRequest) -> Response:
    """Render the rules, and the list with the items that they moved and their cost."""
    values: dict[str, Any] = {
        "sliders": SLIDERS, "half_life": HALF_LIFE, "written": (), "result": None, "body": "",
        "dated": bool(np.isfinite(page.engine.snapshot.arrived).any()),
        "values": column_values(page), "actions": ACTIONS, **form_values(page),
    }  # fmt: skip
    try:
        sliders = [replace(s, value=page.form.number(s.name, 0.0, 0.0, 1.0)) for s in SLIDERS]
        half_life = page.form.number("half_life_days", HALF_LIFE, 1.0, 3650.0)
        written = rule_rows(page.form)
        values |= {"sliders": sliders, "half_life": half_life, "written": written}
        if values["ready"]:
            rules = build_rules(sliders, half_life, written)
            chosen: UserFields = values["chosen"]
            values |= {"result": compare(page, chosen, rules), "body": request_json(chosen, rules)}
    except SidelightError as error:
        values["notice"] = str(error)
    return page.render("rules.html", values)


def build_rules(sliders: Sequence[Slider], half_life: float, written: Iterable[RuleRow]) -> Rules:
    """Build the rules of the engine; lines that are not complete yet are left out.

    Raises:
        SpecError: Too many lines, or a value that is too long.
    """
    given: dict[str, Any] = {s.name: s.value for s in sliders if s.value}
    if given.get("freshness"):
        given["half_life_days"] = half_life
    for row in written:
        if row.complete:
            strength = {} if row.action == "block" else {"strength": row.strength}
            given.setdefault(row.action, []).append({"column": row.column, "value": row.value, **strength})
    return Rules.from_dict(given)


def compare(page: PageRequest, chosen: UserFields, rules: Rules) -> dict[str, Any]:
    """Return the list under the rules beside the one without them."""
    requests = [recommend_request(chosen), recommend_request(chosen, rules=rules)]
    before, now = page.engine.recommend_many(requests)
    shown, left = moved(now, before)
    return {"rows": shown, "left": left, "movement": movement(shown, left), "cost": rule_costs(now)}


def rule_costs(answer: RecommendResponse) -> dict[str, Any]:
    """Return the cost of the rules together and of each kind alone, highest first."""
    cost = answer.cost
    if cost is None:
        line, short = template_filters.cost(0.0), template_filters.saving(0.0)
        return {"line": line, "short": short, "each": [], "fresh": ""}
    top = max(cost.by_rule.values(), default=0.0)
    each = [
        {
            "name": RULES.get(name, name),
            "share": template_filters.percent(value),
            "bar": round(100 * value / top) if top > 0 else 0,
        }
        for name, value in sorted(cost.by_rule.items(), key=lambda pair: -pair[1])
    ]
    before, after = cost.slots_new_before, cost.slots_new_after
    places = f"{template_filters.plural(after, 'place')} for new items"
    return {
        "line": template_filters.cost(cost.total),
        "short": template_filters.saving(cost.total),
        "each": each,
        "fresh": f"{places}, as without rules." if before == after else f"{places}, {before} without rules.",
    }


def request_json(chosen: UserFields, rules: Rules) -> str:
    """Return the body of the same request to the API."""
    given: dict[str, Any] = {"history": chosen.history} if chosen.by_history else {"user": chosen.user}
    return json.dumps(given | {"k": chosen.k, "rules": rules.to_dict()}, indent=1, ensure_ascii=False)


def column_values(page: PageRequest) -> dict[str, list[str]]:
    """Return the most frequent values per column that a rule can name."""
    return page.explorer.cached("values", lambda: _count_values(page.engine.snapshot.model.items))


def _count_values(items: Items) -> dict[str, list[str]]:
    found = {}
    for column in items.columns:
        if column.role not in CHOOSABLE or column.name not in items.rows.columns:
            continue
        count: Counter[str] = Counter()
        for value in items.rows[column.name].drop_nulls().to_list():
            many = value if isinstance(value, list) else [value]
            count.update(template_filters.plain(each) for each in many if each is not None)
        found[column.name] = [value for value, _ in count.most_common(OFFERED)]
    return found
