"""From asks to answers on one snapshot; what `Engine.recommend` and its kin share."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sidelight.models.listing import SOURCES
from sidelight.serving.asking import Answer, Ask, EngineOptions, Explanation, Listed
from sidelight.serving.block import Scored, Wish, lists
from sidelight.serving.exploration import Exploration
from sidelight.serving.persons import Person, person
from sidelight.serving.reasons import why
from sidelight.serving.records import Exposure
from sidelight.serving.ruled import Chosen, chosen, needs_pool, plain
from sidelight.serving.snapshot import Snapshot
from sidelight.serving.turns import checkpoint
from sidelight.serving.watch import Seen

if TYPE_CHECKING:
    from sidelight.serving.database.database import Database

NAMED = 3  # history items and words that an explanation in a list names
TOGETHER = 16  # places of a list whose reasons are worked out between two looks whether to go on


@dataclass(frozen=True, eq=False)
class Made:
    """An answer and what is noted of it.

    Args:
        answer: For the one who asked.
        seen: For the counts.
        exposures: For the database; empty unless exploration took part.
    """

    answer: Answer
    seen: Seen
    exposures: tuple[Exposure, ...] = ()


def answers(
    snapshot: Snapshot, database: Database, options: EngineOptions, asks: Sequence[Ask], explore: bool = True
) -> list[Made]:
    """Answers in the order of the asks. Asks of one moment share one product.

    Args:
        snapshot: What answers, all of it.
        database: Of people and events.
        options: Of the engine.
        asks: What was asked.
        explore: False keeps exploration out, whatever the asks say.

    Raises:
        SpecError: Context or rules that do not fit the model.
    """
    exploration = options.exploration if explore else Exploration()
    prepared = [_wish(snapshot, database, options, ask, exploration) for ask in asks]
    groups: dict[int, list[int]] = {}
    moments: list[object] = []
    for at, ask in enumerate(asks):
        if ask.context not in moments:
            moments.append(ask.context)
        groups.setdefault(moments.index(ask.context), []).append(at)
    made: list[Made | None] = [None] * len(asks)
    for group in groups.values():
        scored = lists(snapshot, [prepared[at][0] for at in group], asks[group[0]].context)
        for at, one in zip(group, scored, strict=True):
            made[at] = _made(snapshot, asks[at], *prepared[at], one, exploration)
    return [each for each in made if each is not None]


def _wish(
    snapshot: Snapshot, database: Database, options: EngineOptions, ask: Ask, exploration: Exploration
) -> tuple[Wish, tuple[str, ...]]:
    """The list that an ask needs, and the candidates that nobody knows."""
    checkpoint()
    someone = person(snapshot, database, ask)
    candidates = None
    unknown: tuple[str, ...] = ()
    if ask.candidates is not None:
        candidates, unknown = snapshot.find(ask.candidates)
    if not needs_pool(ask, exploration):
        return Wish(someone, ask.k, ask.filter_seen, candidates), unknown
    beyond = exploration.rate > 0 and ask.explore
    if ask.rules is not None:
        beyond = beyond or ask.rules.floor > 0 or bool(ask.rules.pin)
    return Wish(someone, max(ask.k, options.pool), ask.filter_seen, candidates, beyond), unknown


def _made(
    snapshot: Snapshot,
    ask: Ask,
    wish: Wish,
    unknown: tuple[str, ...],
    scored: Scored,
    exploration: Exploration,
) -> Made:
    """The answer to one ask."""
    checkpoint()
    request = uuid.uuid4().hex
    someone = wish.person
    if needs_pool(ask, exploration):
        shown = chosen(snapshot, ask, wish, scored, exploration, request)
    else:
        shown = plain(scored, ask.k)
    items = _listed(snapshot, ask, someone, scored, shown)
    answer = Answer(
        snapshot.version, request, items, shown.cost, (*someone.unknown, *unknown), not scored.personal,
        snapshot.change, shown.unplaced,
    )  # fmt: skip
    best = float(scored.values[0]) if scored.personal and len(scored.values) else 0.0
    seen = Seen(
        time.monotonic(), len(someone.history),
        len(set(ask.history)) if ask.history is not None else 0, len(someone.unknown),
        best if best > 0 else None, len(items), sum(one.new for one in items), answer.fallback,
        snapshot.version,
    )  # fmt: skip
    if not (ask.explore and exploration.rate > 0):
        return Made(answer, seen)
    now = datetime.now(UTC)
    rows = (
        Exposure(
            request, ask.user, one.item_id, one.rank, one.propensity, one.explored, snapshot.version, now
        )
        for one in items
    )
    return Made(answer, seen, tuple(rows))


def _listed(
    snapshot: Snapshot, ask: Ask, someone: Person, scored: Scored, shown: Chosen
) -> tuple[Listed, ...]:
    """The items with all that is said of them; only these are looked up."""
    titles = snapshot.titles_of(shown.items)
    reasons: list[Explanation | None] = [None] * len(titles)
    if ask.explain:
        for start in range(0, len(titles), TOGETHER):
            checkpoint()
            some = slice(start, start + TOGETHER)
            reasons[some] = why(snapshot, someone, shown.items[some], NAMED, ask.context)
    columns = zip(
        snapshot.model.catalogue.item_ids[shown.items].tolist(), titles, shown.values.tolist(),
        shown.source.tolist(), snapshot.new[shown.items].tolist(), shown.explored.tolist(),
        shown.propensity.tolist(), reasons, shown.moved.tolist(), strict=True,
    )  # fmt: skip
    return tuple(
        Listed(str(item), title, score, rank, SOURCES[source], new, explored, propensity, reason, moved)
        for rank, (item, title, score, source, new, explored, propensity, reason, moved) in enumerate(
            columns, 1
        )
    )
