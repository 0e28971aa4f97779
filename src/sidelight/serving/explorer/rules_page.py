"""Business rules: sliders, lines of boosting, burying and blocking, and what they do to one list."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sidelight.errors import SidelightError
from sidelight.serving.explorer import person_form, template_filters
from sidelight.serving.explorer.forms import ACTIONS, Form, RuleRow, UserFields, rule_rows
from sidelight.serving.explorer.lists_page import ask, asked
from sidelight.serving.explorer.page_types import PageRequest, PageResponse
from sidelight.serving.explorer.view_models import moved, movement

if TYPE_CHECKING:
    from sidelight.models.items import Items
    from sidelight.serving.explorer.explorer_app import ExplorerApp
    from sidelight.serving.rerank.rules import Rules
    from sidelight.serving.responses import RecommendResponse

CHOOSABLE = ("category", "tags", "number")  # roles of columns that a rule can name
RULES = {
    "boost": "boosting",
    "bury": "burying",
    "block": "blocking",
    "pin": "pinning",
    "floor": "the floor for new items",
}
OFFERED = 100  # values of a column to choose from; others can be typed
HALF_LIFE = 30.0  # days


@dataclass(frozen=True)
class Slider:
    """One soft rule.

    Args:
        name: Of the field.
        label, meaning: In words.
        low, high: What its ends are called.
        value: From 0 to 1.
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


def normalise_form(desk: ExplorerApp, visit: PageRequest) -> Form:
    """The form with its buttons done: rules added and dropped, the person settled."""
    form = visit.form
    kept = rule_rows(form)
    if form.one("do") == "rule":
        kept = (*kept, RuleRow(column=next(iter(values_of(desk)), "")))
    plain = person_form.normalise_form(desk.engine, visit, desk.most_history)
    plain = plain.without("action", "column", "value", "strength", "drop")
    pairs = (
        pair
        for row in kept
        for pair in (
            ("action", row.action),
            ("column", row.column),
            ("value", row.value),
            ("strength", f"{row.strength:g}"),
        )
    )
    return plain.plus(*pairs)


def show(desk: ExplorerApp, visit: PageRequest) -> PageResponse:
    """The rules, and the list with what they moved and what they cost."""
    values: dict[str, Any] = {"sliders": SLIDERS, "half_life": HALF_LIFE, "written": (), "result": None}
    values |= {"dated": bool(np.isfinite(desk.engine.snapshot.arrived).any())}
    values |= {"values": values_of(desk), "actions": ACTIONS, "request": ""}
    values |= asked(desk, visit.form)
    try:
        sliders, half_life, written = read(visit.form)
        values |= {"sliders": sliders, "half_life": half_life, "written": written}
        who: UserFields = values["person"]
        if values["notice"] is None and who.asked and not values["find"]:
            rules = rules_of(sliders, half_life, written)
            values |= {"result": result(desk, who, rules), "request": request(who, rules)}
    except SidelightError as error:
        values["notice"] = str(error)
    return PageResponse("rules.html", values)


def read(form: Form) -> tuple[tuple[Slider, ...], float, tuple[RuleRow, ...]]:
    """The sliders where they stand, the half-life in days, and the lines.

    Raises:
        SpecError: A number lies outside its bounds, or a line is none.
    """
    sliders = tuple(
        Slider(s.name, s.label, s.meaning, s.low, s.high, form.number(s.name, 0.0, 0.0, 1.0)) for s in SLIDERS
    )
    return sliders, form.number("half_life_days", HALF_LIFE, 1.0, 3650.0), rule_rows(form)


def rules_of(sliders: Sequence[Slider], half_life: float, written: Iterable[RuleRow]) -> Rules:
    """The rules as the engine takes them; lines that are not complete yet are left out.

    Raises:
        SpecError: Too many lines, or a value that is too long.
    """
    from sidelight.serving.rerank.rules import Rules

    given: dict[str, Any] = {s.name: s.value for s in sliders if s.value}
    if given.get("freshness"):
        given["half_life_days"] = half_life
    for row in written:
        if row.complete:
            where: dict[str, Any] = {"column": row.column, "value": row.value}
            given.setdefault(row.action, []).append(
                where if row.action == "block" else where | {"strength": row.strength}
            )
    return Rules.from_dict(given)


def result(desk: ExplorerApp, who: UserFields, rules: Rules) -> dict[str, Any]:
    """The list under the rules beside the one without them."""
    before, now = desk.engine.recommend_many([ask(who), ask(who, rules=rules)])
    shown, left = moved(now, before)
    return {
        "rows": shown,
        "left": left,
        "movement": movement(shown, left),
        "cost": costs(now),
        "version": now.version,
    }


def costs(answer: RecommendResponse) -> dict[str, Any]:
    """What the rules cost, together and each alone, dearest first; bars against the dearest."""
    found = answer.cost
    if found is None:
        return {
            "line": template_filters.cost(0.0),
            "short": template_filters.saving(0.0),
            "each": [],
            "fresh": "",
        }
    top = max((value for value in found.by_rule.values()), default=0.0)
    each = [
        {
            "name": RULES.get(name, name),
            "share": template_filters.percent(value),
            "bar": round(100 * value / top) if top > 0 else 0,
        }
        for name, value in sorted(found.by_rule.items(), key=lambda pair: -pair[1])
    ]
    before, after = found.slots_new_before, found.slots_new_after
    fresh = f"{template_filters.plural(after, 'place')} for new items"
    return {
        "line": template_filters.cost(found.total),
        "short": template_filters.saving(found.total),
        "each": each,
        "fresh": f"{fresh}, as without rules." if before == after else f"{fresh}, {before} without rules.",
    }


def request(who: UserFields, rules: Rules) -> str:
    """The same as the body of a request to the API, to take along."""
    given: dict[str, Any] = {"history": list(who.history)} if who.by_history else {"user": who.user}
    return json.dumps(given | {"k": who.k, "rules": rules.to_dict()}, indent=1, ensure_ascii=False)


def values_of(desk: ExplorerApp) -> dict[str, list[str]]:
    """For each column that a rule can name its most frequent values."""
    return desk.kept("values", lambda: _values(desk.engine.snapshot.model.items))


def _values(known: Items) -> dict[str, list[str]]:
    found = {}
    for column in known.columns:
        if column.role not in CHOOSABLE or column.name not in known.rows.columns:
            continue
        count: Counter[str] = Counter()
        for value in known.rows[column.name].drop_nulls().to_list():
            many = value if isinstance(value, list) else [value]
            count.update(template_filters.plain(each) for each in many if each is not None)
        found[column.name] = [value for value, _ in count.most_common(OFFERED)]
    return found
