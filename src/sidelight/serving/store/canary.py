"""Canary queries with known answers that a version must reproduce before it serves.

Hashes prove that the bytes are those that were published. Canaries prove that these bytes, with the
packages of this machine, still make a model that answers as it did.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidelight.errors import BundleError, complain
from sidelight.models.recommender import GIVEN, Recommender
from sidelight.serving.array_checks import AGAIN, bundle_errors, check_arrays
from sidelight.serving.store import version_files as files

K, EACH = 10, 5  # length of the lists, queries of each kind
CLOSE = 1e-3  # share of a list's largest score: other processors round otherwise, other weights differ more


@dataclass(frozen=True)
class CanaryQuery:
    """One query and its answer.

    Args:
        kind: "user" (a stored one), "history" (given with the query) or "item" (similar items).
        ask: Outside ids: one user, the history, or one item.
        items: Outside ids of the answer, best first.
        scores: Their scores.
    """

    kind: str
    ask: tuple[Any, ...]
    items: tuple[Any, ...] = ()
    scores: tuple[float, ...] = ()

    def __str__(self) -> str:
        return f"the canary {self.kind} {', '.join(str(i) for i in self.ask) or '(empty)'}"


@dataclass(frozen=True)
class CanarySet:
    """Queries with their answers, and the numbers of users and items of the model."""

    n_users: int
    n_items: int
    queries: tuple[CanaryQuery, ...]

    def to_json(self) -> bytes:
        """Encode the canaries for the file in a version."""
        content = {"format": files.FORMAT, **asdict(self)}
        return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes) -> CanarySet:
        """Read the canaries that `to_json` wrote.

        Raises:
            BundleError: They are of another format.
        """
        return files.read_format(cls, content, "canaries", fix=AGAIN)


def make_canaries(model: Recommender) -> CanarySet:
    """Choose queries for a model, spread over its users and items, and record its answers.

    The queries depend on the model alone: heavy and light users, popular and cold items, and given
    histories, an empty one among them. A model without people has no queries of users.

    Raises:
        BundleError: The model has weights that are not finite, or parts that do not fit each other.
    """
    with bundle_errors("a model that can answer queries", ""):
        check_arrays(model, "")
        queries = _choose_queries(model)
    return CanarySet(*_sizes(model), tuple(_run(model, query, "") for query in queries))


def run_canaries(model: Recommender, canaries: CanarySet, where: str = "") -> None:
    """Run every canary on a model and compare the answers.

    Args:
        model: The model as it was loaded.
        canaries: Canaries of the model as it was published.
        where: Place that the error names, e.g. the folder of the version.

    Raises:
        BundleError: Weights or scores that are not finite, parts of wrong dimensions, or an answer that
            differs from the stored one; names the query.
    """
    with bundle_errors("a model that can answer queries", where):
        check_arrays(model, where)
    sizes = (canaries.n_users, canaries.n_items), _sizes(model)
    if sizes[0] != sizes[1]:
        expected, found = (f"{users:,} users and {items:,} items" for users, items in sizes)
        raise BundleError(complain(expected, found, where, AGAIN))
    for query in canaries.queries:
        _compare(query, _run(model, query, where), where)


def _sizes(model: Recommender) -> tuple[int, int]:
    return 0 if model.people is None else len(model.people), len(model.items)


def _choose_queries(model: Recommender) -> list[CanaryQuery]:
    own, people = model.items, model.people
    popular = np.argsort(-own.popular, kind="stable")
    items = [own.ids[at].item() for at in _spread(popular)]
    queries: list[CanaryQuery] = []
    if people is not None:
        light = np.argsort(people.histories.lengths, kind="stable")
        queries = [CanaryQuery("user", (people.ids[at].item(),)) for at in _spread(light)]
    queries += [CanaryQuery("history", tuple(ids)) for ids in ((), items[:1], items[-1:], items[:3])]
    queries += [CanaryQuery("item", (each,)) for each in items]
    return list(dict.fromkeys(queries))


def _spread(order: NDArray[Any]) -> NDArray[Any]:
    """Select at most `EACH` members of an order, from its start to its end."""
    if not len(order):
        return order
    at = np.linspace(0, len(order) - 1, EACH).round().astype(np.int64)
    return order[np.unique(at)]


def _run(model: Recommender, query: CanaryQuery, where: str) -> CanaryQuery:
    """Return the query with the answer of a model; any failure is an error that names the query."""
    # Overflow warnings are switched off: finite scores are required below.
    with bundle_errors(f"an answer to {query}", where), np.errstate(all="ignore"):
        _check_scores(model, query, where)
        if query.kind == "item":
            frame = model.similar(query.ask, k=K)
        elif query.kind == "user":
            frame = model.recommend(users=query.ask, k=K)
        else:
            frame = model.recommend(histories=[query.ask], k=K)
    scores = frame["score"].to_numpy()
    if not np.isfinite(scores).all():
        raise BundleError(complain(f"finite scores for {query}", f"{scores.tolist()}", where, AGAIN))
    ids = frame["similar_id" if query.kind == "item" else "item_id"].to_list()
    return CanaryQuery(query.kind, query.ask, tuple(ids), tuple(float(s) for s in scores))


def _check_scores(model: Recommender, query: CanaryQuery, where: str) -> None:
    """Refuse scores of wrong dimensions or not finite, before a ranking hides them."""
    own, by_user = model.items, query.kind == "user"
    known = model.need_people().find(query.ask) if by_user else own.need(query.ask, "a canary")
    if (known < 0).any():
        raise BundleError(complain(f"{query} in the catalogue", "no such id", where, AGAIN))
    rows = model.need_people().histories[known] if by_user else own.histories([query.ask])[0]
    history = rows.item.astype(np.int64)
    first = history[:1] if len(history) else np.zeros(1, dtype=np.int64)
    row: tuple[int, ...] = (1, len(own))
    everything, length = np.arange(len(own))[None], np.array([len(history)])
    results: dict[str, tuple[NDArray[Any], tuple[int, ...]]] = {
        "scores": (model.with_context(known if by_user else np.array([GIVEN])).score(rows), row),
        "similarities": (model.scorer.similar(first), row),
        "scores for everybody": (model.scorer.user_independent_scores(length, everything), row),
    }
    if len(history):
        results["scores without an item"] = model.scorer.without(history, first), (1 + len(history), 1)
        model.scorer.top_terms(history, first, K)
    for name, (values, shape) in results.items():
        if values.shape != shape:
            expected = f"{name} of shape {shape} for {query}"
            raise BundleError(complain(expected, f"{values.shape}", where, AGAIN))
        if not np.isfinite(values).all():
            raise BundleError(complain(f"finite {name} for {query}", "NaN or infinity", where, AGAIN))


def _compare(old: CanaryQuery, new: CanaryQuery, where: str) -> None:
    """Require equal lists; only items whose scores are equal but for rounding may have changed places."""

    def differs(expected: str, found: str) -> BundleError:
        fix = "publish it again with the packages of this machine, if the model itself is right"
        return BundleError(complain(f"{expected} for {old}", found, where, fix))

    if len(old.items) != len(new.items):
        raise differs(f"{len(old.items)} items", f"{len(new.items)}")
    if not old.items:
        return
    before, after = np.array(old.scores), np.array(new.scores)
    slack = CLOSE * max(float(np.abs(before).max()), 1e-12)
    scored = dict(zip(old.items, before.tolist(), strict=True))
    for rank, (wanted, item) in enumerate(zip(old.items, new.items, strict=True)):
        if abs(after[rank] - before[rank]) > slack:
            raise differs(f"the score {before[rank]:.6g} at rank {rank + 1}", f"{after[rank]:.6g}")
        # Items that fill up a list score 0 and are in the order of popularity, which nothing rounds.
        tied = before[rank] != 0 and abs(scored.get(item, before[-1]) - after[rank]) <= slack
        if item != wanted and not tied:
            raise differs(f"{wanted!r} at rank {rank + 1}", f"{item!r}")
