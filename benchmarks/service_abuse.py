"""Can one key, or somebody without one, stop the lists of others?

In turn, a quiet load of single lists with a good key and the same load while, all at once, another key
sends batches with reasons (as large as is accepted, and larger), 700 connections stay silent, bodies of that
key and of strangers arrive byte by byte, and a third key compares versions in 30 pages; in the middle an
admin rolls back. Bars: p99 at most 5 times the quiet p99, no 503 for any key, rollbacks under 1 s, the
service ready throughout and ended by SIGTERM with 0 in the time that it states.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import multiprocessing
import os
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import service
import serving_size
import serving_swaps
import shape

from sidelight.serving.bundle import load
from sidelight.serving.database.database import Database
from sidelight.serving.store.store import Store

RATE, K, SILENT, COMPARISONS, DRIPS = 20.0, 10, 700, 30, 40
HEAVY = {"requests": [{"user": f"u{n:07d}", "k": 1000, "explain": True} for n in range(200)]}
TIMES, SECONDS, STOP = 5.0, 1.0, 20.0
LATER = 0.5  # seconds
NICE = 10  # of the clients that do it: they stand for other machines and must not slow the service
LOCK = threading.Lock()


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--users", type=int, default=4_000)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--for-seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=4)


class Trouble:
    """Everything that is done to the service at once, until it is told to stop.

    Args:
        port: Of the service.
        secrets: Keys by name: "heavy" and "pages" may read, "admin" may roll back.
        accepted: A batch with reasons that the service takes.
    """

    def __init__(self, port: int, secrets: dict[str, str], accepted: dict[str, Any]) -> None:
        self.port, self.secrets, self.accepted = port, secrets, accepted
        context = multiprocessing.get_context("spawn")
        self.ready, self.go, self.over = context.Event(), context.Event(), context.Event()
        self.statuses: Counter[str] = Counter()
        self._said = context.Queue()

    def count(self, kind: str, status: int) -> None:
        """Note how a request was answered."""
        with LOCK:
            self.statuses[f"{kind}.{status}"] += 1

    def works(self) -> list[Callable[[], None]]:
        """What runs at the same time, each in a thread."""
        batches = [lambda body=body: self.batches(body) for body in (HEAVY, HEAVY, *[self.accepted] * 4)]
        drips = [lambda key=key: self.drip(key) for key in ("heavy", "") for _ in range(DRIPS // 2)]
        pages = self.signed_in()
        return [
            *batches,
            *drips,
            self.silent,
            *[lambda: self.comparison(*pages) for _ in range(COMPARISONS)],
        ]

    def batches(self, body: dict[str, Any]) -> None:
        """The same batch again and again."""
        while not self.over.is_set():
            self.count("batch", ask(self.port, "POST", "/v1/recommend/batch", body, self.secrets["heavy"]))
            self.over.wait(0.5)

    def silent(self) -> None:
        """Connections that send nothing; what the service closes is opened again once a second."""
        with contextlib.ExitStack() as stack:
            lines: list[socket.socket] = []
            while not self.over.is_set():
                lines = [line for line in lines if not closed(line)]
                for _ in range(SILENT - len(lines)):
                    with contextlib.suppress(OSError):
                        line = socket.create_connection(("127.0.0.1", self.port), timeout=5)
                        lines.append(stack.enter_context(line))
                with LOCK:
                    self.statuses["silent"] = max(self.statuses["silent"], len(lines))
                self.over.wait(1.0)

    def drip(self, key: str) -> None:
        """Bodies of a list and, without a key, of a sign-in, one byte at a time."""
        path = b"/v1/recommend" if key else b"/signin"
        head = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n" % path
        kind = b"application/json" if key else b"application/x-www-form-urlencoded"
        head += b"Content-Type: %s\r\n" % kind
        head += b"Authorization: Bearer %s\r\n\r\n" % self.secrets[key].encode() if key else b"\r\n"
        while not self.over.is_set():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)) as line:
                line.sendall(head)
                while not self.over.wait(0.2) and not closed(line):
                    line.sendall(b" ")
            self.over.wait(0.2)

    def signed_in(self) -> tuple[str, str]:
        """Cookie and form token of somebody who signed in to the pages."""
        status, headers, page = page_of(self.port, "GET", "/signin", {})
        cookie = headers["set-cookie"].partition(";")[0]
        form = {"token": token(page), "key": self.secrets["pages"], "next": "/versions"}
        status, headers, page = page_of(self.port, "POST", "/signin", {"Cookie": cookie}, form)
        cookie = next(each for each in re.findall(r"sidelight_session=[^;,]+", headers["set-cookie"]))
        status, headers, page = page_of(self.port, "GET", "/versions", {"Cookie": cookie})
        if status != 200:
            raise SystemExit(f"signing in to the pages: {status}")
        return cookie, token(page)

    def comparison(self, cookie: str, token: str) -> None:
        """One person's lists of two versions, again and again."""
        form = {"token": token, "who": "user", "user": "u0000007", "k": "10", "other": "c"}
        while not self.over.is_set():
            headers = {"Cookie": cookie, "X-Live": "1"}
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.count("comparison", page_of(self.port, "POST", "/versions", headers, form)[0])
            self.over.wait(1.0)

    def run(self) -> None:
        """Everything at once until it is over; then say how it was answered."""
        os.nice(NICE)
        threads = [threading.Thread(target=work) for work in self.works()]
        self.ready.set()
        self.go.wait()
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        self._said.put(self.statuses)

    @contextlib.contextmanager
    def all(self) -> Iterator[None]:
        """The same while the context lasts, in a process of its own: clients must not slow each other."""
        process = multiprocessing.get_context("spawn").Process(target=self.run)
        process.start()
        if not self.ready.wait(service.PATIENCE):
            raise SystemExit("the trouble did not begin")
        threading.Timer(LATER, self.go.set).start()  # when the connections of the good key are open
        try:
            yield
        finally:
            self.over.set()
            self.statuses = self._said.get()
            process.join()


def closed(line: socket.socket) -> bool:
    """Whether the service has closed a connection, or has answered on it."""
    try:
        line.setblocking(False)
        line.recv(65536)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        line.settimeout(5)
    return True


def token(page: str) -> str:
    """Of the forms of a page."""
    return re.findall(r'name="token" value="([^"]+)"', page)[0]


def page_of(
    port: int, method: str, path: str, headers: dict[str, str], form: dict[str, str] | None = None
) -> tuple[int, dict[str, str], str]:
    """Status, headers and text of a page."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    sent = None if form is None else urlencode(form)
    kind = {} if form is None else {"Content-Type": "application/x-www-form-urlencoded"}
    line.request(method, path, sent, {**headers, **kind})
    answer = line.getresponse()
    read = answer.read().decode()
    line.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, read


def ask(port: int, method: str, path: str, body: Any, key: str) -> int:
    """Status of an answer on a connection of its own; 0 where it broke."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    try:
        line.request(method, path, json.dumps(body), headers)
        answer = line.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        line.close()
    return answer.status


def singles(port: int, key: str, people: list[str], seconds: float) -> service.Found:
    """The load of single lists with a good key."""
    bodies = [{"user": user, "k": K} for user in people]
    return service.load(port, bodies, RATE, lambda at: at >= RATE * seconds, key=key)


def join(all_: service.Found, more: service.Found) -> None:
    """Add what a load saw to what earlier ones did."""
    all_.seconds += more.seconds
    all_.failed += more.failed


def largest(port: int, key: str) -> dict[str, Any]:
    """The longest batch with reasons that is accepted, as the refusal of a longer one says."""
    requests = [{**each, "k": 10} for each in HEAVY["requests"]]
    while ask(port, "POST", "/v1/recommend/batch", {"requests": requests}, key) == 422:
        requests = requests[: len(requests) * 9 // 10]
    return {"requests": requests}


def main() -> None:
    """Quiet and abused in turn, at last SIGTERM in the middle of it."""
    run = shape.start("service_abuse", options=options, needs_data=False)
    with service.folder() as name:
        place = Path(name)
        store = Store(place / "store")
        model = load(serving_size.bundle(place, run.items, run.users, run.dim))
        for version in serving_swaps.versions(model, store):
            store.promote(version)
        with contextlib.closing(Database.open(str(place / "service.sqlite"))) as database:
            secrets = {
                each: database.add_key(each, ["read", "history"]) for each in ("good", "heavy", "pages")
            }
            secrets["admin"] = database.add_key("admin", ["admin"])
        people = [str(user) for user in model.people.ids[:200]]
        quiet, busy = service.Found(), service.Found()
        statuses: Counter[str] = Counter()
        rolled: list[tuple[int, float]] = []
        unready: list[int] = []
        with service.Service(store.root, place, "--rate", "0", "--log", "warning") as served:
            port = served.port
            singles(port, secrets["good"], people, 3.0)
            accepted = largest(port, secrets["heavy"])
            for at in range(run.rounds):  # in turn, so that both see the same machine
                join(quiet, singles(port, secrets["good"], people, run.for_seconds))
                trouble = Trouble(port, secrets, accepted)

                def roll() -> None:
                    time.sleep(run.for_seconds / 2)
                    began = time.perf_counter()
                    status = ask(port, "POST", "/v1/versions/rollback", None, secrets["admin"])
                    rolled.append((status, time.perf_counter() - began))
                    unready.append(service.Connection(port).ask("GET", "/readyz")[0] != 200)

                with trouble.all():
                    rolling = threading.Thread(target=roll)
                    rolling.start()
                    join(busy, singles(port, secrets["good"], people, run.for_seconds))
                    rolling.join()
                    if at == run.rounds - 1:
                        began = time.perf_counter()
                        served.process.terminate()
                        ended = served.process.wait(timeout=service.PATIENCE)
                        stopped = time.perf_counter() - began
                        trouble.over.set()
                statuses += trouble.statuses
                if at < run.rounds - 1:
                    ask(port, "POST", "/v1/versions/promote", {"name": "c"}, secrets["admin"])
                shape.note(f"round {at + 1}: p99 {quiet.p(99):.1f} and {busy.p(99):.1f} ms, {statuses}")
    silent = statuses.pop("silent")
    figures = {
        "items": run.items, "requests": len(busy.seconds),
        **{f"{name}.ms.p{q}": found.p(q) for name, found in (("quiet", quiet), ("abused", busy))
           for q in (50, 90, 99)},
        "p99_to_quiet_p99": busy.p(99) / quiet.p(99), "not_2xx": len(busy.failed) + len(quiet.failed),
        "answers_503": sum(n for each, n in statuses.items() if each.endswith(".503")),
        "silent_connections": silent / run.rounds, "batch_lists": len(accepted["requests"]),
        "rollbacks": sum(status == 200 for status, _ in rolled),
        "rollback.seconds": max(seconds for _, seconds in rolled), "unready": sum(unready),
        "sigterm.status": ended, "sigterm.seconds": stopped, **dict(sorted(statuses.items())),
    }  # fmt: skip
    shape.note(f"{figures} {busy.failed[:2]}")
    shape.emit(
        "service_abuse", figures, {}, run.seconds(), shape.peak_mb(), run.out,
        f"synthetic seed {serving_size.SEED}", rate=RATE,
        bars={"p99_to_quiet_p99": TIMES, "not_2xx": 0, "answers_503": 0, "rollbacks": run.rounds,
              "rollback.seconds": SECONDS, "unready": 0, "sigterm.status": 0, "sigterm.seconds": STOP},
    )  # fmt: skip


if __name__ == "__main__":
    main()
