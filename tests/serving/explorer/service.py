"""The made-up library behind the explorer's pages: two versions in a store, a database, a server."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from serving.explorer.library import library
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

import sidelight as sl
from sidelight.serving.database.database import Database
from sidelight.serving.engine import Engine
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.explorer.explorer_app import ExplorerApp
from sidelight.serving.explorer.forms import MOST_BYTES
from sidelight.serving.explorer.page_routes import PageRoute, Work, mount
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.store.store import Store

CLICKS, CONTENT = "clicks-only", "with-content"  # names of the versions; the second serves
FIGURES = {
    CLICKS: {"overall.ndcg@20": 0.3912, "cold.ndcg@20": 0.0, "warm.ndcg@20": 0.4278},
    CONTENT: {"overall.ndcg@20": 0.4758, "cold.ndcg@20": 0.3105, "warm.ndcg@20": 0.4784},
}


def publish(root: Path, extra: list[dict[str, object]] | None = None) -> Path:
    """A store with two versions of a model of the library; `extra` are more books."""
    split = sl.split.temporal(library(extra or []), validation=0.15, test=0.15)
    content = (sl.Text("title", "description", min_df=1), sl.Categories("shelf"), sl.Tags("subjects"))
    clicks = (sl.Popular(), sl.EASE(reg=30.0))
    specs = {CLICKS: sl.Blend(clicks), CONTENT: sl.Blend((*clicks, sl.ContentKNN(content)))}
    notes = {CLICKS: "knows items by their clicks", CONTENT: "also reads titles and descriptions"}
    store = Store(root)
    for name, spec in specs.items():
        spec.fit(split).save(root.parent / name, metrics=FIGURES[name])
        store.publish(root.parent / name, name=name, note=notes[name])
        store.promote(name)
    return root


async def run_unlimited(request: Request, route: PageRoute, caller: Hashable, work: Work) -> Response:
    """Run the work of a page in a thread, without the limits of the service."""
    body = await request.body()
    return await run_in_threadpool(work, body if len(body) <= MOST_BYTES else None)


@dataclass
class Service:
    """What runs.

    Args:
        base: Its address, without the last slash.
        engine, database, explorer: Its parts.
    """

    base: str
    engine: Engine
    database: Database
    explorer: ExplorerApp


@contextmanager
def running(
    store: Path, folder: Path, keys: bool | None = False, single: bool = False, proxied: bool = False
) -> Iterator[Service]:
    """The pages over a store, on a free port of this machine.

    Args:
        store: Of versions, or a single bundle.
        folder: For the database.
        keys: Whether to ask for a key; None asks once there is one.
        single: Whether it is one bundle.
        proxied: Whether what a proxy says of the request is believed.
    """
    database = Database.open(f"sqlite:///{folder / 'service.db'}")
    engine = Engine(store if single else Store(store), database, EngineOptions(poll=0.05))
    engine.start()
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    options = HttpOptions(require_keys=keys, max_history=50)
    explorer = mount(app, engine, options, database, run_unlimited)
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level="error", lifespan="off", proxy_headers=proxied)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Service(f"http://127.0.0.1:{port}", engine, database, explorer)
    finally:
        server.should_exit = True
        thread.join()
        engine.close()
        database.close()
