"""What a form sent: read within a limit, checked, and turned into what the engine is asked."""

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
        fields: As sent; a name may occur more than once.
    """

    fields: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, body: bytes, content_type: str) -> Form:
        """The fields of a request body.

        Raises:
            SpecError: It is not what a browser sends for a form, or there are too many fields.
        """
        if content_type.partition(";")[0].strip().lower() != ENCODED:
            raise SpecError(complain(f"a form as {ENCODED}", repr(content_type[:80])))
        try:
            pairs = parse_qsl(
                body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
            )
        except ValueError as error:
            raise SpecError(
                complain(f"a form in UTF-8 of at most {MOST_FIELDS} fields", type(error).__name__)
            ) from error
        return cls(tuple(pairs))

    @classmethod
    def of_query(cls, query: str) -> Form:
        """The fields of an address; what cannot be read is left out, as it came from no form of ours."""
        return cls(tuple(parse_qsl(query, keep_blank_values=True, errors="replace")))

    def __bool__(self) -> bool:
        return bool(self.fields)

    def one(self, name: str, default: str = "") -> str:
        """The first value of a name, without the spaces around it."""
        return next((value.strip() for given, value in self.fields if given == name), default)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a name, in order, unchanged."""
        return tuple(value for given, value in self.fields if given == name)

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """A number within its bounds.

        Raises:
            SpecError: It is none, or lies outside.
        """
        given = self.one(name)
        return number(given, name, low, high) if given else default

    def without(self, *names: str) -> Form:
        """The same without some names."""
        return Form(tuple(pair for pair in self.fields if pair[0] not in names))

    def plus(self, *pairs: tuple[str, str]) -> Form:
        """The same with more at the end."""
        return Form((*self.fields, *pairs))


def number(given: str, name: str, low: float, high: float) -> float:
    """A number that somebody wrote; a comma may stand for the point.

    Raises:
        SpecError: It is none, or lies outside.
    """
    try:
        found = float(given.replace(",", "."))
    except ValueError:
        found = math.nan
    if not low <= found <= high:
        raise SpecError(complain(f"a number from {low:g} to {high:g}", repr(given[:40]), name))
    return found


@dataclass(frozen=True)
class UserFields:
    """Whom a list is for, as a form says it.

    Args:
        user: An id from outside, "" where a history is given instead.
        history: Ids of items, in the order they were chosen.
        by_history: Whether the history counts, not the id.
        k: Length of the list.
    """

    user: str = ""
    history: tuple[str, ...] = ()
    by_history: bool = False
    k: int = LENGTHS[0]

    @property
    def asked(self) -> bool:
        """Whether there is anybody to make a list for; an empty history is somebody new."""
        return self.by_history or bool(self.user)

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """The fields that say the same in another form."""
        who = (("who", "history"), *(("history", item) for item in self.history))
        return (who if self.by_history else (("who", "user"), ("user", self.user))) + (("k", str(self.k)),)


def user_fields(form: Form, most: int) -> UserFields:
    """Whom a form asks about.

    Args:
        form: With the fields `who`, `user`, `history` (any number), `remove` and `k`.
        most: How long a history may be.

    Raises:
        SpecError: The history is too long, or the length of the list is none of those on offer.
    """
    k = int(form.number("k", LENGTHS[0], 1, max(LENGTHS)))
    if k not in LENGTHS:
        raise SpecError(complain(f"a list of {LENGTHS[0]} or {LENGTHS[1]}", str(k)))
    gone = set(form.all("remove"))
    history = unique(each for each in form.all("history") if each and each not in gone)
    if len(history) > most:
        raise SpecError(complain(f"a history of at most {most} items", str(len(history))))
    by_history = form.one("who") == "history"
    return UserFields(form.one("user"), history, by_history, k)


def unique(ids: Iterable[str]) -> tuple[str, ...]:
    """Each once, in the order in which they came first."""
    return tuple(dict.fromkeys(ids))


@dataclass(frozen=True)
class RuleRow:
    """One line of the rules: what is done to the items with a value in a column.

    Args:
        action: "boost", "bury" or "block".
        column, value: Which items.
        strength: In standard deviations of the pool's scores; a block has none.
    """

    action: str = ACTIONS[0]
    column: str = ""
    value: str = ""
    strength: float = 1.0

    @property
    def complete(self) -> bool:
        """Whether it says enough to be used; a line that is being written is not used yet."""
        return bool(self.column and self.value)


def rule_rows(form: Form) -> tuple[RuleRow, ...]:
    """The lines of the rules, in their order.

    Raises:
        SpecError: The columns of the lines do not fit together, or an action is unknown.
    """
    parts = [form.all(name) for name in ("action", "column", "value", "strength")]
    if len({len(part) for part in parts}) > 1:
        raise SpecError(complain("four fields a rule", ", ".join(str(len(part)) for part in parts)))
    gone = {int(each) for each in form.all("drop") if each.isascii() and each.isdigit()}
    rows = []
    for at, (action, column, value, strength) in enumerate(zip(*parts, strict=True)):
        if action not in ACTIONS:
            raise SpecError(complain(f"one of {', '.join(ACTIONS)}", repr(action[:40]), "a rule"))
        if at not in gone:
            rows.append(RuleRow(action, column, value.strip(), number(strength, "strength", 0.0, 5.0)))
    return tuple(rows)
