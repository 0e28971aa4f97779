"""`evaluate` against one user at a time with full sorts, and its rules about the test part."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_splits import TRAIN, VALIDATION, Fixed, cases, split_of

from sidelight.content.features import Features
from sidelight.data.histories import Histories
from sidelight.data.schema import Column
from sidelight.errors import DataError
from sidelight.evaluation import evaluate as package_evaluate
from sidelight.evaluation.evaluate import block_rows, evaluate
from sidelight.evaluation.metrics import METRICS
from sidelight.evaluation.ranking import tie_breakers


def slow(split, scores, part):
    """For each slice: user -> (ranked items, relevant items), by full sorts of Python lists."""
    rows = {"validation": split.validation, "test": split.sealed}
    held = {name: pairs(split, found) for name, found in [("train", split.train), *rows.items()]}
    hidden = set(held["train"])
    if split.mask == "others" or part == "test":
        hidden |= held["test" if part == "validation" else "validation"]
    allowed = {"cold": split.candidates & split.cold, "warm": split.candidates & ~split.cold}
    allowed["overall"] = split.candidates
    found = {name: {} for name in allowed}
    breakers = tie_breakers(split.data.n_items)  # the only order among items without evidence
    for u in range(split.data.n_users):
        relevant = {i for v, i in held[part] - hidden if v == u and split.candidates[i]}
        for name, mask in allowed.items():
            ranked = [i for i in np.flatnonzero(mask) if (u, i) not in hidden]
            ranked.sort(key=lambda i: (-scores[u, i], -breakers[i] if scores[u, i] == 0 else 0, i))
            wanted = relevant if name == "overall" else {i for i in relevant if mask[i]}
            sides = {bool(split.cold[i]) for i in wanted}
            if wanted and (name != "overall" or split.overall_users == "any" or len(sides) == 2):
                found[name][u] = (ranked, wanted)
    return {name: users for name, users in found.items() if users}


def pairs(split, rows):
    log = split.data.interactions
    return {(int(log.user[r]), int(log.item[r])) for r in rows}


def ndcg(ranked, relevant, k):
    gain = sum(1 / math.log2(r + 1) for r, i in enumerate(ranked[:k], start=1) if i in relevant)
    return gain / sum(1 / math.log2(r + 1) for r in range(1, min(k, len(relevant)) + 1))


@given(cases(), st.sampled_from(["validation", "test"]), st.sampled_from([None, 1, 2]))
def test_every_slice_equals_full_sorts(tmp_path_factory, case, part, block):
    split, model = case
    scores = model.score(split.histories())
    model.blocks.clear()
    wanted = slow(split, scores, part)
    log = tmp_path_factory.mktemp("log") / "openings.jsonl"
    arguments = {"part": part, "final": part == "test", "log": log, "ks": (2, 5), "block": block}
    if not wanted:
        with pytest.raises(DataError, match="relevant items"):
            evaluate(model, split, **arguments)
        return
    found = evaluate(model, split, **arguments)
    audited = {name for name in found.slices if name.startswith("user:gender=")}  # sensitive in this data
    assert set(found.slices) == set(wanted) | audited and bool(audited) == ("overall" in wanted)
    for name, users in wanted.items():
        assert found.users[name].tolist() == sorted(users)
        for k in (2, 5):
            recalls = [len(users[u][1] & set(users[u][0][:k])) / len(users[u][1]) for u in sorted(users)]
            np.testing.assert_allclose(found.values[name][f"recall@{k}"], recalls)
            gains = [ndcg(*users[u], k) for u in sorted(users)]
            np.testing.assert_allclose(found.values[name][f"ndcg@{k}"], gains)
    for row, u in enumerate(wanted.get("overall", [])):
        listed = [i for i in found.items[row] if i >= 0]
        assert listed == wanted["overall"][u][0][:5]
    asked = len(pairs(split, split.rows(part, final=True)))
    kept = {(u, i) for users in wanted.values() for u, (_, relevant) in users.items() for i in relevant}
    assert found.info["unrankable"] <= asked - len(kept)
    if split.overall_users == "any":
        assert found.info["unrankable"] == asked - len(kept)
    ranked = {u for users in wanted.values() for u in users}
    empty = b"" in model.rows  # else no user has an empty history, and it is not counted
    assert sum(model.blocks[1:]) == len(ranked) + empty  # each once, after one look at the first row
    assert block is None or max(model.blocks) <= block


def test_list_figures_are_those_of_the_overall_slice(shop_case):
    split, model = shop_case
    rng = np.random.default_rng(0)
    content = Features("made", rng.standard_normal((40, 3)).astype(np.float32), np.ones(40, bool))
    brands = Features("brand", np.eye(2, dtype=np.float32)[np.arange(40) % 2], np.ones(40, bool))
    found = evaluate(model, split, content=content, categories=brands, ks=(5, 10))
    figures = found.figures()
    cold_slots = [(row[:5] >= 30).mean() for row in found.items]
    np.testing.assert_allclose(found.values["overall"]["cold_slots@5"], cold_slots)
    assert figures["overall.cold_slots@5"] == pytest.approx(np.mean(cold_slots))
    truth = split.truth()[found.users["overall"]].toarray()
    relevance = (truth[:, 30:].sum(axis=1) / truth.sum(axis=1)).mean()
    assert figures["overall.cold_relevance"] == pytest.approx(relevance)
    worth = 1 / np.log2(np.arange(2, 7))
    exposure = ((found.items[:, :5] >= 30) * worth).sum() / (worth.sum() * len(found.items))
    assert figures["overall.cold_exposure@5"] == pytest.approx(exposure)
    assert figures["overall.coverage@10"] == pytest.approx(len(np.unique(found.items)) / 40)
    for name in ("novelty", "diversity", "miscalibration", "gini", "popularity_lift"):
        assert math.isfinite(figures[f"overall.{name}@10"]), name
    assert set(METRICS) <= {name.split("@")[0] for name in found.values["cold"]}


def test_subgroups_restrict_users_or_relevant_items(shop_case):
    split, model = shop_case
    asked = ("user:gender", "user:activity", "item:popularity", "item:brand", "item:tags", "item:price")
    found = evaluate(model, split, ks=(10,), groups=asked)
    overall = dict(zip(found.users["overall"], found.values["overall"]["recall@10"], strict=True))
    for gender, odd in (("f", 0), ("m", 1)):
        name = f"user:gender={gender}"
        assert set(found.users[name]) == {u for u in overall if u % 2 == odd}
        wanted = [overall[u] for u in found.users[name]]
        np.testing.assert_array_equal(found.values[name]["recall@10"], wanted)
    truth = split.truth().toarray()
    lists = dict(zip(found.users["overall"], found.items, strict=True))
    name = "item:brand=missing"
    members = np.arange(40) % 5 == 4
    assert set(found.users[name]) == {u for u in overall if (truth[u] * members).any()}
    for u, value in zip(found.users[name], found.values[name]["recall@10"], strict=True):
        relevant = np.flatnonzero(truth[u] * members)
        assert value == pytest.approx(np.isin(relevant, lists[u]).mean())
    shares = [found.figures()[f"item:brand={b}.exposure@10"] for b in ("a", "b", "missing")]
    assert sum(shares) == pytest.approx(1)
    shares = [found.figures()[f"item:brand={b}.relevance"] for b in ("a", "b", "missing")]
    assert sum(shares) == pytest.approx(1)
    assert found.figures()["item:tags=x.relevance"] == pytest.approx(truth[:, ::2].sum() / truth.sum())


def test_the_block_bounds_memory_at_any_catalogue():
    for n_items in (1, 100, 16_980, 1_000_000, 10**8):
        rows = block_rows(n_items)
        assert rows == 1 or 4 * rows * n_items <= 256 << 20
    assert block_rows(1_000_000) >= 64


def test_progress_counts_users_to_the_end(shop_case):
    split, model = shop_case
    seen = []
    found = evaluate(model, split, block=7, progress=lambda *told: seen.append(told))
    everybody = len(set().union(*map(set, found.users.values())))
    assert seen[-1] == (everybody, everybody, "evaluate")
    assert [done for done, _, _ in seen] == sorted({done for done, _, _ in seen})


def test_unusable_scores_name_the_model_and_the_users(shop_case):
    split, model = shop_case
    model.scores[20, 3] = np.nan
    with pytest.raises(DataError, match=r"Fixed, users from 20.*row 0 .*"):
        evaluate(model, split, block=1)


def test_a_part_with_nothing_relevant_says_so():
    split = split_of(np.array([[TRAIN, VALIDATION], [TRAIN, VALIDATION]]), np.zeros(2, bool))
    model = Fixed(np.zeros((2, 2), np.float32), split.histories().matrix())
    assert package_evaluate(model, split).slices == ("warm", "overall", "user:gender=f", "user:gender=m")
    parts = np.array([[TRAIN, VALIDATION], [TRAIN, VALIDATION]])
    nobody = split_of(parts, np.zeros(2, bool), candidates=np.array([True, False]))
    with pytest.raises(DataError, match="relevant items in the validation part"):
        evaluate(model, nobody)


@pytest.mark.parametrize("role", ["category", "number", "text", "vector"])
def test_a_sensitive_column_is_always_an_audit_group_of_those_who_consented(shop_case, role):
    split, model = shop_case
    told = {"category": "ab", "number": (1.0, 2.0), "text": ("one word", "two words"), "vector": "ab"}[role]
    n = split.data.n_users
    users = pl.DataFrame({"age": [told[u % 2] for u in range(n)], "ok": [u % 3 > 0 for u in range(n)]})
    columns = Column("age", role, sensitive=True, consent="ok"), Column("ok", "context")
    data = replace(split.data, users=users, schema=replace(split.data.schema, users=columns))
    found = evaluate(model, replace(split, data=data), groups=("item:popularity",))
    groups = [name for name in found.slices if name.startswith("user:age=")]
    assert len(groups) == (0 if role == "vector" else 3)
    for name in groups:
        told_no = name.endswith("=missing")
        assert all((u % 3 == 0) == told_no for u in found.users[name].tolist())
    assert any(name.startswith("item:popularity=") for name in found.slices)


def test_slots_without_evidence_are_counted():
    parts = np.zeros((2, 6), dtype=int)
    parts[:, 0], parts[:, 1] = TRAIN, VALIDATION
    split = split_of(parts, np.zeros(6, dtype=bool))
    scores = np.array([[9, 3, 1, 0, -1, 0], [9, -3, -1, -2, -1, -4]], dtype=np.float32)

    class Same:
        def score(self, histories):
            return scores[: histories.shape[0]].copy()

    found = evaluate(Same(), split, ks=(2, 5))
    assert found.values["overall"]["no_evidence@2"].tolist() == [0.0, 1.0]
    assert found.values["overall"]["no_evidence@5"].tolist() == [0.6, 1.0]


class Common:
    """Scores of items for everybody, and of the history."""

    def __init__(self, common, own):
        self.common, self.own = common, own

    def score(self, histories):
        return np.asarray(histories.matrix() @ self.own + self.common, dtype=np.float32)


class Told(Common):
    """The same, and scores of who the rows are."""

    def with_context(self, users):
        by_user = np.asarray(users)[:, None] % 3 == np.arange(len(self.own))
        return Common(self.common + by_user, self.own)


@given(cases(), st.sampled_from([Common, Told]), st.sampled_from([0.0, 0.3]))
def test_lists_that_the_history_moved_are_counted(tmp_path_factory, case, kind, strength):
    """Against the lists of the same users, one at a time, with nothing in their history."""
    split, _ = case
    n, rng = split.data.n_items, np.random.default_rng(0)
    model = kind(rng.permutation(n) / n, strength * rng.random((n, n)))
    found = evaluate(model, split, ks=(1, 3), log=tmp_path_factory.mktemp("log") / "log.jsonl", block=2)
    if "overall" not in found.users:
        return
    for at, user in enumerate(found.users["overall"].tolist()):
        asked = model.with_context([user]) if kind is Told else model
        plain = asked.score(Histories.of_lists([[]], split.data.n_items))[0]
        able = [i for i in np.flatnonzero(split.candidates) if not split.excluded("validation")[user, i]]
        able.sort(key=lambda i: (-plain[i], i))
        for k in (1, 3):
            same = found.items[at, :k][found.items[at, :k] >= 0].tolist() == able[:k]
            assert found.values["overall"][f"history_moved@{k}"][at] == (not same)
    assert strength or not found.values["overall"]["history_moved@3"].any()
