"""`sidelight data list` and `sidelight data get`."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidelight.cli.main import run
from sidelight.datasets import registry

BODY = b"user_id,item_id\n1,1\n"
SUM = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a file on a server in a thread."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            self.wfile.write(BODY)

        def log_message(self, *args: Any) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/clicks.csv"
    server.shutdown()
    server.server_close()
    thread.join()


Capture = pytest.CaptureFixture[str]


def data(capsys: Capture, *args: Any, code: int = 0) -> tuple[str, str]:
    with pytest.raises(SystemExit) as end:
        run(["data", *map(str, args)])
    out, err = capsys.readouterr()
    assert (end.value.code or 0) == code, err
    return out, err


def test_the_list_names_every_set_with_its_terms(capsys: Capture) -> None:
    out, _ = data(capsys, "list")
    for s in registry.SETS:
        assert s.name in out and s.licence in out
    lines, _ = data(capsys, "list", "--json")
    rows = [json.loads(line) for line in lines.splitlines()]
    assert [(r["name"], r["url"], r["sha256"]) for r in rows] == [
        (s.name, s.url, s.sha256 or "") for s in registry.SETS
    ]


def test_an_address_is_fetched_checked_and_kept(capsys: Capture, url: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    out, err = data(capsys, "get", url, "-o", tmp_path / "one", "--cache", cache, "--json")
    record = json.loads(out)
    assert (record["file"], record["bytes"], record["sha256"]) == ("clicks.csv", len(BODY), SUM)
    assert (tmp_path / "one" / "clicks.csv").read_bytes() == BODY
    assert "trusted at first use" in err
    _, err = data(capsys, "get", url, "-o", tmp_path / "two", "--cache", cache, "--sha256", SUM)
    assert "trusted" not in err
    [kept] = cache.rglob("clicks.csv")
    kept.write_bytes(BODY + b"2,2\n")
    _, err = data(capsys, "get", url, "-o", tmp_path / "three", "--cache", cache, code=1)
    assert SUM in err and len(err.splitlines()) == 1
    assert not (tmp_path / "three").exists()


def test_a_wrong_checksum_writes_nothing(capsys: Capture, url: str, tmp_path: Path) -> None:
    args = ("get", url, "-o", tmp_path / "out", "--cache", tmp_path / "cache", "--sha256", "0" * 64)
    _, err = data(capsys, *args, code=1)
    assert SUM in err and not (tmp_path / "out").exists()


def test_a_set_reports_counts_and_terms(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(folder: Path, progress: Any) -> dict[str, Any]:
        progress(1, 1, "writing files")
        (folder / "items.csv").write_text("item_id\n")
        return {"users": 3, "items": 2, "events": 4, "density": 2 / 3}

    monkeypatch.setattr(registry, "groceries", made)
    out, err = data(capsys, "get", "groceries", "-o", tmp_path / "shop")
    assert "0.6667" in out and "groceries" in out
    assert "terms: MIT" in err and "writing files" in err and "trusted" not in err
    _, err = data(capsys, "get", "groceries", "-o", tmp_path / "shop", code=1)
    assert "--force" in err
    data(capsys, "get", "groceries", "-o", tmp_path / "shop", "--force")


def test_an_unknown_name_is_answered_with_the_nearest(capsys: Capture, tmp_path: Path) -> None:
    _, err = data(capsys, "get", "grocries", "-o", tmp_path / "shop", code=1)
    assert "did you mean 'groceries'?" in err and not (tmp_path / "shop").exists()
