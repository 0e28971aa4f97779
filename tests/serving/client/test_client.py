"""The client against a service that answers as the test says: what is sent, read, repeated and raised."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import httpx
import numpy as np
import pytest
import shop
import uvicorn
from pydantic import BaseModel
from serving.client.cases import ANSWER, LISTED, Service, client, problem

import sidelight as sl
from sidelight.errors import DataError, SpecError
from sidelight.serving import responses
from sidelight.serving.client import client_errors
from sidelight.serving.client.client import Client, RecommendRequest, event
from sidelight.serving.database.database import Database
from sidelight.serving.domain import Event
from sidelight.serving.engine import Engine
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.http import request_models
from sidelight.serving.http.app import create_app
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.rerank.rules import ItemCondition, Pin, Rules
from sidelight.serving.store.store import Store

VERSION = {
    "name": "monday", "created": "2026-03-01T09:30:00+00:00", "note": "", "fingerprint": "f", "size": 12,
    "metrics": {"overall.ndcg@10": 0.4, "cold.ndcg@10": None}, "current": True, "previous": False,
}  # fmt: skip


STATUS = {
    "version": "monday",
    "loaded": "2026-03-01T09:30:00Z",
    "users": 3,
    "items": 4,
    "drift": {"answers": 9},
}


SHOWN = {"item_id": "i07", "title": "folding spade", "row": {"tags": ["a"], "price": 1.5}, "new": False}


def test_a_list_is_asked_for_and_read() -> None:
    service = Service(ANSWER)
    rules = Rules(boost=(ItemCondition("brand", "Fernhill", strength=2.0),), pin=(Pin("i33", 2),), floor=0.2)
    with client(service, key="sl_secret") as asking:
        found = asking.recommend(
            "u1", k=3, context={"hour": 7}, candidates=["i07"], rules=rules, explain=True
        )
    [seen] = service.seen
    assert (seen.method, seen.url.path) == ("POST", "/shop/v1/recommend")
    assert seen.headers["Authorization"] == "Bearer sl_secret"
    assert seen.headers["Content-Type"] == "application/json"
    asked = request_models.RecommendBody.model_validate_json(service.seen[0].content)
    assert (asked.user, asked.history, asked.k, asked.candidates) == ("u1", None, 3, ["i07"])
    assert asked.context == {"hour": 7} and asked.explain and asked.explore and asked.filter_seen
    assert asked.rules is not None and asked.rules.floor == 0.2
    assert Rules.from_dict(service.body["rules"]) == rules
    [item] = found.items
    assert found.version == "monday" and found.cost is not None and found.cost.by_rule == {"pin": 0.1}
    assert (item.score, item.moved) == (1.0, -2) and isinstance(item.score, float)
    assert item.why == responses.Explanation(
        "i07", 1.0, user=0.25, history=(("i01", "a rake", 0.75),), words=(("steel", 0.3),)
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.version = "other"  # type: ignore[misc]


def test_every_method_asks_what_the_api_takes() -> None:
    """Path, scheme of the body and kind of the answer, one method after the other."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    pictured = {
        "item_id": "i81",
        "photo": b"\x00\xff",
        "released": date(2026, 1, 2),
        "price": np.float32(2.5),
    }
    receipt = {"change": 7, "accepted": 1, "placed": True, "refused": [{"item_id": "i1", "reason": "no"}]}
    several = RecommendRequest("u1"), RecommendRequest(history=("i1",), k=2)
    audience = {"people": [{"user": "u1", "place": 2, "score": 0.5}], "near": [LISTED]}
    cases: list[tuple[Callable[[Client], Any], str, str, type[BaseModel] | None, Any]] = [
        (lambda c: c.recommend_many(several), "POST", "/v1/recommend/batch",
         request_models.BatchBody, {"answers": [ANSWER, ANSWER]}),
        (lambda c: c.similar("i07", k=3), "POST", "/v1/similar", request_models.SimilarBody,
         {"items": [LISTED]}),
        (lambda c: c.explain("i07", history=["i1"]), "POST", "/v1/explain", request_models.ExplainBody,
        LISTED["why"]),
        (lambda c: c.audience(row={"title": "spade"}), "POST", "/v1/audience", request_models.AudienceBody,
        audience),
        (lambda c: c.audience("i07", k=2), "POST", "/v1/audience", request_models.AudienceBody, audience),
        (lambda c: c.items(["i07", "i99"]), "POST", "/v1/items/get", request_models.GetItemsBody,
         {"items": [SHOWN], "unknown": ["i99"]}),
        (lambda c: c.search("folding spade & co", 5), "GET", "/v1/items", None, {"items": [SHOWN]}),
        (lambda c: c.put_items([pictured], wait=2), "PUT", "/v1/items", request_models.PutItemsBody, receipt),
        (lambda c: c.send_events([Event("u1", "i07", "click", at)]), "POST", "/v1/events",
        request_models.EventsBody,
         {"accepted": 1, "dropped": 0}),
        (lambda c: c.set_consent("u1", False), "PUT", "/v1/consent", request_models.ConsentBody,
        {"given": False}),
        (lambda c: c.forget("u1"), "POST", "/v1/forget", request_models.ForgetBody, {"deleted": 12}),
        (lambda c: c.versions(), "GET", "/v1/versions", None, {"versions": [VERSION]}),
        (lambda c: c.promote("monday"), "POST", "/v1/versions/promote", request_models.PromoteBody, VERSION),
        (lambda c: c.rollback(), "POST", "/v1/versions/rollback", None, VERSION),
        (lambda c: c.status(), "GET", "/v1/status", None, STATUS),
        (lambda c: c.ready(), "GET", "/readyz", None, {"status": "ok"}),
    ]  # fmt: skip
    found = []
    for call, method, path, scheme, answer in cases:
        service = Service(answer)
        found.append(call(client(service)))
        [seen] = service.seen
        assert (seen.method, seen.url.path) == (method, "/shop" + path)
        if scheme is None:
            assert not seen.content
        else:
            scheme.model_validate_json(seen.content)
        if path == "/v1/items" and method == "GET":
            assert dict(seen.url.params) == {"q": "folding spade & co", "k": "5"}
        if path == "/v1/items" and method == "PUT":
            assert dict(seen.url.params) == {"wait": "2"}
            row = {"item_id": "i81", "photo": "AP8=", "released": "2026-01-02", "price": 2.5}
            assert service.body == {"items": [row]}
    lists, near, why, new, old, shown, searched, put, sent, consent, forgotten, versions, *rest = found
    assert len(lists) == 2 and near[0].item_id == "i07" and why.words == (("steel", 0.3),) and new == old
    assert new.people == (responses.PlacedUser("u1", 2, 0.5),)
    assert shown.unknown == ("i99",) and searched == shown.items and shown.items[0].row["price"] == 1.5
    assert put.placed and put.refused == (responses.RefusedRow("i1", "no"),)
    assert (sent.accepted, consent, forgotten) == (1, False, 12)
    assert versions[0].created == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    assert rest[:2] == [versions[0], versions[0]] and versions[0].metrics["cold.ndcg@10"] is None
    assert rest[2].drift.answers == 9 and rest[2].trouble == "" and rest[3] is True


def test_a_redirect_is_not_followed_with_the_key() -> None:
    service = Service(httpx.Response(307, headers={"Location": "http://elsewhere.test/"}))
    with pytest.raises(client_errors.ServiceError, match="307"):
        client(service, key="sl_secret").recommend("u1")
    assert len(service.seen) == 1


def test_busy_services_are_asked_again(pauses: list[float]) -> None:
    service = Service(problem(429, "3"), httpx.Response(503), ANSWER)
    assert client(service).recommend("u1").version == "monday"
    assert len(service.seen) == 3 and len({seen.content for seen in service.seen}) == 1
    assert pauses[0] == 3.0 and 0.2 <= pauses[1] <= 0.4


def test_it_ends_after_the_last_try(pauses: list[float]) -> None:
    service = Service(problem(503, "1"))
    with pytest.raises(client_errors.BusyError) as caught:
        client(service, retries=3).recommend("u1")
    assert len(service.seen) == 4 and len(pauses) == 3 and caught.value.retry_after == 1.0
    service = Service(problem(503, "1"))
    with pytest.raises(client_errors.BusyError):
        client(service, retries=0).recommend("u1")
    assert len(service.seen) == 1


def test_longer_patience_than_half_a_minute_is_the_caller_s(pauses: list[float]) -> None:
    service = Service(problem(503, "3600"))
    with pytest.raises(client_errors.BusyError) as caught:
        client(service).recommend("u1")
    assert caught.value.retry_after == 3600 and len(service.seen) == 1 and pauses == []


def test_lost_connections_are_made_again_and_timeouts_are_not(pauses: list[float]) -> None:
    service = Service(httpx.ConnectError("refused"), httpx.RemoteProtocolError("gone"), ANSWER)
    assert client(service).recommend("u1").version == "monday"
    assert len(pauses) == 2
    service = Service(httpx.ConnectError("no\nroute"))
    with pytest.raises(
        client_errors.UnreachableError, match=r"found no route; in http://service\.test/shop$"
    ):
        client(service).recommend("u1")
    assert len(service.seen) == 3
    service = Service(httpx.ReadTimeout("slow"))
    with pytest.raises(client_errors.UnreachableError, match=r"none after 0\.5 s") as caught:
        client(service, timeout=0.5).recommend("u1")
    assert len(service.seen) == 1 and caught.value.status is None


def test_a_rollback_is_sent_once(pauses: list[float]) -> None:
    for answer in (problem(503, "1"), httpx.ConnectError("refused")):
        service = Service(answer, VERSION)
        with pytest.raises(client_errors.ServiceError):
            client(service).rollback()
        assert len(service.seen) == 1 and pauses == []


def test_events_sent_again_are_the_same_events(pauses: list[float]) -> None:
    """The tries of one call, and two calls with the same events, carry the same ids."""
    at = datetime(2026, 3, 1, 9, tzinfo=UTC)
    made = [event("u1", "i1", "click"), Event("u1", "i2", "view", at), event("u1", "i1", "click")]
    service = Service(problem(503, "1"), {"accepted": 3, "dropped": 0})
    asking = client(service)
    assert asking.send_events(made).accepted == 3
    asking.send_events(made)
    bodies = [json.loads(seen.content)["events"] for seen in service.seen]
    assert bodies[0] == bodies[1]
    ids = [[each["event_id"] for each in body] for body in bodies]
    assert len(set(ids[0])) == 3 and all(ids[0])
    assert ids[2][0] == ids[0][0] and ids[2][2] == ids[0][2] and ids[2][1] != ids[0][1]
    assert bodies[0][1]["at"] == at.isoformat()


def test_readiness_is_asked_once(pauses: list[float]) -> None:
    for answer in (problem(503), httpx.ConnectError("refused"), httpx.ReadTimeout("slow")):
        service = Service(answer)
        assert client(service).ready() is False
        assert len(service.seen) == 1
    with pytest.raises(client_errors.NotFoundError):
        client(Service(httpx.Response(404))).ready()


def test_waiting_calls_have_time_to_wait() -> None:
    service = Service({"change": 1, "accepted": 1})
    client(service, timeout=2.0).put_items([{"item_id": "i1"}], wait=10)
    assert service.seen[0].extensions["timeout"]["read"] == 12.0
    service = Service(VERSION)
    client(service).promote("monday")
    assert service.seen[0].extensions["timeout"]["read"] > 100


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.recommend(),
        lambda c: c.recommend("u1", history=["i1"]),
        lambda c: c.recommend(history="i1"),
        lambda c: c.recommend("u1", candidates="i1"),
        lambda c: c.items("i1"),
        lambda c: c.put_items([{"item_id": "i1", "price": float("nan")}]),
        lambda c: c.put_items([{"item_id": "i1", "price": {1, 2}}]),
    ],
)
def test_wrong_calls_are_refused_before_anything_is_sent(call: Callable[[Client], Any]) -> None:
    service = Service({})
    with pytest.raises(SpecError):
        call(client(service))
    assert service.seen == []
    with pytest.raises(DataError):
        event("", "i1", "click")


def test_wrong_clients_are_refused_and_keys_are_not_shown() -> None:
    for options in (
        {"timeout": 0},
        {"retries": -1},
        {"key": "sl_secret\n"},
        {"key": ""},
        {"key": "sl_sécret"},
    ):
        with pytest.raises(SpecError) as caught:
            Client("http://service.test", **options)  # type: ignore[arg-type]
        assert "sl_" not in str(caught.value)
    with pytest.raises(SpecError, match="http://"):
        Client("service.test:8000")
    assert "sl_secret" not in repr(Client("http://service.test", key="sl_secret"))


def test_importing_the_client_imports_no_service() -> None:
    heavy = ["numpy", "polars", "sqlalchemy", "fastapi", "pydantic", "torch", "sklearn"]
    code = f"import sidelight.serving.client.client, sys; print([n for n in {heavy} if n in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A service with two versions and a key that may do everything: its address and the key."""
    folder = tmp_path_factory.mktemp("service")
    split = sl.split.temporal(
        sl.read(shop.write(folder / "shop")), validation="2026-02-01", test="2026-03-01"
    )
    store = Store(folder / "store")
    for name, content in (
        ("monday", (sl.Text("title"),)),
        ("tuesday", (sl.Text("title"), sl.Categories("brand"))),
    ):
        store.publish(sl.ContentKNN(content=content).fit(split), name=name)
        store.promote(name)
    with Database.open(str(folder / "service.sqlite")) as database:
        key = database.add_key("test", ["read", "history", "events", "metrics", "admin"])
        engine = Engine(store, database, EngineOptions(poll=0.05))
        with engine:
            app = create_app(engine, database, HttpOptions(require_keys=True, explorer=False))
            server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws="none"))
            thread = threading.Thread(target=server.run)
            thread.start()
            try:
                while not server.started:
                    assert thread.is_alive(), "the server did not start"
                    time.sleep(0.01)
                yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", key
            finally:
                server.should_exit = True
                thread.join()


def test_the_real_service_retires_items(address: tuple[str, str]) -> None:
    with Client(*address) as asking:
        first = asking.recommend("u01", k=3).items[0].item_id
        done = asking.retire([first, "no-such"])
        assert (done.changed, done.unknown) == (2, ("no-such",)) and first in asking.retired()
        assert asking.items([first]).items[0].retired
        assert first not in {item.item_id for item in asking.recommend("u01", k=80).items}
        assert asking.restore([first, "no-such"]).items == asking.retired() == ()
        assert asking.recommend("u01", k=3).items[0].item_id == first


def test_the_real_service_gives_lists(address: tuple[str, str]) -> None:
    rules = Rules(block=(ItemCondition(items=("i01",)),), pin=(Pin("i33", 2),), diversity=0.2, floor=0.2)
    with Client(*address) as asking:
        assert asking.ready()
        found = asking.recommend("u01", k=5, rules=rules, explain=True)
        assert found.version == "tuesday" and [item.rank for item in found.items] == [1, 2, 3, 4, 5]
        assert found.items[1].item_id == "i33" and found.cost is not None and "pin" in found.cost.by_rule
        assert any(item.why is not None and item.why.history for item in found.items)
        several = RecommendRequest("u01", k=5), RecommendRequest(history=("i02", "nobody"), k=3)
        plain, other = asking.recommend_many(several)
        assert len(plain.items) == 5 and len(other.items) == 3 and other.unknown == ("nobody",)
        assert asking.recommend("stranger").fallback
        assert asking.similar("i02", k=4)[0].source == "similar"
        why = asking.explain(plain.items[0].item_id, user="u01", k=2)
        assert 1 <= len(why.history) <= 2 and why.history[0][2] > 0
        status = asking.status()
        assert status.version == "tuesday" and status.started is not None and status.items > 40
        shown = asking.items(["i02", "nobody"])
        assert shown.unknown == ("nobody",) and shown.items[0].row["title"] == shown.items[0].title
        assert "i02" in {item.item_id for item in asking.search(shown.items[0].title)}


def test_the_real_service_stores_what_is_sent(address: tuple[str, str]) -> None:
    row = {"title": "folding spade", "brand": "Fernhill"}
    clicks = [event("u77", "i02", "click"), event("u77", "i05", "purchase")]
    with Client(*address) as asking:
        found = asking.audience(row=row, k=3)
        assert found.users > 0 and found.first == 3
        assert found.reached >= sum(one.place <= 3 for one in found.people)
        receipt = asking.put_items([{"item_id": "i81", **row}], wait=10)
        assert receipt.accepted == 1 and receipt.placed and receipt.refused == ()
        assert asking.items(["i81"]).items[0].new
        assert asking.audience("i81", k=3).near[0].item_id != "i81"
        assert asking.send_events(clicks).accepted == 2
        assert asking.send_events(clicks).accepted == 0  # the same events again
        assert not asking.recommend("u77").fallback
        assert asking.set_consent("u77", False) is False
        assert asking.recommend("u77").fallback
        assert asking.send_events([event("u77", "i02", "view")]).dropped == 1
        assert asking.set_consent("u77", True) is True
        assert asking.forget("u77") >= 0


def test_the_real_service_changes_versions(address: tuple[str, str]) -> None:
    with Client(*address) as asking:
        assert [version.name for version in asking.versions() if version.current] == ["tuesday"]
        assert asking.rollback().name == "monday"
        assert asking.recommend("u01").version == "monday"
        assert asking.promote("tuesday").current
        with pytest.raises(client_errors.NotFoundError) as caught:
            asking.promote("sunday")
        assert caught.value.kind.endswith("unknown-version") and caught.value.request_id


def test_the_real_service_refuses(address: tuple[str, str]) -> None:
    url, key = address
    with pytest.raises(client_errors.KeyRefusedError, match="401"), Client(url) as asking:
        asking.recommend("u01")
    with Client(url, key) as asking:
        with pytest.raises(client_errors.InvalidRequestError) as caught:
            asking.recommend("u01", k=100_000)
        assert [mistake.pointer for mistake in caught.value.mistakes] == ["/k"]
        with pytest.raises(client_errors.NotFoundError, match="404"):
            asking.similar("nobody")
        with pytest.raises(client_errors.InvalidRequestError, match="exactly one"):
            asking.audience()
