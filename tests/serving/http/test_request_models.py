"""Bodies of requests: strict, with the limits of the rules, and exactly one target."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from sidelight.serving.http.request_models import AudienceBody, PutItemsBody, RecommendBody, RulesBody
from sidelight.serving.rerank.rules import CONDITIONS, Rules


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (RecommendBody, {}),
        (RecommendBody, {"user": "u", "history": []}),
        (RecommendBody, {"user": "u", "k": "3"}),
        (RecommendBody, {"user": "u", "usr": "v"}),
        (AudienceBody, {}),
        (AudienceBody, {"item": "i", "row": {}}),
        (PutItemsBody, {"items": [{"title": "no id"}]}),
        (PutItemsBody, {"items": []}),
        (RulesBody, {"half_life_days": 0.001}),
        (RulesBody, {"pin": [{"item": "i", "place": 201}]}),
        (RulesBody, {"boost": [{"column": "a", "value": "b", "strength": 10.5}]}),
        (RulesBody, {"block": [{"items": ["i"]}] * (CONDITIONS + 1)}),
    ],
)
def test_what_does_not_fit_is_refused(model: type[BaseModel], body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(body)


def test_rules_at_their_limits_are_accepted_by_the_engine_too() -> None:
    body = {
        "boost": [{"column": "brand", "value": "Fernhill", "strength": 10}],
        "pin": [{"item": "i07", "place": 200}],
        "half_life_days": 0.01,
        "floor": 1,
    }
    sent = RulesBody.model_validate(body)
    rules = Rules.from_dict(sent.model_dump(exclude_unset=True))
    assert (rules.boost[0].strength, rules.pin[0].place, rules.half_life_days) == (10, 200, 0.01)


def test_defaults_of_rules_are_those_of_the_engine() -> None:
    assert Rules.from_dict(RulesBody().model_dump()) == Rules()
