"""Application of item changes to a model: new items placed, known ones revised, invalid ones set aside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sidelight.errors import SidelightError
from sidelight.models.item_updates import with_revised_items
from sidelight.models.scorer import spaces_of
from sidelight.serving.domain import ChangedItem
from sidelight.serving.items.item_schema import ItemSchema
from sidelight.serving.responses import SetAside

if TYPE_CHECKING:
    from sidelight.models.recommender import Recommender


@dataclass(frozen=True, eq=False)
class AppliedChanges:
    """Model after changes.

    Args:
        model: Model with the changes.
        new, changed: Inner indices of new items, and of those whose row was replaced.
        arrived: Arrival of each new item, seconds since 1970.
        set_aside: Changes that could not be placed.
        left_out: Columns of the rows that this version does not have.
    """

    model: Recommender
    new: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    arrived: tuple[float, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    left_out: frozenset[str] = frozenset()


def apply_changes(model: Recommender, columns: ItemSchema, changes: Sequence[ChangedItem]) -> AppliedChanges:
    """Apply changed rows to a model; rows that cannot be used are set aside.

    Args:
        model: The serving model.
        columns: Schema of its items.
        changes: At most one per item.
    """
    good, refused = _usable(columns, changes)
    good, poisoned = _encoded(model, columns, good)
    refused += poisoned
    try:
        done = _placed(model, columns, good)
    except Exception as error:
        # One row must not hold up the others; bisection finds it.
        if len(good) == 1:
            return AppliedChanges(model, set_aside=(*refused, _aside(good[0], error)))
        half = len(good) // 2
        first = apply_changes(model, columns, good[:half])
        second = apply_changes(first.model, columns, good[half:])
        done = AppliedChanges(
            second.model, first.new + second.new, first.changed + second.changed,
            first.arrived + second.arrived, first.set_aside + second.set_aside,
        )  # fmt: skip
    known = set(columns.types) | {"item_id"}
    left_out = frozenset(name for change in changes for name in change.row if name not in known)
    return replace(done, set_aside=(*refused, *done.set_aside), left_out=left_out)


Rows = list[ChangedItem]


def _usable(columns: ItemSchema, changes: Iterable[ChangedItem]) -> tuple[Rows, list[SetAside]]:
    """Split changes by whether this version can read their values; an older version may have stored them."""
    good: Rows = []
    refused: list[SetAside] = []
    for change in changes:
        kept = {n: v for n, v in change.row.items() if n in columns.types or n == "item_id"}
        try:
            columns.check(kept | {"item_id": change.item_id})
        except SidelightError as error:
            refused.append(_aside(change, error))
        else:
            good.append(replace(change, row=kept | {"item_id": change.item_id}))
    return good, refused


def _encoded(model: Recommender, columns: ItemSchema, changes: Rows) -> tuple[Rows, list[SetAside]]:
    """Split changes by whether every encoder accepts them, by bisection."""
    if not changes:
        return [], []
    try:
        frame = model.items.typed(columns.frame([change.row for change in changes]), "items")
        for encoder in (each for space in spaces_of(model.scorer) for each in space.encoders):
            encoder.transform(frame)
    except Exception as error:  # any failure of an encoder is caused by a row
        if len(changes) == 1:
            return [], [_aside(changes[0], error)]
        half = len(changes) // 2
        first, bad = _encoded(model, columns, changes[:half])
        second, worse = _encoded(model, columns, changes[half:])
        return first + second, bad + worse
    return changes, []


def _placed(model: Recommender, columns: ItemSchema, changes: Rows) -> AppliedChanges:
    """Apply all of these changes, or raise."""
    at = model.items.find(change.item_id for change in changes)
    new = [change for change, known in zip(changes, at, strict=True) if known < 0]
    old = [change for change, known in zip(changes, at, strict=True) if known >= 0]
    size = len(model.items)
    if old:
        model = with_revised_items(model, columns.frame([change.row for change in old]))
    if new:
        items, full = model.items.with_rows(columns.frame([change.row for change in new]))
        scorer = model.scorer.with_items(full)
        people = None if model.people is None else model.people.widened(len(items))
        model = replace(model, scorer=scorer, items=items, people=people)
    return AppliedChanges(
        model,
        tuple(range(size, size + len(new))),
        tuple(int(each) for each in at if each >= 0),
        tuple(change.at.timestamp() for change in new),
    )


def _aside(change: ChangedItem, error: Exception) -> SetAside:
    text = str(error) if isinstance(error, SidelightError) else f"{type(error).__name__}: {error}"
    return SetAside(change.item_id, change.change, " ".join(text.split())[:500])
