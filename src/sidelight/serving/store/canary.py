"""Canary queries: a few questions with known answers that a version must pass before it serves.

Hashes say that the bytes are those that were published. Canaries say that these bytes, with the
packages of this machine, still make a model that answers as it did.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.errors import BundleError, complain
from sidelight.serving.array_checks import AGAIN, check_arrays

if TYPE_CHECKING:
    from sidelight.models.recommender import Recommender

K, EACH = 10, 5  # length of the lists, queries of each kind
CLOSE = 1e-3  # of a list's largest score: other processors round otherwise, other weights differ more
FORMAT = 1


@dataclass(frozen=True)
class CanaryQuery:
    """One question and its answer.

    Args:
        kind: "user" (a stored one), "history" (of somebody new) or "item" (what is like it).
        ask: Outside ids: one user, the history, or one item.
        items: Outside ids of the answer, best first.
        scores: Their scores.
    """

    kind: str
    ask: tuple[Any, ...]
    items: tuple[Any, ...]
    scores: tuple[float, ...]

    def __str__(self) -> str:
        return f"the canary {self.kind} {', '.join(str(i) for i in self.ask) or '(empty)'}"


@dataclass(frozen=True)
class CanarySet:
    """Questions with their answers, and how many users and items the model has."""

    n_users: int
    n_items: int
    queries: tuple[CanaryQuery, ...]

    def to_json(self) -> bytes:
        """As they are stored in a version."""
        content = {"format": FORMAT, **asdict(self)}
        return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes) -> CanarySet:
        """The canaries that `to_json` wrote.

        Raises:
            BundleError: They are of another form.
        """
        try:
            found = json.loads(content)
            if found["format"] != FORMAT:
                raise ValueError(f"format {found['format']!r}")
            queries = tuple(
                CanaryQuery(
                    str(q["kind"]), tuple(q["ask"]), tuple(q["items"]), tuple(map(float, q["scores"]))
                )
                for q in found["queries"]
            )
            return cls(int(found["n_users"]), int(found["n_items"]), queries)
        except (ValueError, KeyError, TypeError) as error:
            raise BundleError(complain(f"canaries of format {FORMAT}", str(error), fix=AGAIN)) from None


def make_canaries(model: Recommender) -> CanarySet:
    """Questions for a model, spread over its users and items, with its own answers.

    The questions depend on the model alone: heavy and light users, popular and untouched items, and
    histories of somebody new, an empty one among them.

    Raises:
        BundleError: The model has weights that are not finite, or parts that do not fit each other.
    """
    with _refusing("a model that can be asked", ""):
        check_arrays(model, "")
        asks = _questions(model)
    queries = tuple(_asked(model, kind, ask, "") for kind, ask in asks)
    return CanarySet(_n_users(model), len(model.items), queries)


def run_canaries(model: Recommender, canaries: CanarySet, where: str = "") -> None:
    """Ask a model every canary and compare.

    Args:
        model: The model as it was loaded.
        canaries: Made from the model as it was published.
        where: What the error names, e.g. the folder of the version.

    Raises:
        BundleError: Weights or scores that are not finite, parts of wrong dimensions, or another
            answer than the stored one; names the query.
    """
    with _refusing("a model that can be asked", where):
        check_arrays(model, where)
    expected = (canaries.n_users, canaries.n_items)
    found = (_n_users(model), len(model.items))
    if found != expected:
        wanted, has = (f"{users:,} users and {items:,} items" for users, items in (expected, found))
        raise BundleError(complain(wanted, has, where, AGAIN))
    for query in canaries.queries:
        _compare(query, _asked(model, query.kind, query.ask, where), where)


def _n_users(model: Recommender) -> int:
    return 0 if model.people is None else len(model.people)


def _questions(model: Recommender) -> list[tuple[str, tuple[Any, ...]]]:
    """Kinds and outside ids, each question once."""
    own, people = model.items, model.people
    popular = np.argsort(-own.popular, kind="stable")
    items = [own.ids[at].item() for at in _spread(popular)]
    asks: list[tuple[str, tuple[Any, ...]]] = []
    if people is not None:
        light = np.argsort(people.histories.lengths, kind="stable")
        asks = [("user", (people.ids[at].item(),)) for at in _spread(light)]
    asks += [("history", tuple(ids)) for ids in ((), items[:1], items[-1:], items[:3])]
    asks += [("item", (each,)) for each in items]
    return list(dict.fromkeys(asks))


def _spread(order: NDArray[Any]) -> NDArray[Any]:
    """At most `EACH` members of an order, from its start to its end."""
    if not len(order):
        return order
    at = np.linspace(0, len(order) - 1, EACH).round().astype(np.int64)
    return order[np.unique(at)]


@contextmanager
def _refusing(expected: str, where: str) -> Iterator[None]:
    """Whatever a poisoned model trips over is one line; a full disk or memory stays what it is."""
    try:
        yield
    except (BundleError, OSError, MemoryError):
        raise
    except Exception as error:
        found = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise BundleError(complain(expected, found, where, AGAIN)) from error


def _asked(model: Recommender, kind: str, ask: tuple[Any, ...], where: str) -> CanaryQuery:
    """The answer of a model; whatever goes wrong inside is an error that names the query."""
    query = CanaryQuery(kind, ask, (), ())
    # Infinities that meet are no news here: finite scores are asked for below.
    with _refusing(f"an answer to {query}", where), np.errstate(all="ignore"):
        _check_scores(model, query, where)
        frame = _answer(model, query)
    scores = frame["score"].to_numpy()
    if not np.isfinite(scores).all():
        raise BundleError(complain(f"finite scores for {query}", f"{scores.tolist()}", where, AGAIN))
    ids = frame["similar_id" if kind == "item" else "item_id"].to_list()
    return CanaryQuery(kind, ask, tuple(ids), tuple(float(s) for s in scores))


def _answer(model: Recommender, query: CanaryQuery) -> pl.DataFrame:
    if query.kind == "item":
        return model.similar(query.ask, k=K)
    if query.kind == "user":
        return model.recommend(users=query.ask, k=K)
    return model.recommend(histories=[query.ask], k=K)


def _check_scores(model: Recommender, query: CanaryQuery, where: str) -> None:
    """Refuse scores of wrong dimensions or not finite, before a ranking hides them."""
    own, by_user = model.items, query.kind == "user"
    known = model.need_people().find(query.ask) if by_user else own.need(query.ask, "a canary")
    if (known < 0).any():
        raise BundleError(complain(f"{query} in the catalogue", "no such id", where, AGAIN))
    rows = model.need_people().histories[known] if by_user else own.histories([query.ask])[0]
    user = known if by_user else np.array([-2])
    history = rows.item.astype(np.int64)
    item = int(history[0]) if len(history) else 0
    row: tuple[int, ...] = (1, len(own))
    found: dict[str, tuple[NDArray[Any], tuple[int, ...]]] = {
        "scores": (model.with_context(user).score(rows), row),
        "similarities": (model.scorer.similar(np.array([item])), row),
    }
    if len(history):
        cut = model.scorer.without(history, np.array([item]))
        found["scores without an item"] = (cut, (1 + len(history), 1))
        model.scorer.top_terms(history, np.array([item]), K)
    everything = np.arange(len(own))[None]
    found["scores for everybody"] = (
        model.scorer.user_independent_scores(np.array([len(history)]), everything),
        row,
    )
    for name, (values, shape) in found.items():
        if values.shape != shape:
            expected = f"{name} of shape {shape} for {query}"
            raise BundleError(complain(expected, f"{values.shape}", where, AGAIN))
        if not np.isfinite(values).all():
            raise BundleError(complain(f"finite {name} for {query}", "NaN or infinity", where, AGAIN))


def _compare(old: CanaryQuery, new: CanaryQuery, where: str) -> None:
    """Equal lists; only items whose scores are equal but for rounding may have changed places."""
    fix = "publish it again with the packages of this machine, if the model itself is right"
    if len(old.items) != len(new.items):
        said = f"{len(old.items)} items for {old}", f"{len(new.items)}"
        raise BundleError(complain(*said, where, fix))
    if not old.items:
        return
    before, after = np.array(old.scores), np.array(new.scores)
    slack = CLOSE * max(float(np.abs(before).max()), 1e-12)
    scored = dict(zip(old.items, before.tolist(), strict=True))
    for rank, (wanted, item) in enumerate(zip(old.items, new.items, strict=True)):
        if abs(after[rank] - before[rank]) > slack:
            said = f"the score {before[rank]:.6g} at rank {rank + 1} for {old}", f"{after[rank]:.6g}"
            raise BundleError(complain(*said, where, fix))
        # A filler scores 0 and stands in the order of popularity, which nothing rounds.
        tied = before[rank] != 0 and abs(scored.get(item, before[-1]) - after[rank]) <= slack
        if item != wanted and not tied:
            said = f"{wanted!r} at rank {rank + 1} for {old}", f"{item!r}"
            raise BundleError(complain(*said, where, fix))
