"""Business rules over one list: boost, bury, block, pin, diversity, freshness, and a floor for new items.

`Rules` says what is wanted, `apply` makes the list from a `Pool` of scored candidates, and every list comes
with what the rules cost, see `RuleCost`. Numpy only; nothing here knows a model, a user or a database.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from sidelight.errors import SpecError, complain, did_you_mean
from sidelight.option_types import checked
from sidelight.serving.recommend.responses import RuleCost
from sidelight.serving.rerank.candidates import CandidatePool, RuleResult, number, text
from sidelight.serving.rerank.steps import RuleContext, cost

__all__ = [
    "KINDS",
    "CandidatePool",
    "ItemCondition",
    "Pin",
    "RuleCost",
    "RuleResult",
    "Rules",
    "apply_rules",
]

KINDS = ("boost", "bury", "block", "pin", "diversity", "freshness", "floor")
CONDITIONS, IDS, LONGEST, PLACES, STRONGEST = 50, 1000, 500, 200, 10.0

T = TypeVar("T")


@dataclass(frozen=True)
@checked
class ItemCondition:
    """Which items a rule is about: those with one value in one column, or a list of ids.

    Args:
        column: Item column; a column of lists (tags) matches when the list holds the value.
        value: Text, or a number for a column of numbers; required with `column`.
        items: Outside item ids, at most 1,000, instead of `column`.
        strength: How far scores move, 0..10, in standard deviations of the pool's scores; without meaning
            (and not allowed) in `block`.

    Raises:
        SpecError: Neither or both of column and items, a wrong type, or a number out of range.
    """

    column: str | None = None
    value: str | float | None = None
    items: tuple[str, ...] = ()
    strength: float = 1.0

    def __post_init__(self) -> None:
        number(self.strength, 0.0, STRONGEST, "strength")
        if not isinstance(self.items, tuple) or len(self.items) > IDS:
            found = f"{len(self.items):,} of them" if isinstance(self.items, tuple) else repr(self.items)[:80]
            raise SpecError(complain(f"a tuple of at most {IDS:,} item ids", found, "items"))
        for item in self.items:
            text(item, LONGEST, "items")
        if (self.column is None) == (not self.items):
            found = "both" if self.items else "neither"
            raise SpecError(complain("a column with a value, or items", found, "a condition"))
        if self.column is None:
            if self.value is not None:
                raise SpecError(complain("no value beside items", repr(self.value)[:80], "value"))
        else:
            text(self.column, LONGEST, "column")
            if isinstance(self.value, str):
                text(self.value, LONGEST, "value")
            else:
                number(self.value, -np.inf, np.inf, "value", "a text or a finite number")


@dataclass(frozen=True)
@checked
class Pin:
    """One item at one place of the list, from 1 to 200, whatever its score.

    In a list with fewer items than that it stands last; a place beyond the k asked for is on no list.

    Raises:
        SpecError: No id, or a place out of range.
    """

    item: str
    place: int

    def __post_init__(self) -> None:
        text(self.item, LONGEST, "item")
        if isinstance(self.place, bool) or not isinstance(self.place, int):
            raise SpecError(complain("a whole number", repr(self.place)[:80], "place"))
        number(self.place, 1, PLACES, "place")


@dataclass(frozen=True)
@checked
class Rules:
    """What a shop wants of a list beside relevance. Without options it changes nothing.

    Soft rules move scores, in standard deviations of the pool's scores; hard ones do not ask for scores.

    Args:
        boost: Soft: items that match rise by `strength`; the strengths of several conditions add up.
        bury: Soft: items that match fall by `strength`.
        block: Hard: items that match are never shown. A block beats a pin.
        pin: Hard: items at given places.
        diversity: 0..1, weight of being unlike what stands above, by maximal marginal relevance.
        freshness: 0..1, weight of a young age: adds freshness * (2^(1 - age / half_life_days) - 1) standard
            deviations, so that an item of one half-life, like an item without an age, stays where it is.
        half_life_days: Age at which freshness is neutral, in days, 0.01..36,500.
        floor: 0..1, least share of the list's slots for new items, rounded up.

    Raises:
        SpecError: A wrong type, a number out of range, more than 50 conditions, two pins for one place or
            one item.
    """

    boost: tuple[ItemCondition, ...] = ()
    bury: tuple[ItemCondition, ...] = ()
    block: tuple[ItemCondition, ...] = ()
    pin: tuple[Pin, ...] = ()
    diversity: float = 0.0
    freshness: float = 0.0
    half_life_days: float = 30.0
    floor: float = 0.0

    def __post_init__(self) -> None:
        for name in ("diversity", "freshness", "floor"):
            number(getattr(self, name), 0.0, 1.0, name)
        number(self.half_life_days, 0.01, 36_500.0, "half_life_days")
        for name, kind in (
            ("boost", ItemCondition),
            ("bury", ItemCondition),
            ("block", ItemCondition),
            ("pin", Pin),
        ):
            given = getattr(self, name)
            if not isinstance(given, tuple) or not all(isinstance(each, kind) for each in given):
                raise SpecError(complain(f"a tuple of {kind.__name__}", repr(given)[:80], name))
        total = len(self.boost) + len(self.bury) + len(self.block) + len(self.pin)
        if total > CONDITIONS:
            raise SpecError(complain(f"at most {CONDITIONS} conditions and pins", f"{total}", "rules"))
        if any(where.strength != 1.0 for where in self.block):
            fix = "leave it out, or bury the items"
            raise SpecError(complain("no strength: a block is hard", "a strength", "block", fix))
        for what, said in (("place", [p.place for p in self.pin]), ("item", [p.item for p in self.pin])):
            twice = [each for n, each in enumerate(said) if each in said[:n]]
            if twice:
                raise SpecError(complain(f"each {what} pinned once", f"{twice[0]!r} twice", "pin"))

    @property
    def active(self) -> tuple[str, ...]:
        """The kinds of rules that are set, in the order of `KINDS`; a weight of 0 is not set."""
        return tuple(kind for kind in KINDS if getattr(self, kind))

    @property
    def pinned(self) -> tuple[str, ...]:
        """Outside ids of the pinned items: the pool needs them, however low they score."""
        return tuple(pin.item for pin in self.pin)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Rules:
        """The rules that `to_dict` described; lists as in JSON, anything left out at its default.

        Raises:
            SpecError: An unknown key (the nearest valid one is named), a wrong type, a number out of range.
        """
        return _read(
            cls,
            given,
            "rules",
            {"boost": ItemCondition, "bury": ItemCondition, "block": ItemCondition, "pin": Pin},
        )

    def to_dict(self) -> dict[str, Any]:
        """The rules as JSON-able dicts, lists, texts and numbers, without what is at its default."""
        return _written(self)


def _read(cls: Callable[..., T], given: object, where: str, nested: Mapping[str, Callable[..., Any]]) -> T:
    """One dataclass from one JSON object; `where` goes in front of every complaint."""
    if not isinstance(given, Mapping):
        raise SpecError(complain("an object with keys", repr(given)[:80], where))
    valid = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    options: dict[str, Any] = {}
    for key, value in given.items():
        if key not in valid:
            raise SpecError(f"unknown key {str(key)[:80]!r} in {where}; {did_you_mean(str(key)[:80], valid)}")
        options[key] = value
        if key in nested or key == "items":
            if not isinstance(value, (list, tuple)):
                raise SpecError(complain("a list", repr(value)[:80], f"{where}, {key}"))
            if key in nested and len(value) > CONDITIONS:
                most = f"at most {CONDITIONS} conditions and pins"
                raise SpecError(complain(most, f"{len(value)}", f"{where}, {key}"))
            options[key] = tuple(value)
        if key in nested:
            options[key] = tuple(_read(nested[key], each, f"{key}[{n}]", {}) for n, each in enumerate(value))
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
            out[field.name] = (
                [each if isinstance(each, str) else _written(each) for each in value]
                if isinstance(value, tuple)
                else value
            )
    return out


def apply_rules(rules: Rules, pool: CandidatePool, k: int) -> RuleResult:
    """The list that the rules make of a pool, and what they cost.

    Equal scores stand in the order of the pool, so equal inputs give equal lists. Adding a constant to all
    scores changes nothing.

    Args:
        rules: What is wanted.
        pool: The best candidates (some hundreds), the pinned items and, for `floor`, the best k new items.
        k: Length of the list, >= 1; it is shorter when fewer items may be shown.

    Raises:
        SpecError: k < 1, an unknown column, or a value that its column cannot be compared with.
        DataError: Scores or similarities that are not finite.
    """
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise SpecError(complain("a whole number k >= 1", repr(k)[:80], "rules"))
    scene = RuleContext.of(rules, pool, int(k))
    active = rules.active
    plain, ruled = scene.arrange(()), scene.arrange(active)
    lists = {kind: ruled if active == (kind,) else scene.arrange((kind,)) for kind in active}
    spent = RuleCost(
        total=cost(scene, plain, ruled),
        by_rule={kind: cost(scene, plain, alone) for kind, alone in lists.items()},
        slots_new_before=int(pool.new[plain].sum()),
        slots_new_after=int(pool.new[ruled].sum()),
    )
    rank = np.empty(len(scene.base), dtype=np.int64)
    rank[scene.base] = np.arange(len(rank))
    candidates = scene.ranked(scene.value(active), active)
    shown = {str(pool.ids[at]) for at, _ in scene.pins if at in ruled}
    return RuleResult(
        order=ruled,
        moved=rank[ruled] - np.arange(len(ruled)),
        cost=spent,
        pinned=np.isin(ruled, [at for at, _ in scene.pins]),
        fresh=candidates[pool.new[candidates]],
        unplaced=tuple(item for item in rules.pinned if item not in shown),
        floor_missing=max(scene.owed(len(ruled)) - spent.slots_new_after, 0),
    )
