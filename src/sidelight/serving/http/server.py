"""Process of the service, from the first check to the last write."""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, Literal

from sidelight.errors import SpecError, complain, missing_extra
from sidelight.serving.http.http_options import HttpOptions

try:
    import uvicorn

    from sidelight.serving.http.app import create_app, decide_keys
    from sidelight.serving.http.bounded_http import SPARE, BoundedHttpProtocol, ConnectionLimits
    from sidelight.serving.http.request_log import configure, request_log
except ImportError as error:
    raise missing_extra(error.name or "uvicorn", "serve", "the service") from error

if TYPE_CHECKING:
    from fastapi import FastAPI

    from sidelight.serving.engine_options import EngineOptions

SWITCH: Final = 0.0005  # seconds until threads switch: a short request must not wait for long ones
COLLECT: Final = (700, 10, 1000)  # new objects; young collections; collections of those of middle age
IDLE: Final = 30  # seconds between two requests of a connection
WAITING: Final = 1024  # connections that the system queues until they are accepted
TAKEN: Final = 8  # connections that are accepted at a time, before others get a turn
Level = Literal["info", "warning", "error"]


def serve(
    source: Path,
    database: str,
    options: HttpOptions,
    engine_options: EngineOptions,
    level: Level = "info",
    check: bool = False,
    init: bool = False,
    say: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; then finish running requests, write buffered rows, and return.

    A second signal ends the process at once.

    Args:
        source: Folder of a store, or of a single bundle.
        database: Address of the database, see `Database.open`.
        options: Options of HTTP.
        engine_options: Options of the engine.
        level: Lowest level that is logged; requests are "info", refusals for want of resources "warning".
        check: Do everything but listen, and return.
        init: Create the database where there is none, and link it to the store.
        say: Function for lines of progress, the address among them; standard error without.

    Raises:
        SpecError: It would listen beyond this machine without a key, or cannot listen at the address.
        BundleError: No version serves, or it is damaged.
        DatabaseError: The database cannot be opened, or is not that of the store.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    from sidelight.serving.database.database import Database
    from sidelight.serving.engine import Engine
    from sidelight.serving.store.linked_database import link_database
    from sidelight.serving.store.store import Store

    say = say or _print
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(contextlib.closing(Database.open(database, make=init)))
        options = decide_keys(options, opened)
        store = Store(source) if is_store(source) else None
        listener = None if check else stack.enter_context(_bound(options))
        # One thread per request: numpy's own threads would compete with them for the cores.
        stack.enter_context(threadpool_limits(1))
        if store is not None and (note := link_database(store.root, opened.id, init)):
            say(note)
        stack.callback(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(SWITCH)
        engine = Engine(store or source, opened, engine_options)
        app = create_app(engine, opened, options, request_log(level=level))
        say(_summary(engine.snapshot, options, database, opened.keys()))
        if listener is None:
            say("all checks passed; without --check it would listen now")
            return
        configure(level if level != "info" else "warning")
        opened.open_pool()
        stack.enter_context(engine)
        listener.listen(WAITING)  # connections from here on are served, a little later at most
        host, port = listener.getsockname()[:2]
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        say(f"listening on {address}" + (f", pages for people on {address}/" if options.explorer else ""))
        stack.enter_context(_frozen())
        GracefulServer(app, options).run(sockets=[listener])
        say("stopped; everything is written")
    if app.state.pools.busy:
        # A thread that does not end would keep the process alive. All is written, so leave it.
        sys.stderr.flush()
        os._exit(0)


@contextlib.contextmanager
def _frozen() -> Iterator[None]:
    """Collect garbage seldom: a pass over a catalogue stops all threads for 0.1 s.

    Existing objects are frozen. Versions that are loaded later are scanned every few hours: they are freed
    without the collector, as nearly all objects are.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


class GracefulServer(uvicorn.Server):
    """Server of uvicorn that returns when stopped, instead of dying of the signal before all is written.

    Args:
        app: App of the service.
        options: Limits.
    """

    def __init__(self, app: FastAPI, options: HttpOptions) -> None:
        self._app: Any = app
        crowd = ConnectionLimits(_descriptors(options.connections), options.silent)
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(BoundedHttpProtocol, crowd=crowd),  # type: ignore[arg-type]
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,  # it would write queries
                server_header=False,
                proxy_headers=True,  # of proxies that were named, or on this machine: who asks, and how
                forwarded_allow_ips=options.proxy or None,
                backlog=TAKEN,
                timeout_keep_alive=IDLE,
                timeout_graceful_shutdown=max(1, round(options.grace)),
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen with a long queue; uvicorn would accept as many connections at a time as may wait."""
        await super().startup(sockets)
        for each in sockets or []:
            each.listen(WAITING)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals while the service runs; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {each: signal.signal(each, self.handle_exit) for each in signals}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop gracefully; a second signal stops at once."""
        if self.should_exit:
            os._exit(128 + sig)
        self.should_exit = True
        self._app.state.health.stopping = True


def is_store(source: Path) -> bool:
    """Check that a folder is a store of versions, and not a bundle.

    Raises:
        SpecError: There is no such folder.
    """
    if not source.is_dir():
        found = "nothing there"
        fix = "give a store of sidelight store publish, or a bundle of sidelight train"
        raise SpecError(complain("a folder", found, str(source), fix))
    return (source / "versions").is_dir()


def _bound(options: HttpOptions) -> socket.socket:
    """Bind a socket, so that an address in use is known before a model is loaded."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # With an explicit protocol, asyncio turns off Nagle's algorithm, which cost 40 ms per response.
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
        except BaseException:
            sock.close()
            raise
    except (OSError, OverflowError) as error:
        where, why = f"{options.host}:{options.port}", getattr(error, "strerror", None) or str(error)
        raise SpecError(complain("a free address", why, where, "choose another --port or --host")) from None
    return sock


def _descriptors(wanted: int) -> int:
    """Return the connections that the system allows, at most those wanted; raise its soft limit for them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted + 2 * SPARE and soft < hard:
        soft = wanted + 2 * SPARE if hard == resource.RLIM_INFINITY else min(hard, wanted + 2 * SPARE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - 2 * SPARE))


def _summary(snapshot: Any, options: HttpOptions, database: str, keys: Sequence[object]) -> str:
    who = {
        True: "keys are asked for" if keys else "keys are asked for, and none works: sidelight keys new",
        False: "OPEN to this machine alone, without keys, as --open says",
        None: "no keys yet: open to this machine alone, until the first key is made",
    }[options.require_keys]
    place = "PostgreSQL" if database.startswith("postgresql") else f"database {database}"
    items = len(snapshot.model.items)
    return f"version {snapshot.version or '(a bundle)'}, {items:,} items; {place}; {who}"


def _print(text: str) -> None:
    print(f"sidelight: {text}", file=sys.stderr, flush=True)
