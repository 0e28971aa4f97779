"""What the engine answers as what a page draws: rows with bars, reasons, and places moved."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sidelight.serving.explorer import words

if TYPE_CHECKING:
    from sidelight.serving.asking import Answer, Listed, Why

NAMED, LETTERS = 2, 40  # history items that the line under a title names, and how long their titles may be


@dataclass(frozen=True)
class Reason:
    """A history item that carried a score.

    Args:
        item_id, title: Of the item.
        share: Of all that carried it, in percent.
    """

    item_id: str
    title: str
    share: int


@dataclass(frozen=True)
class Row:
    """An item in a list.

    Args:
        rank: Place from 1.
        item_id, title: Of the item.
        score: As text.
        bar: Length of its bar, 0 to 100; None draws none.
        new: Nobody had clicked it when the model was trained.
        source: Where it came from, where no history items say so.
        because: Titles of the history items that carried it most.
        reasons, carried: All of them, and the words.
        beside: Percent of the score that came from what is known of the person beside clicks.
        move: Places moved up since another list; None is not told.
        entered: It was not in the other list.
        came: Its place further down, before rules brought it in; 0 is not known.
    """

    rank: int
    item_id: str
    title: str
    score: str = ""
    bar: int | None = None
    new: bool = False
    source: str = ""
    because: tuple[Reason, ...] = ()
    reasons: tuple[Reason, ...] = ()
    carried: tuple[str, ...] = ()
    beside: int = 0
    move: int | None = None
    entered: bool = False
    came: int = 0


def rows(items: Sequence[Listed]) -> list[Row]:
    """Items as rows, their bars against the highest score of the list."""
    top = max((one.score for one in items if math.isfinite(one.score)), default=0.0)
    return [_row(one, top) for one in items]


def digits(top: float) -> int:
    """Decimals that tell scores apart whose highest is `top`."""
    return 0 if top >= 100 else 2 if top >= 1 else 3


def _row(one: Listed, top: float) -> Row:
    bar = round(100 * max(0.0, one.score) / top) if top > 0 and math.isfinite(one.score) else None
    found = reasons(one.why)
    brief = sum(len(each.title) for each in found[:NAMED]) <= LETTERS
    told = bool(found) and one.source == "personal"
    source = "" if told else words.source(one.source)
    if one.explored:
        source = "shown to learn whether people like it"
    return Row(
        rank=one.rank,
        item_id=one.item_id,
        title=one.title or one.item_id,
        score=f"{one.score:.{digits(top)}f}".replace("-", words.MINUS) if math.isfinite(one.score) else "",
        bar=bar,
        new=one.new,
        source=source,
        because=found[: NAMED if brief else 1] if told and not one.explored else (),
        reasons=found,
        carried=tuple(map(words.told, one.why.words)) if one.why else (),
        beside=round(100 * one.why.attributes) if one.why else 0,
        came=one.rank + one.moved if one.moved > 0 else 0,
    )


def reasons(why: Why | None) -> tuple[Reason, ...]:
    """The history items of an explanation that carried anything, with shares that add up to at most 100."""
    if why is None:
        return ()
    return tuple(
        Reason(item, title or item, round(100 * share)) for item, title, share in why.history if share > 0
    )


def moved(now: Answer, before: Answer) -> tuple[list[Row], list[Row]]:
    """The rows of a list with how far each moved since another one, and the rows that left.

    Args:
        now: The list to draw.
        before: The list to compare with.
    """
    old = {one.item_id: one.rank for one in before.items}
    kept = {one.item_id for one in now.items}
    shown = [
        replace(row, move=old[row.item_id] - row.rank) if row.item_id in old else replace(row, entered=True)
        for row in rows(now.items)
    ]
    return shown, [row for row in rows(before.items) if row.item_id not in kept]


def movement(shown: Sequence[Row], left: Sequence[Row]) -> str:
    """How two lists differ, in a sentence."""
    count = {
        "rose": sum((row.move or 0) > 0 for row in shown),
        "fell": sum((row.move or 0) < 0 for row in shown),
        "entered": sum(row.entered for row in shown),
        "left": len(left),
    }
    told = [f"{number} {verb}" for verb, number in count.items() if number]
    if not told:
        return "Both lists are the same." if shown else "There is nothing to compare."
    return f"{', '.join(told[:-1])} and {told[-1]}." if len(told) > 1 else f"{told[0]}."
