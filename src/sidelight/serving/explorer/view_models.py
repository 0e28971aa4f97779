"""View models of lists: rows with bars and explanations, and the difference between two lists."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sidelight.models.explanation import EVERYBODY
from sidelight.serving.explorer import template_filters

if TYPE_CHECKING:
    from sidelight.serving.responses import RankedItem, RecommendResponse

NAMED, LETTERS = 2, 40  # causes that the line under a title names, and the length of their titles


@dataclass(frozen=True)
class ReasonView:
    """Part of a score.

    Args:
        title: Title of a history item, or name of another part.
        share: Signed share of the whole score, in percent.
    """

    title: str
    share: int

    @property
    def text(self) -> str:
        """Share as text."""
        return template_filters.percent(self.share / 100, 0)


@dataclass(frozen=True)
class ListRow:
    """Item in a list.

    Args:
        rank: Place from 1.
        item_id: Outside id.
        title: Title, or the id without one.
        score: Score as text.
        bar: Length of its bar, 0 to 100; None draws none.
        new: Whether it had no interactions when the model was trained.
        source: Origin of the item where no cause is named.
        because: Causes above `explanation.PERSONAL_SHARE` of the score, largest first.
        reasons: All parts of the score from 1 % on.
        carried: Terms that carried the score.
        move: Places moved up since another list; None without another list.
        entered: Whether it is missing in the other list.
        came: Place further down before rules moved it up; 0 is unknown.
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
    """Return items as rows, their bars relative to the highest score of the list."""
    top = max((one.score for one in items if math.isfinite(one.score)), default=0.0)
    return [_row(one, top) for one in items]


def _row(one: RankedItem, top: float) -> ListRow:
    finite = math.isfinite(one.score)
    digits = 0 if top >= 100 else 2 if top >= 1 else 3
    because: tuple[ReasonView, ...] = ()
    reasons: tuple[ReasonView, ...] = ()
    carried: tuple[ReasonView, ...] = ()
    source = template_filters.source(one.source)
    if one.why:
        reasons = _reasons(one.why.reasons)
        carried = _reasons((template_filters.with_context(word), share) for word, share in one.why.words)
        if one.source == "popular":
            source = f"{EVERYBODY}: {template_filters.percent(one.why.popularity, 0)}"
        elif one.source == "personal" and not one.explored:
            because = _reasons(one.why.because)
    if one.explored:
        source = "shown to learn whether people like it"
    brief = sum(len(each.title) for each in because[:NAMED]) <= LETTERS
    return ListRow(
        rank=one.rank,
        item_id=one.item_id,
        title=one.title or one.item_id,
        score=f"{one.score:.{digits}f}".replace("-", template_filters.MINUS) if finite else "",
        bar=round(100 * max(0.0, one.score) / top) if top > 0 and finite else None,
        new=one.new,
        source="" if because else source,
        because=because[: NAMED if brief else 1],
        reasons=reasons,
        carried=carried,
        came=one.rank + one.moved if one.moved > 0 else 0,
    )


def _reasons(parts: Iterable[tuple[str, float]]) -> tuple[ReasonView, ...]:
    return tuple(ReasonView(name, round(100 * share)) for name, share in parts)


def moved(now: RecommendResponse, before: RecommendResponse) -> tuple[list[ListRow], list[ListRow]]:
    """Return the rows of a list with their moves since another list, and the rows that left.

    Args:
        now: List to draw.
        before: List to compare with.
    """
    old = {one.item_id: one.rank for one in before.items}
    kept = {one.item_id for one in now.items}
    shown = [
        replace(row, move=old[row.item_id] - row.rank) if row.item_id in old else replace(row, entered=True)
        for row in rows(now.items)
    ]
    return shown, [row for row in rows(before.items) if row.item_id not in kept]


def movement(shown: Sequence[ListRow], left: Sequence[ListRow]) -> str:
    """Describe the difference between two lists in a sentence."""
    count = {
        "rose": sum((row.move or 0) > 0 for row in shown),
        "fell": sum((row.move or 0) < 0 for row in shown),
        "entered": sum(row.entered for row in shown),
        "left": len(left),
    }
    parts = [f"{number} {verb}" for verb, number in count.items() if number]
    if not parts:
        return "Both lists are the same." if shown else "There is nothing to compare."
    return f"{', '.join(parts[:-1])} and {parts[-1]}." if len(parts) > 1 else f"{parts[0]}."
