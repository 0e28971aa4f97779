"""`serve` as a process: it starts quickly, answers, and stops without losing anything."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import made_store
import pytest

from sidelight.cli.main import run
from sidelight.serving.database.database import Database
from sidelight.serving.store.store import Store

COMMAND = [sys.executable, "-c", "from sidelight.cli.main import run; run()", "serve"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_store.model().save(tmp_path_factory.mktemp("served") / "model")


class Running:
    """A service in a process of its own."""

    def __init__(self, *args: str, cwd: Path) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [*COMMAND, *args], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.lines: list[str] = []
        self.base = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())

    def wait(self, pattern: str, seconds: float = 60.0) -> re.Match[str]:
        until = time.monotonic() + seconds
        while True:
            for line in list(self.lines):
                if found := re.search(pattern, line):
                    return found
            assert self.process.poll() is None and time.monotonic() < until, self.lines
            time.sleep(0.01)

    def ready(self) -> Running:
        self.base = self.wait(r"listening on (http://[^\s,]+)").group(1)
        return self

    def ask(self, path: str, body: Any = None, method: str | None = None, key: str = "") -> tuple[int, Any]:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as given:
                return given.status, json.loads(given.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.over()

    def over(self) -> int:
        code = self.process.wait(60)
        self._reader.join(10)
        return code


@contextmanager
def running(*args: str, cwd: Path) -> Iterator[Running]:
    made = Running(*args, cwd=cwd)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.process.kill()
        made.over()
        for stream in (made.process.stdout, made.process.stderr):
            assert stream is not None
            stream.close()


def test_a_service_from_start_to_stop(bundle: Path, tmp_path: Path) -> None:
    args = (str(bundle), "--port", "0", "--init", "--explore", "0.2", "--rate", "0")
    with running(*args, cwd=tmp_path) as service:
        service.ready()
        assert "14 items" in " ".join(service.lines)
        assert "open to this machine alone" in " ".join(service.lines)
        assert service.ask("/readyz") == (200, {"status": "ready"})
        for n in range(5):
            status, answer = service.ask("/v1/recommend", {"user": f"u0{n}", "k": 5})
            assert (status, len(answer["items"])) == (200, 5)
        event = {"user": "u01", "item": "i03", "kind": "dismissal", "event_id": "e1"}
        assert service.ask("/v1/events", {"events": [event]})[0] == 200
        after = service.ask("/v1/recommend", {"user": "u01", "k": 14})[1]["items"]
        assert "i03" not in [i["item_id"] for i in after]
        assert service.ask("/v1/versions")[0] == 422  # a bundle has no versions
        assert service.ask("/nothing/here?user=u01")[0] == 404
        assert service.end() == 0
        assert service.lines[-1] == "sidelight: stopped; everything is written"
    told = [json.loads(line) for line in service.lines if line.startswith("{")]
    assert len(told) == 10 and {line["event"] for line in told} == {"request"}
    assert not [line for line in service.lines if "u01" in line or "i03" in line or "Traceback" in line]
    with Database.open(str(tmp_path / "service.sqlite")) as database:  # in the folder it was started in
        assert [e.item_id for e in database.history("u01")] == ["i03"]
        assert len(database.exposures()) == 5 * 5 + len(after)  # written before it ended


@pytest.mark.slow
def test_what_runs_is_finished_before_it_ends(bundle: Path, tmp_path: Path) -> None:
    """Bodies that are still arriving when the signal comes are answered; new connections are not."""
    with running(str(bundle), "--port", "0", "--init", "--no-pages", cwd=tmp_path) as service:
        service.ready()
        port = int(service.base.rpartition(":")[2])
        body = json.dumps({"user": "u01"}).encode()
        head = b"POST /v1/recommend HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        with socket.create_connection(("127.0.0.1", port)) as half:
            half.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body[:5])
            time.sleep(0.3)
            service.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
                pass
            half.sendall(body[5:])
            with half.makefile("rb") as given:
                assert given.readline().startswith(b"HTTP/1.1 200")
        assert service.over() == 0


@pytest.mark.slow
def test_a_second_signal_ends_it_at_once(bundle: Path, tmp_path: Path) -> None:
    with running(
        str(bundle), "--port", "0", "--init", "--no-pages", "--grace", "60", cwd=tmp_path
    ) as service:
        service.ready()
        port = int(service.base.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as half:
            half.sendall(
                b"POST /v1/recommend HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            )
            half.sendall(b"Content-Length: 100\r\n\r\n{")
            time.sleep(0.3)
            service.process.send_signal(signal.SIGINT)
            time.sleep(0.5)
            assert service.process.poll() is None
            start = time.monotonic()
            assert service.end(signal.SIGINT) == 130
            assert time.monotonic() - start < 5


@pytest.mark.slow
def test_it_follows_the_store_and_asks_for_keys(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for seed, name in enumerate(("monday", "tuesday")):
        store.publish(made_store.model(seed), name=name)
    store.promote("monday")
    with Database.open(str(tmp_path / "keys.sqlite")) as database:
        secret = database.add_key("shop", ["read"])
    args = ("store", "--port", "0", "--database", "keys.sqlite", "--no-pages")
    with running(*args, cwd=tmp_path) as service:
        service.ready()
        assert "keys are asked for" in " ".join(service.lines)
        assert service.ask("/v1/recommend", {"user": "u01"})[0] == 401
        assert service.ask("/v1/recommend", {"user": "u01"}, key=secret)[1]["version"] == "monday"
        store.promote("tuesday")
        until = time.monotonic() + 20
        while service.ask("/v1/recommend", {"user": "u01"}, key=secret)[1]["version"] == "monday":
            assert time.monotonic() < until
            time.sleep(0.05)
        assert service.end(signal.SIGINT) == 0
    assert not [line for line in service.lines if secret[3:20] in line]


# Without a process --------------------------------------------------------------------------------


def call(capfd: pytest.CaptureFixture[str], *args: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        run(["serve", *map(str, args)])
    out, err = capfd.readouterr()
    assert out == ""
    return int(ended.value.code or 0), err


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sidelight.cli.main.warnings.showwarning", lambda *_: None)


def test_check_loads_everything_and_stops(bundle: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, err = call(capfd, bundle, "--init", "--check")
    assert code == 0
    assert "14 items" in err and "all checks passed" in err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nowhere"], "expected a folder; found nothing there"),
        (
            ["{bundle}", "--init", "--host", "0.0.0.0"],
            "expected a key, to be reached from other machines; found none",
        ),
        (["{bundle}", "--init", "--host", "no.such.host.invalid"], "expected a key"),
        (["{empty}", "--init"], "/empty"),
        (["{bundle}", "--database", "mysql://x"], "expected"),
        (["{bundle}", "--init", "--database", "nowhere/at/all.sqlite"], "expected a place for the database"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    bundle: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], args: list[str], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    code, err = call(capfd, *(a.format(bundle=bundle, empty=tmp_path / "empty") for a in args))
    assert code == 1
    assert err.startswith("sidelight: error: ") and err.count("\n") == 1
    assert said in err


def test_a_mistyped_database_is_refused_and_not_made(
    bundle: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("servise.sqlite", "service.sqlite"):  # the default too: it may be the wrong folder
        code, err = call(capfd, bundle, "--database", name, "--check")
        assert code == 1 and err.count("\n") == 1 and "no such file" in err and "--init" in err
    assert list(tmp_path.iterdir()) == []


def test_a_service_says_at_every_start_that_it_is_open_and_never_opens_again(
    bundle: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert "no keys yet: open to this machine alone" in call(capfd, bundle, "--init", "--check")[1]
    assert "no keys yet: open to this machine alone" in call(capfd, bundle, "--check")[1]
    with Database.open(str(tmp_path / "service.sqlite")) as database:
        database.add_key("only", ["admin"])
        assert "keys are asked for" in call(capfd, bundle, "--check")[1]
        database.revoke_key(1)
    assert "keys are asked for, and none works" in call(capfd, bundle, "--check")[1]
    code, err = call(capfd, bundle, "--check", "--open")
    assert code == 0 and "OPEN to this machine alone" in err
    assert call(capfd, bundle, "--check", "--open", "--host", "0.0.0.0")[0] == 1
    assert call(capfd, bundle, "--check", "--open", "--proxy", "127.0.0.1")[0] == 1


def test_a_store_knows_its_own_database(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Store(tmp_path / "store").publish(made_store.model(), name="monday")
    Store(tmp_path / "store").promote("monday")
    for name in ("own", "other"):
        Database.open(str(tmp_path / name)).close()
    check = ("store", "--check", "--database")
    assert call(capfd, *check, "own")[0] == call(capfd, *check, "own")[0] == 0
    code, err = call(capfd, *check, "other")
    assert code == 1 and "expected the database that this store was served with; found another one" in err
    assert call(capfd, *check, "own")[0] == 0
    code, err = call(capfd, *check, "other", "--init")
    assert code == 0 and "does not know who was forgotten" in err
    assert call(capfd, *check, "own")[0] == 1


def test_a_port_in_use(bundle: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        code, err = call(capfd, bundle, "--init", "--port", other.getsockname()[1])
    assert (code, err.count("\n")) == (1, 1)
    assert "expected a free address; found Address already in use" in err


def test_a_wrong_folder_makes_no_database(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(capfd, "nowhere")[0] == 1
    assert list(tmp_path.iterdir()) == []
