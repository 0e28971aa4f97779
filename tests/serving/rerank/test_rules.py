"""Rules as options and as JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving.rerank.cases import rule_sets

from sidelight.errors import SpecError
from sidelight.serving.rerank.rules import KINDS, ItemCondition, Rules


@given(rule_sets)
def test_rules_survive_json(rules: Rules) -> None:
    text = json.dumps(rules.to_dict(), allow_nan=False)
    assert Rules.from_dict(json.loads(text)) == rules


def test_rules_without_options_are_empty_json() -> None:
    assert Rules().to_dict() == {} and Rules.from_dict({}) == Rules() and Rules().active == ()


RED = {"column": "colour", "value": "red"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"bosst": []}, "did you mean 'boost'"),
        ({"half_life": 3}, "did you mean 'half_life_days'"),
        ({"boost": [{**RED, "strenght": 2}]}, r"boost\[0\]; did you mean 'strength'"),
        ({"boost": [RED, {"colum": "a", "value": "b"}]}, r"boost\[1\]; did you mean 'column'"),
        ({"pin": [{"item": "a", "plase": 1}]}, r"pin\[0\]; did you mean 'place'"),
        ({"pin": [{"item": "a"}]}, "no place"),
        ({"pin": [{"item": "a", "place": 0}]}, r"pin\[0\]: .*in \[1, 200\]"),
        ({"pin": [{"item": "a", "place": 201}]}, r"in \[1, 200\]"),
        ({"pin": [{"item": "a", "place": 1.0}]}, "type int"),
        ({"pin": [{"item": "a", "place": True}]}, "type int"),
        ({"pin": [{"item": 7, "place": 1}]}, "type str"),
        ({"pin": [{"item": "a", "place": 1}, {"item": "a", "place": 2}]}, "each item pinned once"),
        ({"pin": [{"item": "a", "place": 1}, {"item": "b", "place": 1}]}, "each place pinned once"),
        ({"boost": RED}, "a list"),
        ({"boost": ["red"]}, "an object with keys"),
        ({"boost": [{**RED, "strength": -0.1}]}, r"boost\[0\]: .*in \[0, 10\]"),
        ({"boost": [{**RED, "strength": 10.1}]}, r"in \[0, 10\]"),
        ({"boost": [{**RED, "strength": math.nan}]}, "type float"),
        ({"boost": [{**RED, "strength": "2"}]}, "type float"),
        ({"boost": [{**RED, "strength": 10**400}]}, "type float"),
        ({"block": [{**RED, "strength": 2.0}]}, "a block is hard"),
        ({"block": [{"column": "colour"}]}, r"block\[0\]: .*text or a finite number"),
        ({"block": [{"column": "colour", "value": math.inf}]}, "str or float"),
        ({"block": [{"column": "colour", "value": True}]}, "str or float"),
        ({"block": [{"column": "colour", "value": ["red"]}]}, "str or float"),
        ({"block": [{"column": "colour", "value": "\ud800"}]}, "text of 1 to 500"),
        ({"block": [{"column": "", "value": "red"}]}, "text of 1 to 500"),
        ({"block": [{"column": "c" * 501, "value": "red"}]}, "text of 1 to 500"),
        ({"block": [{"items": "abc"}]}, "a list"),
        ({"block": [{"items": []}]}, "neither"),
        ({"block": [{}]}, "neither"),
        ({"block": [{"items": ["a"], **RED}]}, "both"),
        ({"block": [{"items": ["a"], "value": "red"}]}, "no value beside items"),
        ({"block": [{"items": [1]}]}, "type str"),
        ({"block": [{"items": ["a"] * 1001}]}, "at most 1,000"),
        ({"diversity": 1.01}, r"in \[0, 1\] .*diversity"),
        ({"diversity": True}, "diversity"),
        ({"freshness": None}, "freshness"),
        ({"freshness": math.nan}, "freshness"),
        ({"floor": -1}, "floor"),
        ({"floor": [0.5]}, "floor"),
        ({"half_life_days": 0}, "half_life_days"),
        ({"half_life_days": math.inf}, "half_life_days"),
        ({"boost": [RED] * 51}, "at most 50"),
        ({"boost": [RED] * 25, "bury": [RED] * 26}, "at most 50"),
        ([], "an object with keys"),
        (None, "an object with keys"),
        ({7: 1}, "unknown key '7'"),
    ],
)
def test_a_wrong_rule_is_refused_in_one_line(given: Any, words: str) -> None:
    with pytest.raises(SpecError, match=words) as error:
        Rules.from_dict(given)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=5)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from([*KINDS, "half_life_days", "column", "value", "items", "item", "place", "?"]),
                inner,
                max_size=3,
            ),
        ),
        max_leaves=12,
    )
)
def test_any_json_gives_rules_or_a_complaint(found: Any) -> None:
    try:
        rules = Rules.from_dict(found)
    except SpecError:
        return
    assert Rules.from_dict(rules.to_dict()) == rules


@pytest.mark.parametrize("field", ["boost", "bury", "block", "pin"])
def test_rules_made_by_hand_are_checked_too(field: str) -> None:
    with pytest.raises(SpecError, match=field):
        Rules(**{field: [ItemCondition("colour", "red"), "red"]})  # type: ignore[arg-type]
    assert ItemCondition(items=["a"]) == ItemCondition(items=("a",))  # type: ignore[arg-type]
