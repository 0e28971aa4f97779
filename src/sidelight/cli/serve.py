"""Verb `serve`: the HTTP service with the explorer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

SOURCE = "Store of `sidelight store publish`, or bundle of `sidelight train`."
CORES = "Requests processed at a time [default: two per core]."
DATABASE = "SQLite file, or postgresql+psycopg://...; --init makes it."
INIT = "Make the database if there is none, and bind the store to it."
OPEN = "Require no key, on this machine alone, although there are or were some."
PROXY = "Addresses of proxies in front, with commas: cookies are Secure, and a key is needed."
COST = "Largest cost per request and per key; one list with 10 reasons costs about 10."
RATE = "Requests per second that one key may make; 0 is no limit."


Search = Literal["exact", "hnsw"]
Log = Literal["info", "warning", "error"]  # the lowest level that is logged


def serve(
    source: Annotated[Path, typer.Argument(help=SOURCE, show_default=False)],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    database: Annotated[str, typer.Option(help=DATABASE)] = "service.sqlite",
    explore: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="Share of slots given to new items at random.")
    ] = 0.0,
    init: Annotated[bool, typer.Option("--init", help=INIT)] = False,
    open_: Annotated[bool, typer.Option("--open", help=OPEN)] = False,
    proxy: Annotated[str, typer.Option(help=PROXY, show_default=False)] = "",
    search: Annotated[Search, typer.Option(help="hnsw is for more than a million items.")] = "exact",
    pages: Annotated[bool, typer.Option("--pages/--no-pages", help="Serve the explorer's pages.")] = True,
    rate: Annotated[float, typer.Option(min=0.0, help=RATE)] = 200.0,
    concurrency: Annotated[int | None, typer.Option(min=1, help=CORES, show_default=False)] = None,
    queue: Annotated[int, typer.Option(min=0, help="Requests that may wait for their turn.")] = 64,
    most_cost: Annotated[float, typer.Option(min=1.0, help=COST)] = 3000.0,
    deadline: Annotated[float, typer.Option(min=0.05, help="Seconds until a request is given up.")] = 10.0,
    grace: Annotated[float, typer.Option(min=1.0, help="Seconds to finish when stopped.")] = 10.0,
    log: Annotated[Log, typer.Option(help="Lowest level that is logged; requests are info.")] = "info",
    check: Annotated[bool, typer.Option("--check", help="Load and check everything, then stop.")] = False,
) -> None:
    """Answer requests over HTTP, and serve the explorer's pages.

    As long as no API key was ever made the service is open, but to this machine alone. From the first
    `sidelight keys new` on, every caller needs a key, also when all keys are revoked. The database must be
    there, and be the one that the store was served with: `--init` makes one. It follows the store: a promoted
    version serves within a second, without a request being lost. GET /openapi.json describes the API.
    SIGTERM and Ctrl-C let running requests finish; a second one ends at once.

    Logs are JSON lines on standard error, without ids or texts. For other machines put a proxy with
    TLS in front: keys must not travel in the clear.

    Example:
        sidelight serve model/ --init --check
        sidelight serve model/ --check
    """
    from sidelight.serving.engine_options import EngineOptions
    from sidelight.serving.http.http_options import HttpOptions
    from sidelight.serving.http.server import is_store, serve
    from sidelight.serving.rerank.exploration import Exploration

    is_store(source)  # a wrong folder is refused before a database is made
    options = HttpOptions(
        host, port, require_keys=False if open_ else None, proxy=proxy, explorer=pages, queue=queue,
        most_cost=most_cost, deadline=deadline, grace=grace,
        rate=rate, burst=max(1, round(2 * rate)), concurrency=concurrency or HttpOptions.concurrency,
    )  # fmt: skip
    engine = EngineOptions(exploration=Exploration(rate=explore), search=search)
    serve(source, database, options, engine, log, check, init)
