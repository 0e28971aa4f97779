"""Lists of a batch equal those of the model."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import served
from hypothesis import given, settings
from hypothesis import strategies as st
from serving.cases import cpu
from serving.recommend.cases import ITEMS, histories, people, same

from sidelight.data.histories import Histories
from sidelight.models.recommender import UnknownHistoryWarning
from sidelight.serving.recommend import batch_scoring
from sidelight.serving.requests import RecommendRequest


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return served.large(3000, 16, 300).save(tmp_path_factory.mktemp("large") / "bundle")


def test_rows_of_lists_are_the_matrix():
    lists = [np.array([3, 1]), np.array([], dtype=np.int64), np.array([0])]
    rows = Histories.of_distinct(lists, 4).matrix()
    assert rows.toarray().tolist() == [
        [0, 1, 0, 1],
        [0, 0, 0, 0],
        [1, 0, 0, 0],
    ]
    assert Histories.of_distinct([np.array([], dtype=np.int64)], 3).matrix().shape == (1, 3)


@pytest.mark.slow
def test_a_list_costs_little_more_than_the_product(big):
    vectors = big.snapshot.model.scorer.vectors
    queries = np.random.default_rng(0).standard_normal((64, 128), dtype=np.float32)

    def bare(block):
        scores = block @ vectors.T
        best = np.argpartition(-scores, 10, axis=1)[:, :10]
        return np.take_along_axis(best, np.argsort(-np.take_along_axis(scores, best, 1), axis=1), 1)

    asks = [RecommendRequest(user=f"u{n:06d}") for n in range(64)]
    one = cpu({"bare": lambda t: bare(queries[t : t + 1]), "engine": lambda t: big.recommend(asks[t])}, 60)
    assert one["bare"] / one["engine"] >= 0.6
    many = cpu({"bare": lambda t: bare(queries), "engine": lambda t: big.recommend_many(asks)}, 5)
    assert many["bare"] / many["engine"] >= 0.8


KINDS = ("popular", "ease", "content_knn", "als", "blend", "two_tower")


choices = st.none() | st.lists(st.sampled_from(ITEMS), min_size=1, max_size=30, unique=True)


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=25)
@given(who=people | histories, k=st.integers(1, 90), seen=st.booleans(), only=choices)
def test_a_list_equals_that_of_the_model(engines, name, who, k, seen, only):
    asked = {"user": who} if isinstance(who, str) else {"history": tuple(who)}
    candidates = None if only is None else tuple(only)
    answer = engines(name).recommend(RecommendRequest(**asked, k=k, filter_seen=seen, candidates=candidates))
    them = {"users": [who]} if isinstance(who, str) else {"histories": [who]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownHistoryWarning)
        frame = served.model(name).recommend(**them, k=k, filter_seen=seen, candidates=only)
    same(answer, frame)
    assert answer.unknown == (
        () if isinstance(who, str) else tuple(dict.fromkeys(i for i in who if i > "i99" or i == "gone"))
    )
    assert answer.fallback == (
        len(frame) > 0 and frame["source"][0] in ("popular:unknown-user", "popular:empty-history")
    )


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("cells", [1, 1 << 24])
def test_many_lists_equal_single_ones(engines, name, cells, monkeypatch):
    monkeypatch.setattr(batch_scoring, "CELLS", cells)
    asks = [RecommendRequest(user=f"u{n:02d}", k=7) for n in range(1, 20)]
    asks += [
        RecommendRequest(history=("i03", "i07"), k=3),
        RecommendRequest(user="nobody", k=7),
        RecommendRequest(user="u05", k=4, candidates=("i09", "i11")),
    ]
    for many in (asks, asks[:19]):
        for ask, answer in zip(many, engines(name).recommend_many(many), strict=True):
            them = {"users": [ask.user]} if ask.user else {"histories": [ask.history]}
            same(answer, served.model(name).recommend(**them, k=ask.k, candidates=ask.candidates))
