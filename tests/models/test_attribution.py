"""Shares of a score against scoring again without each part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidelight.models.attribution import explain, informative
from sidelight.models.scorer import InteractionsOnly
from sidelight.models.similarity_scorers import ConstantScorer, DenseSimilarityScorer

N = 6
WEIGHTS = np.random.default_rng(3).standard_normal((N, N)).astype(np.float32)
HISTORY = np.array([4, 0, 2])


def titles(items: Any) -> list[tuple[Any, str]]:
    return [(f"i{at}", f"thing {at}") for at in items]


@dataclass(frozen=True)
class Mixed(InteractionsOnly):
    """Weights of the history, popularity, and a part for the user and one for the hour."""

    base: float = 0.5
    user: float = 0.0
    hour: float = 0.0
    context: tuple[str, ...] = ("hour",)
    words: tuple[tuple[str, float], ...] = ()

    def with_context(self, users: Any, context: Any) -> Mixed:
        return replace(self, user=2.0 * (users[0] >= 0), hour=context.get("hour", 0.0))

    def without_users(self) -> Mixed:
        return self

    def uses_context(self) -> Any:
        return np.array([bool(self.user or self.hour)])

    def user_independent_scores(self, length: Any, items: Any) -> np.ndarray:
        return np.full(items.shape, self.base, dtype=np.float32)

    def without(self, history: Any, items: Any) -> np.ndarray:
        rows = [history, *(np.delete(history, at) for at in range(len(history)))]
        alone = np.array([WEIGHTS[row][:, items].sum(axis=0) for row in rows], dtype=np.float64)
        return alone + self.base + self.user + self.hour

    def top_terms(self, history: Any, items: Any, k: int) -> Any:
        return [list(self.words[:k]) for _ in items]


def shares(found: Any) -> float:
    """All shares together."""
    beside = found.popularity + found.user + found.context + found.rest
    return float(beside + sum(share for _, _, share in found.history))


@given(
    history=st.lists(st.integers(0, N - 1), unique=True),
    k=st.integers(0, 4),
    user=st.sampled_from([-1, 3]),
    hour=st.sampled_from([0.0, -1.5]),
)
def test_every_share_is_the_fall_of_the_score(history: list[int], k: int, user: int, hour: float) -> None:
    places, scorer = np.array(history, dtype=np.int64), Mixed()
    made: Any = scorer
    for item, found in enumerate(explain(made, titles, places, np.arange(N), k, user, {"hour": hour})):
        falls = {f"i{at}": float(WEIGHTS[at, item]) for at in history}
        score = sum(falls.values()) + 0.5 + 2.0 * (user >= 0) + hour
        assert found.item_id == f"i{item}" and found.score == pytest.approx(score, abs=1e-5)
        assert found.popularity == pytest.approx(0.5 / abs(score), rel=1e-4)
        assert found.user == pytest.approx(2.0 * (user >= 0) / abs(score), rel=1e-4)
        assert found.context == pytest.approx(hour / abs(score), rel=1e-4)
        best = sorted(falls, key=lambda i: -abs(falls[i]))[:k]
        assert [(i, f"thing {i[1:]}") for i in best] == [named[:2] for named in found.history]
        wanted = [falls[i] / abs(score) for i in best]
        assert [share for *_, share in found.history] == pytest.approx(wanted, rel=1e-4)
        assert shares(found) == pytest.approx(np.sign(score), abs=1e-5)


def test_a_scorer_without_side_features_gives_them_no_share() -> None:
    dense: Any = DenseSimilarityScorer(WEIGHTS, np.arange(N), N)
    for found in explain(dense, titles, HISTORY, np.array([1, 5]), 2, user=3, context={"hour": 7}):
        assert (found.user, found.context, found.popularity) == (0, 0, 0) and len(found.history) == 2
        assert shares(found) == pytest.approx(np.sign(found.score))


def test_popularity_has_no_reason_in_the_history() -> None:
    popular: Any = ConstantScorer(np.array([3, 0], dtype=np.float32))
    liked, unknown = explain(popular, titles, np.array([1]), np.array([0, 1]), 5)
    assert (liked.score, liked.popularity, liked.history, liked.rest) == (3.0, 1.0, (), 0.0)
    assert (unknown.score, shares(unknown), unknown.history) == (0.0, 0.0, ())


def test_words_are_shares_without_those_that_mean_nothing() -> None:
    words = (("the", 2.0), ("tent", 1.0), ("for", 0.75), ("rope", 0.5), ("lamp", 1e-4))
    made: Any = Mixed(words=words)
    [found] = explain(made, titles, HISTORY, np.array([1]), 5)
    size = abs(found.score)
    assert found.words == (("tent", pytest.approx(1.0 / size)), ("rope", pytest.approx(0.5 / size)))
    [short] = explain(made, titles, HISTORY, np.array([1]), 1)
    assert [word for word, _ in short.words] == ["tent"]
    assert informative([("no", 1.0), ("tent", -0.5)]) == (("tent", -0.5),)
