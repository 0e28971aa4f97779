"""A model that goes by the last event: the order of a history reaches it on every way there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from http_service import Service
from made_markov import Markov

import sidelight as sl
from sidelight.models.people import People
from sidelight.models.recommender import Recommender
from sidelight.serving.client.client import Client
from sidelight.serving.database.database import Database
from sidelight.serving.engine import Engine
from sidelight.serving.http.http_options import HttpOptions

N = 12


@pytest.fixture(scope="module")
def split() -> Any:
    """Everybody walks round in steps of five from a start of their own, so that ids say nothing of order."""
    events = [
        {"user_id": f"u{u:02d}", "item_id": f"i{(u + 5 * step) % N:02d}", "timestamp": 1_600_000_000 + step}
        for u in range(24)
        for step in range(8)
    ]
    items = pl.DataFrame(
        {"item_id": [f"i{n:02d}" for n in range(N)], "title": [f"thing {n}" for n in range(N)]}
    )
    return sl.split.leave_last_out(sl.from_frames(pl.DataFrame(events), items=items))


@pytest.fixture(scope="module")
def model(split: Any) -> Recommender:
    return Markov().fit(split)


def after(item: str) -> str:
    return f"i{(int(item[1:]) + 5) % N:02d}"


WAYS = (["i03", "i06"], ["i06", "i03"], ["i03", "i06", "i03"])


def test_fit_and_evaluate_see_the_order(split: Any, model: Recommender) -> None:
    assert sl.evaluate(model, split, ks=(1,)).figures()["overall.recall@1"] == 1.0
    blind = sl.OrderBlind(model)  # the same with histories in the order of item numbers
    assert sl.evaluate(blind, split, ks=(1,)).figures()["overall.recall@1"] < 0.5


@pytest.mark.parametrize("loaded", [False, True])
def test_lists_follow_the_order_before_and_after_saving(
    model: Recommender, split: Any, tmp_path: Path, loaded: bool
) -> None:
    if loaded:
        model = sl.load(model.save(tmp_path / "m"))
        assert model.people.histories.ordered
    first = model.recommend(histories=WAYS, k=1)["item_id"].to_list()
    assert first == [after(each[-1]) for each in WAYS]
    stored = [split.histories().row(at)[-1] for at in range(24)]
    assert model.recommend(k=1)["item_id"].to_list() == [after(f"i{at:02d}") for at in stored]
    assert model.explain(first[1], history=WAYS[1], k=1).history[0][0] == "i03"


def test_a_bundle_of_format_1_has_histories_of_unknown_order(model: Recommender) -> None:
    (arrays, meta), ids = model.people.state(), model.items.ids
    matrix = model.people.histories.matrix()
    old = {name: value for name, value in arrays.items() if not name.startswith("history_")}
    again = People.restore({**old, "item_ids": ids, "histories": matrix}, meta).histories
    assert not again.ordered and (again.matrix() != matrix).nnz == 0


@contextmanager
def served(model: Recommender, folder: Path) -> Iterator[Service]:
    with (
        Database.open(str(folder / "d.sqlite")) as database,
        Engine(model.save(folder / "m"), database) as engine,
    ):
        options = HttpOptions(rate=0, explorer=True)
        service = Service(folder, options, engine=engine, database=database)
        try:
            yield service
        finally:
            service.close()


def passed_on(service: Service, sent: httpx.Request) -> httpx.Response:
    got = service.client.request(sent.method, sent.url.path, content=sent.content, headers=dict(sent.headers))
    return httpx.Response(got.status_code, content=got.content, headers=dict(got.headers))


def test_the_service_its_client_and_its_pages_keep_the_order(model: Recommender, tmp_path: Path) -> None:
    with served(model, tmp_path) as service:
        client = Client(
            "http://localhost", transport=httpx.MockTransport(lambda sent: passed_on(service, sent))
        )
        for each in WAYS:
            wanted = after(each[-1])
            got = service.send("POST", "/v1/recommend", {"history": each, "k": 1}).json()
            assert got["items"][0]["item_id"] == wanted
            assert client.recommend(history=each, k=1).items[0].item_id == wanted
        page = service.client.get("/").text
        token = re.findall(r'name="token" value="([^"]+)"', page)[0]
        for each in WAYS[:2]:
            form = {"token": token, "who": "history", "history": each, "k": "10"}
            shown = service.client.post("/", data=form, headers={"X-Live": "1"}).text
            assert re.findall(r'class="title"><a href="/item\?id=(i\d\d)"', shown)[0] == after(each[-1])


def test_a_new_event_is_the_newest(model: Recommender, tmp_path: Path) -> None:
    """An event for an item that is known already makes it the newest as well."""
    with served(model, tmp_path) as service:
        stored = [f"i{at:02d}" for at in model.people.histories.row(0)]
        for item in ("i11", stored[0]):
            sent = {"events": [{"user": "u00", "item": item, "kind": "click"}]}
            assert service.send("POST", "/v1/events", sent).status_code < 300
            body = {"user": "u00", "k": 1, "filter_seen": False}
            got = service.send("POST", "/v1/recommend", body).json()
            assert got["items"][0]["item_id"] == after(item)
