"""HTTP on the wire: endless heads and bodies, silent connections, garbage."""

from __future__ import annotations

import json
import resource
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from http_service import Service, wait_for

from sidelight.serving.http import bounded_http
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.http.server import GracefulServer

POST = b"POST /v1/recommend HTTP/1.1\r\nHost: localhost\r\n"


HEAD = POST + b"Content-Type: application/json\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a service in a thread, as the command runs it."""
    options = HttpOptions(explorer=False, rate=0, most_body=300_000, deadline=2.0, connections=60, silent=10)
    service = Service(tmp_path_factory.mktemp("wire"), options)
    listener = socket.create_server(("127.0.0.1", 0))
    server = GracefulServer(service.app, options)
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]))
    thread.start()
    wait_for(lambda: server.started)
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(10)
    service.close()


def talk(port: int, *parts: bytes, pause: float = 0.0, seconds: float = 10.0) -> bytes:
    """What comes back until the connection is closed, or nothing more comes."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.settimeout(seconds)
        got = b""
        try:
            for part in parts:
                line.sendall(part)
                time.sleep(pause)
            while piece := line.recv(65536):
                got += piece
        except (ConnectionError, TimeoutError):
            pass
        return got


def plain(body: bytes) -> bytes:
    return HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def test_a_request_and_the_next(port: int) -> None:
    body = json.dumps({"user": "u"}).encode()
    assert talk(port, plain(body)).startswith(b"HTTP/1.1 200")
    twice = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body + plain(body)
    assert talk(port, twice).count(b"HTTP/1.1 200") == 2
    chunked = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b" 200 " in talk(port, chunked + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")
    large = b'{"user":"' + b"u" * 290_000 + b'"}'
    assert b" 422 " in talk(port, plain(large))  # as large as it may be, and an id that is none


def endless(piece: bytes, start: bytes = HEAD) -> list[bytes]:
    return [start] + [piece * (16384 // len(piece))] * 64


@pytest.mark.parametrize(
    "parts",
    [
        endless(b"X-Header: value\r\n"),
        endless(b"x", HEAD + b"X-Long: "),
        endless(b"x", HEAD),
        endless(b"x", b"GET /"),
        endless(b"\r\nX: y", HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0"),
        endless(b"1;ext=" + b"e" * 100 + b"\r\nx\r\n", HEAD + b"Transfer-Encoding: chunked\r\n\r\n"),
        endless(b"1\r\nx\r\n", HEAD + b"Transfer-Encoding: chunked\r\n\r\n"),
    ],
    ids=["headers", "one header", "one name", "address", "trailers", "marks", "small chunks"],
)
def test_what_has_no_end_is_cut_off(port: int, parts: list[bytes]) -> None:
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    got = talk(port, *parts)
    assert time.monotonic() - start < 5  # closed by the service
    assert not got.startswith(b"HTTP/1.1 2")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000  # KB
    assert b" 200 " in talk(port, plain(b'{"user": "u"}'))


def test_a_body_that_never_comes(port: int) -> None:
    start = time.monotonic()
    got = talk(port, HEAD + b"Content-Length: 100\r\n\r\n{")
    assert got.startswith(b"HTTP/1.1 408") and b"application/problem+json" in got
    assert 1.5 < time.monotonic() - start < 6


def test_a_head_that_never_ends(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "PATIENCE", 0.3)
    for parts in (
        [b""],
        [b"GET / HT"],
        [HEAD],
        [plain(b"{}").replace(b"Connection: close\r\n", b""), b"GET"],
    ):
        start = time.monotonic()
        talk(port, *parts)
        assert time.monotonic() - start < 3


def silent(port: int, number: int, sent: bytes = b"") -> list[socket.socket]:
    lines = [socket.create_connection(("127.0.0.1", port)) for _ in range(number)]
    for line in lines:
        line.sendall(sent)
    return lines


def left_open(lines: list[socket.socket]) -> int:
    """Connections that the service has not closed."""
    found = 0
    for line in lines:
        line.setblocking(False)
        try:
            found += bool(line.recv(65536)) and line.recv(1) != b""
        except BlockingIOError:
            found += 1
        except OSError:
            pass
    return found


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HT",
        HEAD,
        HEAD + b"Content-Length: 100\r\n\r\n{",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=["nothing", "half a line", "half a head", "half a body", "whole requests"],
)
def test_connections_of_others_shut_out_nobody(port: int, sent: bytes) -> None:
    """More than there may be: those that wait for bytes make room."""
    lines = silent(port, 150, sent)
    try:
        for _ in range(5):
            assert b" 200 " in talk(port, plain(b'{"user": "u"}'), seconds=5)
            assert b" 200 " in talk(
                port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
        wait_for(lambda: left_open(lines) <= 60)
    finally:
        for line in lines:
            line.close()


def test_an_address_has_few_connections_that_say_nothing(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "CROWDED", 0.2)
    lines = silent(port, 40)
    try:
        wait_for(lambda: left_open(lines) <= 10)
        assert b" 200 " in talk(port, plain(b'{"user": "u"}'))
    finally:
        for line in lines:
            line.close()


def test_a_body_that_nobody_wants_any_more_is_not_waited_for(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_http, "UNWANTED", 0.2)
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(POST.replace(b"/v1/recommend", b"/nowhere") + b"Content-Length: 1000\r\n\r\n")
        line.settimeout(5)
        got = b""
        try:
            while piece := line.recv(65536):
                got += piece
                line.sendall(b"x")  # byte by byte it would take for ever
        except ConnectionError:
            pass
    assert b" 404 " in got and time.monotonic() - start < 3


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        POST + b"Host: other\r\nContent-Length: 0\r\n\r\n",
        b"POST /v1/recommend HTTP/1.1\r\n Host: localhost\r\n\r\n",
        b"GET http://evil.example/v1/status HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
        b"Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n",
        b"\0" * 1000,
        b"\r\n" * 1000,
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
    ids=range(14),
)
def test_what_is_no_request(port: int, sent: bytes) -> None:
    got = talk(port, sent, seconds=0.5)
    assert not got or not got.startswith(b"HTTP/1.1 5"), got
    assert b"Traceback" not in got
    assert b" 200 " in talk(port, plain(b'{"user": "u"}'))
