"""Forms as sent by a browser: bounded reading, and the fields of users and rules."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from sidelight.errors import SpecError, complain

ENCODED = "application/x-www-form-urlencoded"
MOST_BYTES, MOST_FIELDS = 256 * 1024, 2000
LENGTHS = (10, 20)  # of lists
ACTIONS = ("boost", "bury", "block")


@dataclass(frozen=True)
class Form:
    """Pairs of name and value in the order they were sent.

    Args:
        fields: Pairs as sent; a name may occur more than once.
    """

    fields: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, body: bytes, content_type: str) -> Form:
        """Read the fields of a request body.

        Raises:
            SpecError: It is not what a browser sends for a form, or there are too many fields.
        """
        if content_type.partition(";")[0].strip().lower() != ENCODED:
            raise SpecError(complain(f"a form as {ENCODED}", repr(content_type[:80])))
        try:
            text = body.decode("utf-8")
            pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
        except ValueError as error:
            expected = f"a form in UTF-8 of at most {MOST_FIELDS} fields"
            raise SpecError(complain(expected, type(error).__name__)) from error
        return cls(tuple(pairs))

    @classmethod
    def of_query(cls, query: str) -> Form:
        """Read the fields of an address; unreadable ones are left out, as no form of ours sent them."""
        return cls(tuple(parse_qsl(query, keep_blank_values=True, errors="replace")))

    def one(self, name: str, default: str = "") -> str:
        """Return the first value of a name, without the spaces around it."""
        return next((value.strip() for given, value in self.fields if given == name), default)

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a name, in order, unchanged."""
        return tuple(value for given, value in self.fields if given == name)

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """Return a number within its bounds.

        Raises:
            SpecError: The value is no number, or out of bounds.
        """
        given = self.one(name)
        return number(given, name, low, high) if given else default

    def without(self, *names: str) -> Form:
        """Return the form without some names."""
        return Form(tuple(pair for pair in self.fields if pair[0] not in names))

    def plus(self, *pairs: tuple[str, str]) -> Form:
        """Return the form with more fields at its end."""
        return Form((*self.fields, *pairs))


def number(given: str, name: str, low: float, high: float) -> float:
    """Read a number; a comma may stand for the point.

    Raises:
        SpecError: The text is no number, or the number is out of bounds.
    """
    try:
        value = float(given.replace(",", "."))
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise SpecError(complain(f"a number from {low:g} to {high:g}", repr(given[:40]), name))
    return value


@dataclass(frozen=True)
class UserFields:
    """User or history that a list is for, as fields of a form.

    Args:
        user: Outside id of a user, "" where a history is given instead.
        history: Ids of items, in the order they were chosen.
        by_history: Whether the history counts, not the id.
        k: Length of the list.
    """

    user: str = ""
    history: tuple[str, ...] = ()
    by_history: bool = False
    k: int = LENGTHS[0]

    @property
    def given(self) -> bool:
        """True if a list can be made; an empty history is a new user."""
        return self.by_history or bool(self.user)

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Fields that say the same in another form."""
        history = (("who", "history"), *(("history", item) for item in self.history))
        chosen = history if self.by_history else (("who", "user"), ("user", self.user))
        return (*chosen, ("k", str(self.k)))


def user_fields(form: Form, most: int) -> UserFields:
    """Read the user or history of a form.

    Args:
        form: Form with the fields `who`, `user`, `history` (any number), `remove` and `k`.
        most: Longest history.

    Raises:
        SpecError: The history is too long, or the length of the list is none of those on offer.
    """
    k = int(form.number("k", LENGTHS[0], 1, max(LENGTHS)))
    if k not in LENGTHS:
        raise SpecError(complain(f"a list of {LENGTHS[0]} or {LENGTHS[1]}", str(k)))
    removed = set(form.all("remove"))
    history = unique(each for each in form.all("history") if each and each not in removed)
    if len(history) > most:
        raise SpecError(complain(f"a history of at most {most} items", str(len(history))))
    return UserFields(form.one("user"), history, form.one("who") == "history", k)


def unique(ids: Iterable[str]) -> tuple[str, ...]:
    """Return each id once, in the order of their first occurrence."""
    return tuple(dict.fromkeys(ids))


@dataclass(frozen=True)
class RuleRow:
    """Line of the rules: an action on the items with a value in a column.

    Args:
        action: "boost", "bury" or "block".
        column: Name of an item column.
        value: Value that the column must have.
        strength: Strength in standard deviations of the pool's scores; a block has none.
    """

    action: str = ACTIONS[0]
    column: str = ""
    value: str = ""
    strength: float = 1.0

    @property
    def complete(self) -> bool:
        """True if the line can be used; one that is being written is not used yet."""
        return bool(self.column and self.value)

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Fields that say the same in another form."""
        strength = f"{self.strength:g}"
        pairs = {"action": self.action, "column": self.column, "value": self.value, "strength": strength}
        return tuple(pairs.items())


def rule_rows(form: Form) -> tuple[RuleRow, ...]:
    """Read the lines of the rules, in their order.

    Raises:
        SpecError: The fields of the lines do not fit together, or an action is unknown.
    """
    parts = [form.all(name) for name in ("action", "column", "value", "strength")]
    if len({len(part) for part in parts}) > 1:
        raise SpecError(complain("four fields a rule", ", ".join(str(len(part)) for part in parts)))
    dropped = {int(each) for each in form.all("drop") if each.isascii() and each.isdigit()}
    rows = []
    for at, (action, column, value, strength) in enumerate(zip(*parts, strict=True)):
        if action not in ACTIONS:
            raise SpecError(complain(f"one of {', '.join(ACTIONS)}", repr(action[:40]), "a rule"))
        if at not in dropped:
            rows.append(RuleRow(action, column, value.strip(), number(strength, "strength", 0.0, 5.0)))
    return tuple(rows)
