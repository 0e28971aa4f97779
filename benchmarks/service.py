"""The service as a process under load: what the benchmarks of serving share."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

PATIENCE = 120.0  # seconds after which a service that does not start or stop is given up
POLL = 0.01


class Service:
    """`sidelight serve` in a process of its own, from entering until leaving the context.

    Args:
        source: Store or bundle.
        place: Folder for its database and its log.
        options: More words of the command line.
        python: Of the environment that serves.
    """

    def __init__(self, source: Path, place: Path, *options: str, python: Path = Path(sys.executable)) -> None:
        database = ("--init", "--database", str(place / "service.sqlite"))
        command = str(python.with_name("sidelight"))
        self.command = [command, "serve", str(source), "--port", "0", *database, *options]
        self.log = place / "service.log"
        self.port = 0

    def __enter__(self) -> Service:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self.command, stderr=log)
        began = time.perf_counter()
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", self.log.read_text())):
            if self.process.poll() is not None or time.perf_counter() - began > PATIENCE:
                raise SystemExit(f"the service did not start: {self.log.read_text()[-2000:]}")
            time.sleep(POLL)
        self.port = int(found[1])
        while Connection(self.port).ask("GET", "/readyz")[0] != 200:
            time.sleep(POLL)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        if self.process.wait(timeout=PATIENCE) and kind is None:
            raise SystemExit(f"the service ended with {self.process.returncode}")

    def resident_mb(self) -> float:
        """Memory that it holds now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 2**10

    def cpu_seconds(self) -> float:
        """Processor time that it took so far."""
        spent = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(spent[11]) + int(spent[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self) -> int:
        """Files and sockets that it has open now."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class Connection:
    """One connection that is kept open, with a key where one is needed."""

    def __init__(self, port: int, key: str = "") -> None:
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.key = {"Authorization": f"Bearer {key}"} if key else {}

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and body of an answer; status 0 where the connection broke."""
        sent = None if body is None else json.dumps(body).encode()
        headers = self.key if sent is None else {"Content-Type": "application/json", **self.key}
        try:
            self.http.request(method, path, sent, headers)
            answer = self.http.getresponse()
            read = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.http.close()
            return 0, repr(error)
        return answer.status, json.loads(read) if read[:1] in (b"{", b"[") else read


@dataclass
class Found:
    """What a load saw: seconds of every answer, how many were not 2xx, and how many were judged wrong."""

    seconds: list[float] = field(default_factory=list)
    failed: list[tuple[int, Any]] = field(default_factory=list)
    wrong: int = 0

    def p(self, q: float) -> float:
        """A percentile of the seconds, in milliseconds."""
        return float(np.percentile(self.seconds, q)) * 1000


def load(
    port: int,
    bodies: Sequence[Any],
    rate: float,
    until: Callable[[int], bool],
    judge: Callable[[int, Any], bool] | None = None,
    threads: int = 4,
    key: str = "",
) -> Found:
    """Requests at an even rate (open loop): each is due at its time, however long others take.

    The seconds of an answer count from when it was due, so that a stall is seen in full.

    Args:
        port: Of the service.
        bodies: Of POST /v1/recommend, in turn.
        rate: Requests a second.
        until: Told the number of the next request; True ends the load.
        judge: Told the number of the body and the answer; False counts as wrong.
        threads: Connections.
        key: Of the API, where one is needed.
    """
    found, lock, started = Found(), threading.Lock(), time.perf_counter() + 0.1
    number = iter(range(1 << 62))

    def work() -> None:
        connection = Connection(port, key)
        while True:
            with lock:
                at = next(number)
            if until(at):
                return
            due = started + at / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            status, answer = connection.ask("POST", "/v1/recommend", bodies[at % len(bodies)])
            seconds = time.perf_counter() - due
            with lock:
                found.seconds.append(seconds)
                if not 200 <= status < 300:
                    found.failed.append((status, answer))
                elif judge is not None and not judge(at % len(bodies), answer):
                    found.wrong += 1

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    return found


def folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that is gone at the end."""
    return tempfile.TemporaryDirectory(prefix="sidelight-")
