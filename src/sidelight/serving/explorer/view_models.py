"""What the engine answers as what a page draws: rows with bars, reasons, and places moved."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sidelight.models.explanation import EVERYBODY
from sidelight.serving.explorer import template_filters

if TYPE_CHECKING:
    from sidelight.serving.responses import RankedItem, RecommendResponse

NAMED, LETTERS = 2, 40  # causes that the line under a title names, and how long their titles may be


@dataclass(frozen=True)
class ReasonView:
    """A part of a score.

    Args:
        title: Of a history item, or the name of another part.
        share: Signed, of the whole score, in percent.
    """

    title: str
    share: int

    @property
    def said(self) -> str:
        """The share as text."""
        return template_filters.percent(self.share / 100, 0)


@dataclass(frozen=True)
class ListRow:
    """An item in a list.

    Args:
        rank: Place from 1.
        item_id, title: Of the item.
        score: As text.
        bar: Length of its bar, 0 to 100; None draws none.
        new: Nobody had clicked it when the model was trained.
        source: Where it came from, where nothing is named as its cause.
        because: Causes above `explanation.PERSONAL_SHARE` of the score, largest first.
        reasons, carried: All parts of the score from 1 % on, and the words.
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
    because: tuple[ReasonView, ...] = ()
    reasons: tuple[ReasonView, ...] = ()
    carried: tuple[ReasonView, ...] = ()
    move: int | None = None
    entered: bool = False
    came: int = 0


def rows(items: Sequence[RankedItem]) -> list[ListRow]:
    """Items as rows, their bars against the highest score of the list."""
    top = max((one.score for one in items if math.isfinite(one.score)), default=0.0)
    return [_row(one, top) for one in items]


def digits(top: float) -> int:
    """Decimals that tell scores apart whose highest is `top`."""
    return 0 if top >= 100 else 2 if top >= 1 else 3


def _row(one: RankedItem, top: float) -> ListRow:
    bar = round(100 * max(0.0, one.score) / top) if top > 0 and math.isfinite(one.score) else None
    causes = _reasons(one.why.because) if one.why and one.source == "personal" and not one.explored else ()
    brief = sum(len(each.title) for each in causes[:NAMED]) <= LETTERS
    found = _reasons(one.why.reasons) if one.why else ()
    source = template_filters.source(one.source)
    if one.explored:
        source = "shown to learn whether people like it"
    elif one.why and one.source == "popular":
        source = f"{EVERYBODY}: {template_filters.percent(one.why.popularity, 0)}"
    return ListRow(
        rank=one.rank,
        item_id=one.item_id,
        title=one.title or one.item_id,
        score=f"{one.score:.{digits(top)}f}".replace("-", template_filters.MINUS)
        if math.isfinite(one.score)
        else "",
        bar=bar,
        new=one.new,
        source="" if causes else source,
        because=causes[: NAMED if brief else 1],
        reasons=found,
        carried=_reasons((template_filters.with_context(word), share) for word, share in one.why.words)
        if one.why
        else (),
        came=one.rank + one.moved if one.moved > 0 else 0,
    )


def _reasons(parts: Iterable[tuple[str, float]]) -> tuple[ReasonView, ...]:
    return tuple(ReasonView(name, round(100 * share)) for name, share in parts)


def moved(now: RecommendResponse, before: RecommendResponse) -> tuple[list[ListRow], list[ListRow]]:
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


def movement(shown: Sequence[ListRow], left: Sequence[ListRow]) -> str:
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
