"""Forms: what is read of a body, what is refused, and what the fields mean."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidelight.errors import SpecError
from sidelight.serving.explorer.forms import (
    ENCODED,
    MOST_FIELDS,
    Form,
    UserFields,
    number,
    rule_rows,
    user_fields,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
pairs = st.lists(st.tuples(st.text(min_size=1, max_size=5, alphabet="abcwho"), texts), max_size=12)


@given(pairs)
def test_what_a_browser_sends_is_read_as_it_was(fields: list[tuple[str, str]]) -> None:
    assert Form.read(urlencode(fields).encode(), f"{ENCODED}; charset=UTF-8").fields == tuple(fields)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"a=1", "application/json"),
        (b"a=1", ""),
        (b"a=1", "multipart/form-data; boundary=x"),
        (b"a=%ff", ENCODED),
        (b"\xff=1", ENCODED),
        ("&".join(["a=1"] * (MOST_FIELDS + 1)).encode(), ENCODED),
    ],
)
def test_what_is_no_form_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(SpecError, match="expected a form"):
        Form.read(body, kind)


@given(st.text(alphabet="%=&+;ab\xff", max_size=30))
def test_any_address_is_read(query: str) -> None:
    Form.of_query(query)


@given(st.lists(texts.filter(bool), max_size=8), st.booleans(), texts, st.sampled_from([10, 20]))
def test_a_person_survives_a_form(history: list[str], by_history: bool, user: str, k: int) -> None:
    wanted = UserFields(user.strip(), tuple(dict.fromkeys(history)) if by_history else (), by_history, k)
    found = user_fields(Form(wanted.fields), most=10)
    assert (found.by_history, found.k) == (by_history, k)
    assert (found.history if by_history else found.user) == (wanted.history if by_history else wanted.user)
    assert found.given is (by_history or bool(user.strip()))


def test_a_history_keeps_its_order_and_loses_what_is_removed() -> None:
    fields = [("who", "history"), *[("history", i) for i in ("c", "a", "", "b", "a")], ("remove", "b")]
    assert user_fields(Form(tuple(fields)), 3).history == ("c", "a")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ([("k", "15")], "a list of 10 or 20"),
        ([("k", "1e9")], "from 1 to 20"),
        ([("k", "nan")], "from 1 to 20"),
        ([("history", str(n)) for n in range(5)], "at most 4 items; found 5"),
    ],
)
def test_a_person_that_cannot_be_asked_for_is_refused(fields: list[tuple[str, str]], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        user_fields(Form(tuple(fields)), most=4)


def rule(action: str = "boost", column: str = "shelf", value: str = "sea", strength: str = "1.5") -> Form:
    names = ("action", "column", "value", "strength")
    return Form(tuple(zip(names, (action, column, value, strength), strict=True)))


def test_rules_are_read_line_by_line_and_dropped_by_number() -> None:
    three = Form(rule().fields + rule("block", value="").fields + rule("bury", strength="0,5").fields)
    found = rule_rows(three)
    assert [(r.action, r.strength, r.complete) for r in found] == [
        ("boost", 1.5, True), ("block", 1.5, False), ("bury", 0.5, True),
    ]  # fmt: skip
    assert [r.action for r in rule_rows(three.plus(("drop", "1")))] == ["boost", "bury"]
    assert len(rule_rows(three.plus(("drop", "9"), ("drop", "x")))) == 3


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (rule(strength="9"), "from 0 to 5; found '9'"),
        (rule(strength="much"), "found 'much'"),
        (rule("delete"), "one of boost, bury, block"),
        (Form(rule().fields[:3]), "four fields a rule"),
    ],
)
def test_rules_that_make_no_sense_are_refused(form: Form, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        rule_rows(form)


@given(st.floats(0, 1))
def test_numbers_within_bounds_are_taken(value: float) -> None:
    assert number(repr(value), "x", 0, 1) == value
    assert number(repr(value).replace(".", ","), "x", 0, 1) == value
