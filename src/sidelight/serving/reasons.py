"""Why an item is in somebody's list, and which items are like each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidelight.models.explain import telling
from sidelight.models.mixture import Mixture
from sidelight.models.scorer import Attentive, Scorer
from sidelight.models.space import ContentSpace
from sidelight.models.tower_scorer import TowerScorer
from sidelight.serving.asking import Listed, Why
from sidelight.serving.persons import Person, rows_of
from sidelight.serving.snapshot import Snapshot

Values = NDArray[np.float32]
Places = NDArray[np.integer[Any]]


def why(snapshot: Snapshot, scorer: Scorer, person: Person, item: int, k: int) -> Why:
    """Which history items and words carried the score of one item.

    Args:
        snapshot: What answers.
        scorer: Told who asks.
        person: Who asks; alone in the block that the scorer was told of, or one of it.
        item: Inner index.
        k: How many history items and words to name.
    """
    history = np.asarray(person.history, dtype=np.int64)
    if not len(history):
        return Why()
    share = np.maximum(scorer.contributions(history, item), 0.0)
    total = float(share.sum())
    best = np.lexsort((history, -share))[:k]
    best = best[share[best] > 0]
    named = zip(
        history[best], snapshot.titles_of(history[best]), share[best] / max(total, 1e-30), strict=True
    )
    words = telling(scorer.words(history, item, 8 * k))[:k]
    return Why(
        tuple((snapshot.id_of(at), title, float(each)) for at, title, each in named),
        tuple(word for word, _ in words),
    )


def beside(snapshot: Snapshot, scorer: Scorer, person: Person, item: int) -> float:
    """Share of a score that what is known of the person beside clicks carried, 0..1.

    Args:
        snapshot, person, item: As in `why`.
        scorer: Told of this person alone.
    """
    informed = scorer.informed() if snapshot.listens and isinstance(scorer, Attentive) else None
    if informed is None or not informed.any():
        return 0.0
    rows = rows_of([person.history], snapshot.n_items)
    score, plain = scorer.score(rows)[0, item], snapshot.model.scorer.score(rows)[0, item]
    return float(np.clip((score - plain) / score, 0.0, 1.0)) if score > 0 else 0.0


def similar(snapshot: Snapshot, item: int, k: int) -> tuple[Listed, ...]:
    """The k items most like one, without those that have nothing in common with it."""
    scores = np.array(snapshot.model.scorer.similar(np.array([item], dtype=np.int64))[0], dtype=np.float32)
    scores[item] = scores[snapshot.out] = -np.inf
    size = min(k, len(scores) - 1)
    if size < 1:
        return ()
    near = np.argpartition(-scores, size - 1)[:size]
    near = near[np.lexsort((near, -scores[near]))]
    near = near[scores[near] > 0]
    return tuple(
        Listed(snapshot.id_of(at), title, float(scores[at]), rank, "similar", bool(snapshot.new[at]))
        for rank, (at, title) in enumerate(zip(near, snapshot.titles_of(near), strict=True), 1)
    )


def likeness(scorer: Scorer, item: int, among: Places) -> Values:
    """Similarity of some items to one, float32 (len(among),), as `Scorer.similar` but for these alone.

    In a blend each part is scaled by its largest value among these items, which holds `item` itself.
    """
    if isinstance(scorer, TowerScorer):
        return np.asarray(scorer.vectors[among] @ scorer.vectors[item], dtype=np.float32)
    if isinstance(scorer, Mixture):
        total = np.zeros(len(among), dtype=np.float32)
        for part, weight in zip(scorer.parts, scorer.weights, strict=True):
            if weight.any():
                near = likeness(part, item, among)
                top = float(np.abs(near).max(initial=0.0))
                total += near / top if top > 0 else near
        return total
    space = getattr(scorer, "space", None)
    if isinstance(space, ContentSpace):
        found: Values = space.similarity(np.array([item]), np.asarray(among, dtype=np.int64))[0]
        return found
    return np.asarray(scorer.similar(np.array([item], dtype=np.int64))[0][among], dtype=np.float32)
