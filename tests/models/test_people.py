"""A bundle without people holds nothing per user, and serves the histories that requests bring."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from models.cases import TITLE

import sidelight as sl
from sidelight.errors import SpecError
from sidelight.models.people import People

USERS, ITEMS = 37, 23
CLOSED = sl.Blend((sl.Popular(), sl.ALS(dim=4, epochs=2), sl.ContentKNN((TITLE,))), depth=20)


def name(user: int) -> str:
    return f"visitor-{user:03d}-{'abcdefg'[user % 7]}"


@pytest.fixture(scope="module")
def split() -> sl.Split:
    rng = np.random.default_rng(3)
    rows = [(name(u), f"item-{i}") for u in range(USERS) for i in rng.choice(ITEMS, 6, replace=False)]
    times = pl.from_epoch(pl.Series("timestamp", [10**15 + n * 10**6 for n in range(len(rows))]), "us")
    events = pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row").with_columns(times)
    words = ("tent", "rope", "stove", "lamp", "boot")
    items = {"item_id": [f"item-{i}" for i in range(ITEMS)], "title": [words[i % 5] for i in range(ITEMS)]}
    users = {
        "user_id": [name(u) for u in range(USERS)],
        "email": [f"{name(u)}@example" for u in range(USERS)],
    }
    data = sl.from_frames(events, items, users)
    return sl.split.temporal(data, validation=0.15, test=0.15)


def tower() -> Any:
    pytest.importorskip("torch")
    options = sl.TrainingOptions(epochs=1, batch_size=16)
    return sl.TwoTower((TITLE,), dim=4, users=(sl.Categories("email"),), options=options)


@pytest.fixture(scope="module", params=["blend", "two_tower"])
def model(request: pytest.FixtureRequest, split: sl.Split) -> sl.Recommender:
    return (tower() if request.param == "two_tower" else CLOSED).fit(split)


@pytest.fixture
def bare(model: sl.Recommender, tmp_path: Path) -> sl.Recommender:
    return sl.load(model.save(tmp_path / "bare", people=False))


def test_no_file_holds_a_user_id_in_any_encoding(model: sl.Recommender, tmp_path: Path) -> None:
    def found(folder: Path) -> set[str]:
        content = b"".join(f.read_bytes() for f in folder.rglob("*") if f.is_file())
        names = [name(u) for u in range(USERS)]
        return {n for n in names if any(n.encode(code) in content for code in ("utf-8", "utf-32-le"))}

    assert found(model.save(tmp_path / "with")) == {name(u) for u in range(USERS)}
    assert not found(model.save(tmp_path / "without", people=False))


def test_no_array_has_a_row_per_user(model: sl.Recommender, bare: sl.Recommender) -> None:
    def lengths(found: sl.Recommender) -> set[int]:
        arrays = found.to_arrays()[0].values()
        return {n for a in arrays for n in (a.shape, (len(a.indptr),) if sp.issparse(a) else ()) for n in n}

    assert USERS in lengths(model) and not {USERS, USERS + 1} & lengths(bare)


def test_requests_with_a_history_are_served_alike(model: sl.Recommender, bare: sl.Recommender) -> None:
    given: dict[str, Any] = {"histories": [["item-1", "item-4"], []], "k": 7}
    assert bare.recommend(**given).equals(model.recommend(**given))
    assert bare.similar(["item-2"]).equals(model.similar(["item-2"]))
    assert bare.explain("item-3", history=["item-1"]) == model.explain("item-3", history=["item-1"])
    new = {"item_id": ["new"], "title": ["rope lamp"]}
    assert bare.add_items(new).recommend(**given).equals(model.add_items(new).recommend(**given))


def test_requests_for_a_user_are_refused_in_one_line(bare: sl.Recommender) -> None:
    assert bare.people is None and "no people" in repr(bare)
    for request in (
        lambda: bare.recommend(users=[name(0)]),
        bare.recommend,
        lambda: bare.audience(["item-1"]),
        lambda: bare.explain("item-1", user=name(0)),
    ):
        with pytest.raises(SpecError, match=r"saved without people; pass histories=\[\.\.\.\]") as error:
            request()
        assert "\n" not in str(error.value)


def test_saving_again_and_saving_without_people_twice_change_nothing(
    bare: sl.Recommender, tmp_path: Path
) -> None:
    again = sl.load(bare.save(tmp_path / "again"))
    assert again.people is None and again.to_arrays()[0].keys() == bare.to_arrays()[0].keys()


def test_ids_are_found_and_histories_widened(split: sl.Split) -> None:
    people = People.of(split)
    assert people.find([name(3), "nobody", name(0)]).tolist() == [3, -1, 0]
    wide = people.widened(ITEMS + 2)
    assert wide.histories.shape == (USERS, ITEMS + 2) and len(wide) == USERS


def test_an_engine_serves_histories_and_stored_events(bare: sl.Recommender, tmp_path: Path) -> None:
    from sidelight.serving.database.database import Database
    from sidelight.serving.domain import Event
    from sidelight.serving.engine import Engine
    from sidelight.serving.requests import RecommendRequest

    bundle = bare.save(tmp_path / "served")
    with Database.open(str(tmp_path / "served.sqlite")) as database, Engine(bundle, database) as engine:
        expected = bare.recommend(histories=[["item-1", "item-4"]], k=5)["item_id"].to_list()
        pasted = engine.recommend(RecommendRequest(history=("item-1", "item-4"), k=5))
        assert [each.item_id for each in pasted.items] == expected
        now = datetime.now(UTC)
        engine.add_events([Event(name(0), f"item-{n}", "click", now) for n in (1, 4)])
        stored = engine.recommend(RecommendRequest(user=name(0), k=5))
        assert [each.item_id for each in stored.items] == expected
        assert engine.recommend(RecommendRequest(user=name(1), k=5)).fallback
        assert engine.audience(item="item-1", k=3).people == ()
