"""A service for tests: an engine that answers from a dict, and the app around it."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import polars as pl
from starlette.testclient import TestClient

from sidelight.data.schema import Column
from sidelight.errors import BundleError, DataError, UnknownIdError, complain
from sidelight.serving.database.database import Database
from sidelight.serving.domain import Event
from sidelight.serving.http.app import create_app
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.http.request_log import request_log
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.responses import (
    Audience,
    EventsReceipt,
    Explanation,
    Item,
    ItemsReceipt,
    PlacedUser,
    RankedItem,
    RecommendResponse,
    Retired,
    RuleCost,
    Status,
    Version,
)
from sidelight.serving.store.store import Store

HERE = "http://127.0.0.1:8000"
COLUMNS = (
    Column("title", "text"),
    Column("brand", "category"),
    Column("photo", "image_bytes"),
    Column("price", "number"),
)


class LittleEngine:
    """Twelve items and no model: what the service asks of an engine, with knobs for trouble."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[RecommendResponse, float], None]] = []
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """As it was at first."""
        self.items: dict[str, Any] = {
            f"i{n:02d}": {"title": f"thing {n}", "brand": "ab"[n % 2]} for n in range(12)
        }
        self.events: list[Event] = []
        self.out: set[str] = set()
        self.consent: dict[str, bool] = {}
        self.change, self.version = 0, "v1"
        self.failure: BaseException | None = None
        self.hold = threading.Event()
        self.hold.set()
        self.running, self.most_running = 0, 0

    @property
    def snapshot(self) -> Any:
        photos = [b""] * len(self.items)
        frame = pl.DataFrame(
            {"item_id": list(self.items), "title": "", "brand": "", "photo": photos, "price": 0.0}
        )
        model = SimpleNamespace(items=SimpleNamespace(columns=COLUMNS, rows=frame))
        return SimpleNamespace(version=self.version, change=self.change, model=model)

    def on_answer(self, callback: Callable[[RecommendResponse, float], None]) -> None:
        self.callbacks.append(callback)

    def _work(self) -> None:
        with self._lock:
            self.running += 1
            self.most_running = max(self.running, self.most_running)
        try:
            self.hold.wait(20)
            if self.failure is not None:
                raise self.failure
        finally:
            with self._lock:
                self.running -= 1

    def _listed(self, k: int, source: str, ids: Sequence[str] | None = None) -> tuple[RankedItem, ...]:
        chosen = [i for i in (self.items if ids is None else ids) if i in self.items][:k]
        return tuple(
            RankedItem(i, self.items[i].get("title") or "", 1.0 / n, n, source, new=n % 2 == 0)
            for n, i in enumerate(chosen, 1)
        )

    def recommend(self, ask: RecommendRequest) -> RecommendResponse:
        self._work()
        given = [*(ask.history or ()), *(ask.candidates or ())]
        unknown = tuple(i for i in given if i not in self.items)
        cost = RuleCost(0.1, {"floor": 0.1}, 0, 1) if ask.rules else None
        items = self._listed(ask.k, "personal", ask.candidates)
        answer = RecommendResponse(
            self.version, uuid4().hex, items, cost, unknown, ask.user == "nobody", self.change
        )
        for callback in self.callbacks:
            callback(answer, 0.001)
        return answer

    def recommend_many(self, asks: Sequence[RecommendRequest]) -> list[RecommendResponse]:
        return [self.recommend(ask) for ask in asks]

    def similar(self, item: str, k: int) -> list[RankedItem]:
        self._work()
        self.item(item)
        return list(self._listed(k, "similar"))

    def explain(self, item: str, user: str | None, history: tuple[str, ...] | None, k: int) -> Explanation:
        self.item(item)
        return Explanation(item, 2.0, 0.5, history=(("i01", "thing 1", 0.5),), words=(("thing", 0.2),))

    def audience(self, item: str | None, row: Mapping[str, Any] | None, k: int) -> Audience:
        if item is not None:
            self.item(item)
        return Audience((PlacedUser("u1", 1, 0.5),), self._listed(2, "similar"), 1, 1)

    def search(self, text: str, k: int) -> list[Item]:
        found = [i for i, row in self.items.items() if text in (row.get("title") or "") or i.startswith(text)]
        return [self.item(i) for i in found[:k]]

    def item(self, item: str) -> Item:
        if item not in self.items:
            raise UnknownIdError(complain("an item from the catalogue", repr(item)))
        return Item(item, self.items[item].get("title") or "", self.items[item])

    def put_items(self, rows: Sequence[Mapping[str, Any]], wait: float = 0.0) -> ItemsReceipt:
        self._work()
        for row in rows:
            for name in row:
                if name not in ("item_id", *(c.name for c in COLUMNS)):
                    raise DataError(complain("item columns of the catalogue", repr(name)))
        for row in rows:
            self.items[row["item_id"]] = {n: v for n, v in row.items() if n != "item_id"}
        self.change += len(rows)
        return ItemsReceipt(self.change, len(rows), placed=wait > 0)

    def retire(self, items: Sequence[str], retired: bool = True) -> Retired:
        before = set(self.out)
        self.out = before | set(items) if retired else before - set(items)
        unknown = tuple(i for i in items if i not in self.items)
        return Retired(self.retired(), len(before ^ self.out), unknown)

    def retired(self) -> tuple[str, ...]:
        return tuple(sorted(self.out))

    def add_events(self, events: Sequence[Event]) -> EventsReceipt:
        self._work()
        kept = [e for e in events if self.consent.get(e.user_id, True)]
        self.events += kept
        return EventsReceipt(len(kept), len(events) - len(kept))

    def set_consent(self, user: str, given: bool) -> None:
        self.consent[user] = given

    def forget(self, user: str) -> int:
        before = len(self.events)
        self.events = [e for e in self.events if e.user_id != user]
        return before - len(self.events)

    def versions(self) -> list[Version]:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        return [Version(n, at, "", "ab", {"ndcg@10": 0.2}, 10, n == self.version) for n in ("v2", "v1")]

    def promote(self, name: str) -> Version:
        self._work()
        self.version = name
        return next(v for v in self.versions() if v.name == name)

    def rollback(self) -> Version:
        if self.version == "v1":
            raise BundleError(complain("a version that served before", "none", "'a secret place'"))
        return self.promote("v1")

    def status(self) -> Status:
        now = datetime.now(UTC)
        return Status(self.version, now, 3, len(self.items), 1, 0, self.change, 0, new_share=0.5, started=now)


class Service:
    """A client of an app in this process, with what was logged."""

    def __init__(
        self,
        folder: Path,
        options: HttpOptions | None = None,
        keys: Mapping[str, Sequence[str]] | None = None,
        engine: Any = None,
        database: Database | None = None,
    ) -> None:
        self.engine = LittleEngine() if engine is None else engine
        self.owned = database is None
        self.database = database or Database.open(str(folder / f"{uuid4().hex}.sqlite"))
        self.secrets: dict[str, str] = {
            name: self.database.add_key(name, scopes) for name, scopes in (keys or {}).items()
        }
        self.stream = io.StringIO()
        given = options or HttpOptions(rate=0, explorer=False)
        self.app = create_app(self.engine, self.database, given, request_log(self.stream))
        self.client = TestClient(self.app, base_url=HERE, raise_server_exceptions=True)
        self.client.__enter__()

    def close(self) -> None:
        if isinstance(self.engine, LittleEngine):
            self.engine.hold.set()
        self.client.__exit__(None, None, None)
        if self.owned:
            self.database.close()

    def send(self, method: str, path: str, body: Any = None, key: str | None = None, **more: Any) -> Any:
        headers = dict(more.pop("headers", {}))
        if key is not None:
            headers["Authorization"] = f"Bearer {self.secrets.get(key, key)}"
        if body is not None:
            more["content"] = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        before = len(self.stream.getvalue())
        given = self.client.request(method, path, headers=headers, **more)
        said = self.stream.getvalue()[before:]
        if given.status_code >= 400 or path == "/metrics":
            said += given.text + str(dict(given.headers))
        for secret in (*self.secrets.values(), *private(body)):
            assert secret not in said, "a key, id or text of the request was told"
        return given

    def reset(self) -> None:
        """As it was at first, but for what was counted."""
        self.engine.reset()
        self.stream.seek(0)
        self.stream.truncate()

    def ring(self) -> Any:
        """What the app knows of keys."""
        found: Any = self.app.state.access.ring
        return found

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


def private(body: Any) -> Iterator[str]:
    """Texts of a body that no answer to it has by chance: ids, titles, words of a search."""
    if isinstance(body, Mapping):
        for value in body.values():
            yield from private(value)
    elif isinstance(body, list | tuple):
        for value in body:
            yield from private(value)
    elif isinstance(body, str) and len(body) >= 8:
        yield body


def published(shop: Path, root: Path) -> Path:
    """A store with the versions "clicks" and "content" (which serves) of a model of the made-up shop."""
    import sidelight as sl

    split = sl.split.temporal(sl.read(shop), validation=0.15, test=0.15)
    clicks = (sl.Popular(), sl.EASE(reg=30.0))
    content = sl.ContentKNN((sl.Text("title", "description", min_df=1), sl.Categories("brand")))
    store = Store(root)
    for name, spec in {"clicks": sl.Blend(clicks), "content": sl.Blend((*clicks, content))}.items():
        store.publish(spec.fit(split), name=name)
        store.promote(name)
    return root


def wait_for(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Until something holds; an error when it takes too long."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.005)
