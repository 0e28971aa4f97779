"""Business rules over one list: boost, bury, block, pin, diversity, freshness, and a floor for new items.

`Rules` is the specification, `rerank.apply.apply_rules` re-ranks a pool of candidates by it. No numpy here:
the HTTP client builds rules too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from sidelight.errors import SpecError, complain, did_you_mean
from sidelight.option_types import Share, checked
from sidelight.option_values import Range

KINDS = ("boost", "bury", "block", "pin", "diversity", "freshness", "floor")
CONDITIONS, IDS, LONGEST = 50, 1000, 500

T = TypeVar("T")


@dataclass(frozen=True)
@checked
class ItemCondition:
    """Condition on items: one value in one column, or a list of ids.

    Args:
        column: Item column; a column of lists (tags) matches when the list holds the value.
        value: Text, or a number for a column of numbers; required with `column`.
        items: Outside item ids, at most 1,000, instead of `column`.
        strength: Shift of the scores, 0..10, in standard deviations of the pool's scores; without meaning
            (and not allowed) in `block`.

    Raises:
        SpecError: Neither or both of column and items, a wrong type, or a number out of range.
    """

    column: str | None = None
    value: str | float | None = None
    items: tuple[str, ...] = ()
    strength: Annotated[float, Range("[0, 10]")] = 1.0

    def __post_init__(self) -> None:
        if len(self.items) > IDS:
            found = f"{len(self.items):,} of them"
            raise SpecError(complain(f"a tuple of at most {IDS:,} item ids", found, "items"))
        for item in self.items:
            _check_text(item, "items")
        if (self.column is None) == (not self.items):
            found = "both" if self.items else "neither"
            raise SpecError(complain("a column with a value, or items", found, "a condition"))
        if self.column is None:
            if self.value is not None:
                raise SpecError(complain("no value beside items", repr(self.value)[:80], "value"))
            return
        _check_text(self.column, "column")
        if self.value is None:
            raise SpecError(complain("a text or a finite number", "None", "value"))
        if isinstance(self.value, str):
            _check_text(self.value, "value")


@dataclass(frozen=True)
@checked
class Pin:
    """Pinned item: one item at one place of the list, from 1 to 200, whatever its score.

    In a list with fewer items than that it is the last; a place beyond the requested k is on no list.

    Raises:
        SpecError: No id, or a place out of range.
    """

    item: str
    place: Annotated[int, Range("[1, 200]")]

    def __post_init__(self) -> None:
        _check_text(self.item, "item")


@dataclass(frozen=True)
@checked
class Rules:
    """Business rules of one list. Without options they change nothing.

    Soft rules move scores, in standard deviations of the pool's scores; hard ones ignore scores.

    Args:
        boost: Soft: matching items rise by `strength`; the strengths of several conditions add up.
        bury: Soft: matching items fall by `strength`.
        block: Hard: matching items are never shown. A block beats a pin.
        pin: Hard: items at given places.
        diversity: Weight of dissimilarity to the items above, 0..1, by maximal marginal relevance.
        freshness: Weight of a young age, 0..1: adds freshness * (2^(1 - age / half_life_days) - 1) standard
            deviations, so that an item of one half-life, like an item without an age, keeps its score.
        half_life_days: Age at which freshness is neutral, in days, 0.01..36,500.
        floor: Least share of new items in the list, 0..1, rounded up to whole items.

    Raises:
        SpecError: A wrong type, a number out of range, more than 50 conditions, two pins for one place or
            one item.

    Examples:
        >>> Rules(block=[ItemCondition("brand", "Fernhill")], floor=0.2).to_dict()
        {'block': [{'column': 'brand', 'value': 'Fernhill'}], 'floor': 0.2}
    """

    boost: tuple[ItemCondition, ...] = ()
    bury: tuple[ItemCondition, ...] = ()
    block: tuple[ItemCondition, ...] = ()
    pin: tuple[Pin, ...] = ()
    diversity: Share = 0.0
    freshness: Share = 0.0
    half_life_days: Annotated[float, Range("[0.01, 36500]")] = 30.0
    floor: Share = 0.0

    def __post_init__(self) -> None:
        total = len(self.boost) + len(self.bury) + len(self.block) + len(self.pin)
        if total > CONDITIONS:
            raise SpecError(complain(f"at most {CONDITIONS} conditions and pins", f"{total}", "rules"))
        if any(condition.strength != 1.0 for condition in self.block):
            fix = "leave it out, or bury the items"
            raise SpecError(complain("no strength: a block is hard", "a strength", "block", fix))
        for what in ("place", "item"):
            given = [getattr(pin, what) for pin in self.pin]
            twice = [each for n, each in enumerate(given) if each in given[:n]]
            if twice:
                raise SpecError(complain(f"each {what} pinned once", f"{twice[0]!r} twice", "pin"))

    @property
    def active(self) -> tuple[str, ...]:
        """Kinds of rules that are set, in the order of `KINDS`; a weight of 0 is not set."""
        return tuple(kind for kind in KINDS if getattr(self, kind))

    @property
    def pinned(self) -> tuple[str, ...]:
        """Outside ids of the pinned items: the pool needs them, however low they score."""
        return tuple(pin.item for pin in self.pin)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Rules:
        """Read the rules that `to_dict` wrote; lists as in JSON, anything left out at its default.

        Raises:
            SpecError: An unknown key (the nearest valid one is named), a wrong type, a number out of range.
        """
        nested = dict.fromkeys(("boost", "bury", "block"), ItemCondition) | {"pin": Pin}
        return read_options(cls, given, "rules", nested)

    def to_dict(self) -> dict[str, Any]:
        """Return the rules as JSON-able dicts, lists, texts and numbers, without options at their default."""
        return _written(self)


def read_options(
    cls: Callable[..., T],
    given: object,
    where: str,
    nested: Mapping[str, Callable[..., Any]] | None = None,
) -> T:
    """Read a dataclass of options from a JSON object.

    Args:
        cls: The dataclass.
        given: JSON object.
        where: Place of the object, in front of every error.
        nested: Dataclass of the elements, by name of an option that holds a list of objects.

    Raises:
        SpecError: An unknown key (the nearest valid one is named), a wrong type, a number out of range.
    """
    nested = nested or {}
    if not isinstance(given, Mapping):
        raise SpecError(complain("an object with keys", repr(given)[:80], where))
    valid = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    options: dict[str, Any] = {}
    for key, value in given.items():
        if key not in valid:
            raise SpecError(f"unknown key {str(key)[:80]!r} in {where}; {did_you_mean(str(key)[:80], valid)}")
        if (key in nested or key == "items") and not isinstance(value, (list, tuple)):
            raise SpecError(complain("a list", repr(value)[:80], f"{where}, {key}"))
        if key in nested:
            if len(value) > CONDITIONS:
                most = f"at most {CONDITIONS} conditions and pins"
                raise SpecError(complain(most, f"{len(value)}", f"{where}, {key}"))
            value = tuple(read_options(nested[key], each, f"{key}[{n}]") for n, each in enumerate(value))
        options[key] = value
    try:
        return cls(**options)
    except TypeError:
        missing = [f.name for f in dataclasses.fields(cls) if f.name not in options]  # type: ignore[arg-type]
        raise SpecError(complain(f"the keys {', '.join(valid)}", f"no {missing[0]}", where)) from None
    except SpecError as error:
        raise SpecError(f"{error}" if where == "rules" else f"{where}: {error}") from None


def _written(spec: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        if value != field.default:
            several = isinstance(value, tuple)
            out[field.name] = (
                [each if isinstance(each, str) else _written(each) for each in value] if several else value
            )
    return out


def _check_text(value: str, where: str) -> None:
    """Refuse a text that is empty, too long, or cannot be written as UTF-8."""
    if not 1 <= len(value) <= LONGEST or any("\ud800" <= c <= "\udfff" for c in value):
        raise SpecError(complain(f"a text of 1 to {LONGEST} characters", repr(value)[:80], where))
